"""What services and clients share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cyclonedds.core import ReadCondition

from rclpy.callback_groups import CallbackGroup
from rclpy.impl.entity import Waitable, Work
from rclpy.impl.idl import Sample
from rclpy.impl.pairs import Pair
from rclpy.impl.qos_best_available import for_service
from rclpy.qos import QoSProfile
from rclpy.subscription import UNREAD

if TYPE_CHECKING:
    from rclpy.node import Node


class ServiceEndpoint(Waitable):
    """One side of a service.

    Args:
        node: the node it belongs to.
        srv_type: service class.
        srv_name: full name of the service.
        callback_group: group of what happens on arrival.
        qos_profile: of the reader and of the writer.
    """

    IS_SERVICE: bool

    def __init__(
        self, node: Node, srv_type: Any, srv_name: str, callback_group: CallbackGroup, qos_profile: QoSProfile
    ) -> None:
        super().__init__(callback_group)
        self.srv_type, self.srv_name, self.qos_profile = srv_type, srv_name, for_service(qos_profile)
        self._node = node
        self._logger = node.get_logger()
        self.pair: Any = Pair(node.context.participant, srv_type, srv_name, self.qos_profile, self.IS_SERVICE)
        self.condition = ReadCondition(self.pair.reader, UNREAD)

    @property
    def service_name(self) -> str:
        """The full name of the service."""
        return self.srv_name

    def take(self) -> Work | None:
        """Take the oldest request or answer."""
        pair = self.pair
        for sample in pair.reader.take(1) if pair is not None else ():
            if not isinstance(sample, Sample):
                continue
            if isinstance(sample.message, Exception):
                self._logger.error(f"dropped what came for service '{self.srv_name}': {sample.message}")
                continue
            return self._work(sample)
        return None

    def _work(self, sample: Sample) -> Work | None:
        """What to do with a request or an answer."""
        raise NotImplementedError

    def release(self) -> None:
        """Let go of the reader and the writer."""
        super().release()
        if self.pair is not None:
            self.pair.close()
        self.pair = None

    def destroy(self) -> None:
        """Let go of the reader and the writer; prefer the node's method."""
        self.release()
