"""Who was in control in a recording: which plans were followed, and which frames are a person's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from robot_wm.data.bag import header_stamp_ns
from robot_wm.data.bag_scan import ScannedMessage
from robot_wm.signals import ACTION, PLAN
from ros_nodes.control_source import PERSON_PLAN, SOURCE, source_of
from ros_nodes.observation_stream import Frame, ObservationStream

_TEXT_AT = 8


class RecordedControl:
    """Reads a recording's messages in their order; the source that was told last holds until the next.

    Args:
        namespace: Of the robot's topics.

    Attributes:
        person_topic: Full name of the topic with a person's plans.
    """

    def __init__(self, namespace: str) -> None:
        prefix = f"/{namespace.strip('/')}/" if namespace.strip("/") else "/"
        self._source_topic, self.person_topic = prefix + SOURCE, prefix + PERSON_PLAN
        self._source, self._person_ns = "planner", -1
        self._by_person: dict[int, bool] = {}

    def note(self, message: ScannedMessage) -> None:
        """Takes note of who is in control from here on; any message may be given."""
        if message.topic.name == self._source_topic:
            self._source = source_of(message.payload[_TEXT_AT:].rstrip(b"\0").decode(errors="replace"))

    def push(self, message: ScannedMessage, stream: ObservationStream) -> Iterator[Frame]:
        """Hands a message on, a person's plan as the action and the planner's only while that was followed."""
        topic, action, stamp_ns = message.topic.name, stream.signals[ACTION], header_stamp_ns(message) or 0
        if topic == stream.signals[stream.contract.camera.name]:
            self._by_person[stamp_ns] = self._source == "person"
        has_plans = stream.contract.streams[ACTION].type == PLAN
        if topic == self.person_topic:
            if not has_plans:
                return
            topic, self._person_ns = action, stamp_ns
        elif has_plans and topic == action and (self._source != "planner" or stamp_ns <= self._person_ns):
            return
        if topic in stream.signals.values():
            yield from map(self._with_source, stream.push_serialized(topic, message.payload))

    def finish(self, stream: ObservationStream) -> Iterator[Frame]:
        """The frames that are left at the end of an episode."""
        yield from map(self._with_source, stream.finish())
        self._by_person.clear()
        self._person_ns = -1

    def _with_source(self, frame: Frame) -> Frame:
        by_person = self._by_person.get(frame.stamp_ns, False)
        self._by_person = {at: person for at, person in self._by_person.items() if at > frame.stamp_ns}
        return replace(frame, by_person=by_person)
