"""A context: the life of one rclpy between init and shutdown."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakMethod, WeakSet

from rclpy.exceptions import NotInitializedException
from rclpy.impl.arguments import RosArguments, parse

if TYPE_CHECKING:
    from rclpy.impl.graph import Graph
    from rclpy.impl.participant import Participant

ACTIVE: WeakSet[Context] = WeakSet()
"""Contexts that were initialized, for the signal handlers."""


class Context:
    """Arguments, the DDS participant, and who wants to know of the shutdown."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._ok = False
        self._callbacks: list[Any] = []
        self._participant: Participant | None = None
        self._graph: Graph | None = None
        self.arguments = RosArguments()
        self._domain_id: int | None = None
        self.executors: WeakSet[Any] = WeakSet()

    def init(self, args: Sequence[str] | None = None, *, domain_id: int | None = None) -> None:
        """Start the context; `args` defaults to the command line.

        Raises:
            RuntimeError: it was started already.
            ArgumentError, ParameterFileError: the command line is wrong.
        """
        from rclpy.impl.log_output import show_on_console
        from rclpy.impl.logger import configure_levels
        from rclpy.impl.network import domain_id_from_environment

        with self._lock:
            if self._ok:
                raise RuntimeError("Context.init() must only be called once")
            self.arguments, _ = parse(sys.argv if args is None else args)
            self._domain_id = domain_id_from_environment() if domain_id is None else domain_id
            self._ok = True
            ACTIVE.add(self)
        configure_levels(self.arguments.log_levels)
        show_on_console(self.arguments.stdout)

    def ok(self) -> bool:
        """Whether it is started and not shut down."""
        return self._ok

    def get_domain_id(self) -> int:
        """The DDS domain."""
        if self._domain_id is None:
            raise NotInitializedException
        return self._domain_id

    @property
    def participant(self) -> Participant:
        """The DDS participant, made at first use."""
        from rclpy.impl.participant import Participant

        with self._lock:
            if not self._ok:
                raise NotInitializedException
            if self._participant is None:
                self._participant = Participant(self.get_domain_id())
            return self._participant

    @property
    def graph(self) -> Graph:
        """The node graph, made at first use."""
        from rclpy.impl.graph import Graph

        with self._lock:
            if self._graph is None:
                self._graph = Graph(self.participant)
            return self._graph

    def on_shutdown(self, callback: Callable[[], None]) -> None:
        """Call back at shutdown; bound methods are held weakly."""
        if not callable(callback):
            raise TypeError("callback should be a callable")
        with self._lock:
            self._callbacks.append(WeakMethod(callback) if hasattr(callback, "__self__") else lambda: callback)

    def wake(self) -> None:
        """Make waiting executors look around."""
        for executor in list(self.executors):
            executor.wake()

    def shutdown(self) -> None:
        """End the context.

        Raises:
            RuntimeError: it was not started, or has ended.
        """
        with self._lock:
            if not self._ok:
                raise RuntimeError("Context must be initialized before it can be shutdown")
        self.try_shutdown()

    def try_shutdown(self) -> None:
        """End the context unless it has ended; executors wake up."""
        with self._lock:
            if not self._ok:
                return
            self._ok = False
            ACTIVE.discard(self)
            callbacks, self._callbacks = self._callbacks, []
            graph, self._participant, self._graph = self._graph, None, None
        if graph is not None:
            graph.close()
        for reference in callbacks:
            callback = reference()
            if callback is not None:
                callback()
        self.wake()
