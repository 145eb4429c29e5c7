"""Services: the answering side."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cyclonedds.core import ReadCondition

from rclpy.callback_groups import CallbackGroup
from rclpy.impl.entity import Waitable, Work
from rclpy.impl.idl import Sample
from rclpy.impl.pairs import Pair
from rclpy.qos import QoSProfile
from rclpy.subscription import UNREAD

if TYPE_CHECKING:
    from rclpy.node import Node


class Service(Waitable):
    """Answers requests with a callback; made by `Node.create_service`."""

    def __init__(
        self,
        node: Node,
        srv_type: Any,
        srv_name: str,
        callback: Callable[[Any, Any], Any],
        callback_group: CallbackGroup,
        qos_profile: QoSProfile,
    ) -> None:
        super().__init__(callback_group)
        self.srv_type, self.srv_name, self.callback = srv_type, srv_name, callback
        self.qos_profile = qos_profile
        self._logger = node.get_logger()
        self.pair: Any = Pair(node.context.participant, srv_type, srv_name, qos_profile, is_service=True)
        self.condition = ReadCondition(self.pair.reader, UNREAD)

    @property
    def service_name(self) -> str:
        """The full name."""
        return self.srv_name

    def take(self) -> Work | None:
        """Take the oldest request."""
        pair = self.pair
        for sample in pair.reader.take(1) if pair is not None else ():
            if isinstance(sample, Sample):
                if isinstance(sample.message, Exception):
                    self._logger.error(f"dropped a request to service '{self.srv_name}': {sample.message}")
                    return None
                return lambda: self._answer(sample)
        return None

    def _answer(self, sample: Sample) -> None:
        response = self.callback(sample.message, self.srv_type.Response())
        pair = self.pair
        if pair is None:
            return
        if not isinstance(response, self.srv_type.Response):
            raise TypeError(
                f"the callback of service '{self.srv_name}' must return a {self.srv_type.__name__}.Response;"
                f" got {type(response).__name__}"
            )
        if not pair.wait_for_reader_of(sample.sample_info.publication_handle):
            self._logger.warning(f"a client of service '{self.srv_name}' is not there to get its answer")
            return
        pair.send(response, sample.header)

    def release(self) -> None:
        """Stop answering."""
        super().release()
        if self.pair is not None:
            self.pair.close()
        self.pair = None

    def destroy(self) -> None:
        """Stop answering; prefer `Node.destroy_service`."""
        self.release()
