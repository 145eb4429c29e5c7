"""Clients: the asking side of services."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Any

from cyclonedds.core import ReadCondition

from rclpy.callback_groups import CallbackGroup
from rclpy.impl.coding import REQUEST_HEADER
from rclpy.impl.entity import Waitable, Work
from rclpy.impl.idl import Sample
from rclpy.impl.pairs import Pair
from rclpy.qos import QoSProfile
from rclpy.subscription import UNREAD
from rclpy.task import Future

if TYPE_CHECKING:
    from rclpy.node import Node


class Client(Waitable):
    """Sends requests and gives their answers; made by `Node.create_client`."""

    def __init__(
        self, node: Node, srv_type: Any, srv_name: str, callback_group: CallbackGroup, qos_profile: QoSProfile
    ) -> None:
        super().__init__(callback_group)
        self.srv_type, self.srv_name = srv_type, srv_name
        self.qos_profile = qos_profile
        self._node = node
        self._pending: dict[int, Future] = {}
        self._lock = threading.Lock()
        self._sequence = itertools.count(1)
        self.pair: Any = Pair(node.context.participant, srv_type, srv_name, qos_profile, is_service=False)
        self._identity = int(self.pair.writer.instance_handle) & (2**64 - 1)
        self.condition = ReadCondition(self.pair.reader, UNREAD)

    @property
    def service_name(self) -> str:
        """The full name of the service."""
        return self.srv_name

    def call_async(self, request: Any) -> Future:
        """Send a request; the future gets the answer while an executor spins.

        Raises:
            TypeError: the request is of another type.
        """
        if not isinstance(request, self.srv_type.Request):
            raise TypeError(
                f"service '{self.srv_name}' takes a {self.srv_type.__name__}.Request; got {type(request).__name__}"
            )
        future = Future()
        with self._lock:
            number = next(self._sequence)
            self._pending[number] = future
        future.add_done_callback(lambda _: self._forget(number))
        self.pair.send(request, REQUEST_HEADER.pack(self._identity, number))
        return future

    def call(self, request: Any, timeout_sec: float | None = None) -> Any:
        """Send a request and wait for its answer while another thread spins.

        Raises:
            TimeoutError: no answer within the timeout.
        """
        future = self.call_async(request)
        if not future.wait(timeout_sec):
            self.remove_pending_request(future)
            raise TimeoutError(f"service '{self.srv_name}' did not answer within {timeout_sec} s")
        return future.result()

    def remove_pending_request(self, future: Future) -> None:
        """Stop waiting for an answer."""
        with self._lock:
            self._pending = {number: kept for number, kept in self._pending.items() if kept is not future}

    def _forget(self, number: int) -> None:
        with self._lock:
            self._pending.pop(number, None)

    def service_is_ready(self) -> bool:
        """Whether a server is there."""
        return self.pair is not None and self.pair.is_matched()

    def wait_for_service(self, timeout_sec: float | None = None) -> bool:
        """Wait until a server is there; False where the timeout comes first."""
        return bool(self.pair.wait_until_matched(timeout_sec))

    def take(self) -> Work | None:
        """Take the oldest answer."""
        pair = self.pair
        for sample in pair.reader.take(1) if pair is not None else ():
            if isinstance(sample, Sample):
                return self._deliver(sample)
        return None

    def _deliver(self, sample: Sample) -> Work | None:
        answer = sample.message
        if isinstance(answer, Exception):
            self._node.get_logger().error(f"dropped an answer of service '{self.srv_name}': {answer}")
            return None
        identity, number = REQUEST_HEADER.unpack(sample.header)
        with self._lock:
            future = self._pending.get(number) if identity == self._identity else None
        return (lambda: future.set_result(answer)) if future is not None else None

    def release(self) -> None:
        """Give up the answers that are still missing."""
        super().release()
        if self.pair is not None:
            self.pair.close()
        self.pair = None

    def destroy(self) -> None:
        """Stop asking; prefer `Node.destroy_client`."""
        self.release()
