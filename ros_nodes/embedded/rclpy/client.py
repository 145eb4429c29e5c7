"""Clients: the asking side of services."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Any

from rclpy.callback_groups import CallbackGroup
from rclpy.exceptions import InvalidHandle
from rclpy.impl.coding import REQUEST_HEADER
from rclpy.impl.entity import Work
from rclpy.impl.idl import Sample
from rclpy.impl.service_endpoint import ServiceEndpoint
from rclpy.qos import QoSProfile
from rclpy.task import Future

if TYPE_CHECKING:
    from rclpy.node import Node


class Client(ServiceEndpoint):
    """Sends requests and gives their answers; made by `Node.create_client`."""

    IS_SERVICE = False

    def __init__(
        self, node: Node, srv_type: Any, srv_name: str, callback_group: CallbackGroup, qos_profile: QoSProfile
    ) -> None:
        super().__init__(node, srv_type, srv_name, callback_group, qos_profile)
        self._pending: dict[int, Future] = {}
        self._lock = threading.Lock()
        self._sequence = itertools.count(1)
        self._identity = int(self.pair.writer.instance_handle) & (2**64 - 1)

    def call_async(self, request: Any) -> Future:
        """Send a request; the future gets the answer while an executor spins.

        Raises:
            TypeError: the request is of another type.
            InvalidHandle: the client was destroyed.
        """
        if not isinstance(request, self.srv_type.Request):
            raise TypeError(
                f"service '{self.srv_name}' takes a {self.srv_type.__name__}.Request; got {type(request).__name__}"
            )
        pair = self.pair
        if pair is None:
            raise InvalidHandle(f"the client of service '{self.srv_name}' was destroyed")
        future = Future()
        with self._lock:
            number = next(self._sequence)
            self._pending[number] = future
        future.add_done_callback(self.remove_pending_request)
        pair.send(request, REQUEST_HEADER.pack(self._identity, number))
        return future

    def call(self, request: Any, timeout_sec: float | None = None) -> Any:
        """Send a request and wait for its answer while another thread spins.

        Raises:
            TimeoutError: no answer within the timeout.
        """
        future = self.call_async(request)
        answered = threading.Event()
        future._notify(answered.set)
        if not answered.wait(timeout_sec):
            self.remove_pending_request(future)
            raise TimeoutError(f"service '{self.srv_name}' did not answer within {timeout_sec} s")
        return future.result()

    def get_pending_request(self, sequence_number: int) -> Future:
        """The future of a request; KeyError where nothing is awaited under that number."""
        with self._lock:
            return self._pending[sequence_number]

    def remove_pending_request(self, future: Future) -> None:
        """Stop waiting for an answer."""
        with self._lock:
            self._pending = {number: kept for number, kept in self._pending.items() if kept is not future}

    def service_is_ready(self) -> bool:
        """Whether a server is there."""
        return self.pair is not None and self.pair.is_matched()

    def wait_for_service(self, timeout_sec: float | None = None) -> bool:
        """Wait until a server is there; False where the timeout comes first."""
        return self.pair is not None and bool(self.pair.wait_until_matched(timeout_sec))

    def _work(self, sample: Sample) -> Work | None:
        identity, number = REQUEST_HEADER.unpack(sample.header)
        with self._lock:
            future = self._pending.pop(number, None) if identity == self._identity else None
        if future is None:
            return None
        future._set_executor(self._node.executor)
        return lambda: future.set_result(sample.message)
