"""Nodes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rclpy.callback_groups import CallbackGroup, MutuallyExclusiveCallbackGroup
from rclpy.client import Client
from rclpy.clock import Clock, ROSClock
from rclpy.context import Context
from rclpy.exceptions import NodeNameNonExistentError
from rclpy.guard_condition import GuardCondition
from rclpy.impl.entity import Waitable
from rclpy.impl.graph_nodes import NodeEntities
from rclpy.impl.logger import RcutilsLogger
from rclpy.impl.node_graph import NodeGraph
from rclpy.impl.node_naming import NodeNaming
from rclpy.impl.node_parameters import NodeParameters
from rclpy.impl.node_topics import NodeTopics
from rclpy.impl.rosout import Rosout
from rclpy.logging_service import LoggingService
from rclpy.parameter import Parameter
from rclpy.parameter_service import ParameterService
from rclpy.publisher import Publisher
from rclpy.service import Service
from rclpy.subscription import Subscription
from rclpy.time_source import TimeSource
from rclpy.timer import Timer
from rclpy.type_description_service import TypeDescriptionService
from rclpy.utilities import get_default_context


class Node(NodeNaming, NodeTopics, NodeParameters, NodeGraph):
    """A participant of the ROS graph, with publishers, subscriptions, services, clients, timers and parameters.

    Args:
        node_name: its name; `__node:=` on the command line wins.
        context: the context; by default the default one.
        cli_args: arguments of this node alone, with or without a leading `--ros-args`.
        namespace: its namespace; `__ns:=` on the command line wins.
        use_global_arguments: whether the arguments of `rclpy.init` hold for it.
        enable_rosout: whether its log goes to `/rosout`.
        start_parameter_services: whether others can read and set its parameters.
        parameter_overrides: values that win over the command line.
        allow_undeclared_parameters: whether parameters may be set without being declared.
        automatically_declare_parameters_from_overrides: whether given values declare parameters.
        enable_logger_service: whether others can read and set the levels of this process's loggers.

    Raises:
        NotInitializedException: rclpy.init() was not called.
        InvalidNodeNameException, InvalidNamespaceException: the name breaks ROS 2's rules.
        ArgumentError, ParameterFileError: `cli_args` are wrong.
    """

    def __init__(
        self,
        node_name: str,
        *,
        context: Context | None = None,
        cli_args: Sequence[str] | None = None,
        namespace: str | None = None,
        use_global_arguments: bool = True,
        enable_rosout: bool = True,
        start_parameter_services: bool = True,
        parameter_overrides: Sequence[Parameter] | None = None,
        allow_undeclared_parameters: bool = False,
        automatically_declare_parameters_from_overrides: bool = False,
        enable_logger_service: bool = False,
    ) -> None:
        self._context = context or get_default_context()
        self._executor: Any = None
        self._default_callback_group = MutuallyExclusiveCallbackGroup()
        self._clock = ROSClock()
        self._init_names(node_name, namespace or "", cli_args, use_global_arguments)
        self._logger = RcutilsLogger(self.get_fully_qualified_name().strip("/").replace("/", "."))
        self._graph = self._context.graph
        self._graph_entry = NodeEntities(self._name, self._namespace, self._logger)
        self._graph.add_node(self._graph_entry)
        self._init_entities()
        self._rosout = Rosout(self) if enable_rosout and self._context.arguments.rosout else None
        given = self._given_parameters(parameter_overrides)
        self._init_parameters(given, allow_undeclared_parameters, automatically_declare_parameters_from_overrides)
        self._time_source = TimeSource(self, self._clock)
        self._parameter_service = ParameterService(self) if start_parameter_services else None
        self._logging_service = LoggingService(self) if enable_logger_service else None
        self._type_description_service = TypeDescriptionService(self)

    def __enter__(self) -> Node:
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy_node()

    @property
    def context(self) -> Context:
        """The context that the node lives in."""
        return self._context

    @property
    def executor(self) -> Any:
        """The executor that runs the node's callbacks, or None."""
        return self._executor

    @executor.setter
    def executor(self, executor: Any) -> None:
        if self._executor is not None and self._executor is not executor:
            self._executor.remove_node(self)
        self._executor = executor

    @property
    def default_callback_group(self) -> CallbackGroup:
        """The group of entities that were given none."""
        return self._default_callback_group

    @property
    def waitables(self) -> list[Waitable]:
        """Everything that an executor waits for."""
        return list(self._waitables)

    def _of_kind(self, kind: type) -> list[Any]:
        return [entity for entity in self._waitables if isinstance(entity, kind)]

    @property
    def publishers(self) -> Iterable[Publisher]:
        """The node's publishers."""
        return list(self._publishers)

    @property
    def subscriptions(self) -> Iterable[Subscription]:
        """The node's subscriptions."""
        return self._of_kind(Subscription)

    @property
    def services(self) -> Iterable[Service]:
        """The node's services."""
        return self._of_kind(Service)

    @property
    def clients(self) -> Iterable[Client]:
        """The node's clients."""
        return self._of_kind(Client)

    @property
    def timers(self) -> Iterable[Timer]:
        """The node's timers."""
        return self._of_kind(Timer)

    @property
    def guards(self) -> Iterable[GuardCondition]:
        """The node's guard conditions."""
        return self._of_kind(GuardCondition)

    def get_logger(self) -> RcutilsLogger:
        """The node's logger."""
        return self._logger

    def get_clock(self) -> Clock:
        """The node's ROS-time clock."""
        return self._clock

    def destroy_node(self) -> None:
        """Let go of everything that the node has."""
        if self._executor is not None:
            self._executor.remove_node(self)
        if self._rosout is not None:
            self._rosout.close()
        self._destroy_entities()
        self._graph.remove_node(self._graph_entry)


__all__ = ["Node", "NodeNameNonExistentError"]
