"""Asking a node about its own parameters."""

from __future__ import annotations

from collections.abc import Iterable

from rcl_interfaces.msg import ListParametersResult, ParameterDescriptor

from rclpy.exceptions import ParameterNotDeclaredException, ParameterUninitializedException
from rclpy.impl.parameter_listing import list_names
from rclpy.impl.parameter_store import ParameterStore
from rclpy.parameter import Parameter


class NodeParameterQueries:
    """Mixin of Node that answers about its parameters; thread-safe."""

    _parameter_store: ParameterStore
    _allow_undeclared_parameters: bool

    def has_parameter(self, name: str) -> bool:
        """Whether it is declared."""
        return name in self._parameter_store.values

    def get_parameter(self, name: str) -> Parameter:
        """A parameter.

        Raises:
            ParameterNotDeclaredException: nobody declared it.
            ParameterUninitializedException: it has a type but no value.
        """
        with self._parameter_store.lock:
            if name not in self._parameter_store.values:
                if self._allow_undeclared_parameters:
                    return Parameter(name)
                raise ParameterNotDeclaredException(name)
            parameter = self._parameter_store.values[name]
            if parameter.value is None and not self._parameter_store.descriptors[name].dynamic_typing:
                raise ParameterUninitializedException(name)
            return parameter

    def get_parameters(self, names: Iterable[str]) -> list[Parameter]:
        """Several parameters."""
        return [self.get_parameter(name) for name in names]

    def get_parameter_or(self, name: str, alternative_value: Parameter | None = None) -> Parameter:
        """A parameter, or the alternative where it is not declared or not set."""
        known = self._parameter_store.values.get(name)
        if known is not None and known.value is not None:
            return known
        return alternative_value or Parameter(name)

    def get_parameters_by_prefix(self, prefix: str) -> dict[str, Parameter]:
        """Parameters below a prefix, by the rest of their names."""
        start = f"{prefix}." if prefix else ""
        with self._parameter_store.lock:
            return {name[len(start) :]: p for name, p in self._parameter_store.values.items() if name.startswith(start)}

    def get_parameter_type(self, name: str) -> int:
        """The number of a parameter's type, as rcl_interfaces/ParameterType has it.

        Raises:
            ParameterNotDeclaredException: nobody declared it.
        """
        with self._parameter_store.lock:
            if name in self._parameter_store.values:
                return self._parameter_store.values[name].type_.value
        if self._allow_undeclared_parameters:
            return Parameter.Type.NOT_SET.value
        raise ParameterNotDeclaredException(name)

    def get_parameter_types(self, names: Iterable[str]) -> list[int]:
        """The types of several parameters."""
        return [self.get_parameter_type(name) for name in names]

    def list_parameters(self, prefixes: list[str], depth: int) -> ListParametersResult:
        """Names of parameters below the prefixes, at most `depth` parts deep; 0 means any depth."""
        with self._parameter_store.lock:
            return list_names(list(self._parameter_store.values), prefixes, depth)

    def describe_parameter(self, name: str) -> ParameterDescriptor:
        """The descriptor of a parameter."""
        with self._parameter_store.lock:
            if name in self._parameter_store.descriptors:
                return self._parameter_store.descriptors[name]
        if self._allow_undeclared_parameters:
            return ParameterDescriptor()
        raise ParameterNotDeclaredException(name)

    def describe_parameters(self, names: Iterable[str]) -> list[ParameterDescriptor]:
        """The descriptors of several parameters."""
        return [self.describe_parameter(name) for name in names]
