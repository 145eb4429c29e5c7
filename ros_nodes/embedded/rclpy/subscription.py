"""Subscriptions."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cyclonedds.core import InstanceState, ReadCondition, SampleState, ViewState

from rclpy.callback_groups import CallbackGroup
from rclpy.impl.coding import encode
from rclpy.impl.entity import Waitable, Work, wants_info
from rclpy.impl.idl import Sample
from rclpy.impl.messages import Message
from rclpy.impl.participant import gid
from rclpy.qos import QoSProfile

if TYPE_CHECKING:
    from rclpy.node import Node

UNREAD = SampleState.NotRead | ViewState.Any | InstanceState.Any


class Subscription(Waitable):
    """Receives messages of one type from one topic; made by `Node.create_subscription`.

    Attributes:
        topic: the name as it was given.
        topic_name: its full name after remapping.
    """

    def __init__(
        self,
        node: Node,
        msg_type: type[Message],
        topic: str,
        callback: Callable[..., Any],
        qos_profile: QoSProfile,
        callback_group: CallbackGroup,
        raw: bool = False,
    ) -> None:
        super().__init__(callback_group)
        participant = node.context.participant
        self.msg_type = msg_type
        self.topic = self.topic_name = topic
        self.qos_profile = qos_profile
        self.callback = callback
        self.raw = raw
        self._with_info = wants_info(callback)
        self._logger = node.get_logger()
        dds_topic = participant.topic("rt" + topic, msg_type.TYPE_NAME)
        self.reader: Any = participant.reader(dds_topic, msg_type.TYPE_NAME, qos_profile)
        self.condition = ReadCondition(self.reader, UNREAD)
        self.gid = gid(self.reader)
        self.events: Any = None

    def take(self) -> Work | None:
        """Take the oldest message that was not taken yet."""
        reader = self.reader
        for sample in reader.take(1) if reader is not None else ():
            if isinstance(sample, Sample):
                return self._work(sample)
        return None

    def _work(self, sample: Sample) -> Work | None:
        message = sample.message
        if isinstance(message, Exception):
            self._logger.error(f"dropped a message on topic '{self.topic_name}': {message}", throttle_duration_sec=2.0)
            return None
        payload = encode(message) if self.raw else message
        if self._with_info:
            info = {"source_timestamp": sample.sample_info.source_timestamp, "received_timestamp": time.time_ns()}
            return lambda: self.callback(payload, info)
        return lambda: self.callback(payload)

    def get_publisher_count(self) -> int:
        """Number of publishers matched with this subscription."""
        return len(self.reader.get_matched_publications()) if self.reader else 0

    def release(self) -> None:
        """Stop receiving."""
        super().release()
        self.reader = None

    def destroy(self) -> None:
        """Stop receiving; prefer `Node.destroy_subscription`."""
        self.release()
