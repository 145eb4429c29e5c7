"""A node's name, its namespace, and what remapping makes of the names it uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rclpy.context import Context
from rclpy.impl.arguments import RosArguments, parse
from rclpy.impl.names import check_namespace, check_node_name, expand, remap
from rclpy.parameter import Parameter


class NodeNaming:
    """Mixin of Node that holds its arguments and names."""

    _context: Context

    def _init_names(self, name: str, namespace: str, cli_args: Sequence[str] | None, use_global: bool) -> None:
        self._arguments = self._collect_arguments(cli_args, use_global)
        check_node_name(name)
        chosen, absolute = name, namespace if namespace.startswith("/") else "/" + namespace
        for arguments in self._arguments:
            chosen, absolute = arguments.node_name(chosen), arguments.namespace(name, absolute)
        check_node_name(chosen)
        self._name = chosen
        self._namespace = absolute if absolute == "/" else absolute.rstrip("/")
        check_namespace(self._namespace)

    def _collect_arguments(self, cli_args: Sequence[str] | None, use_global: bool) -> list[RosArguments]:
        own = list(cli_args or ())
        if own and "--ros-args" not in own:
            own.insert(0, "--ros-args")
        found = [self._context.arguments] if use_global else []
        return [*found, parse(own)[0]] if own else found

    def _given_parameters(self, given: Sequence[Parameter] | None) -> dict[str, Parameter]:
        """Values of the command line and of files, and over them those given to the constructor."""
        values: dict[str, Any] = {}
        for arguments in self._arguments:
            values |= arguments.overrides(self._name, self._namespace)
        parameters = {name: Parameter(name, value=value) for name, value in values.items()}
        return parameters | {parameter.name: parameter for parameter in given or ()}

    def get_name(self) -> str:
        """The name."""
        return self._name

    def get_namespace(self) -> str:
        """The namespace, absolute."""
        return self._namespace

    def get_fully_qualified_name(self) -> str:
        """Namespace and name."""
        return f"{self._namespace.rstrip('/')}/{self._name}"

    def _resolve(self, name: str, only_expand: bool, is_service: bool) -> str:
        full = expand(name, self._name, self._namespace, is_service)
        if only_expand:
            return full
        for arguments in reversed(self._arguments):
            renamed = remap(full, arguments.name_rules(self._name), self._name, self._namespace)
            if renamed != full:
                return renamed
        return full

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        """The full name of a topic after remapping."""
        return self._resolve(topic, only_expand, False)

    def resolve_service_name(self, service: str, *, only_expand: bool = False) -> str:
        """The full name of a service after remapping."""
        return self._resolve(service, only_expand, True)
