"""The reader and the writer of a service or client, and whether the other side has matched both.

Wire form of rmw_cyclonedds: topics `rq/<name>Request` and `rr/<name>Reply`, 16 bytes of client and sequence number
before the body, and `serviceid=` or `clientid=` in the user data of both endpoints of one side.
"""

import time
from typing import Any

from cyclonedds.core import DDSException, DDSStatus
from cyclonedds.qos import Policy

from rclpy.impl.coding import encode
from rclpy.impl.idl import outgoing, wire_type
from rclpy.impl.messages import Message
from rclpy.impl.participant import Participant, gid
from rclpy.impl.waitset import ReadySet
from rclpy.qos import QoSProfile


class Pair:
    """Endpoints of one service (`is_service`) or of one client of it."""

    def __init__(
        self, participant: Participant, srv_type: Any, name: str, profile: QoSProfile, is_service: bool
    ) -> None:
        request, response = srv_type.TYPE_NAME + "_Request", srv_type.TYPE_NAME + "_Response"
        requests = participant.topic(f"rq{name}Request", request, with_header=True)
        replies = participant.topic(f"rr{name}Reply", response, with_header=True)
        note = f"{'serviceid' if is_service else 'clientid'}={participant.pair_id()};".encode()
        out, out_type, back, back_type = requests, request, replies, response
        if is_service:
            out, out_type, back, back_type = replies, response, requests, request
        self._participant = participant
        self._peer_key = "clientid" if is_service else "serviceid"
        self._wire_type = wire_type(out_type, True)
        self.writer: Any = participant.writer(out, out_type, profile, note)
        self.reader: Any = participant.reader(back, back_type, profile, note)
        self.gids = gid(self.reader), gid(self.writer)
        self._names: dict[tuple[bool, int], str] = {}

    def send(self, message: Message, header: bytes) -> None:
        """Write a request or a reply."""
        self.writer.write(outgoing(self._wire_type, encode(message, header)))

    def _peers(self, of_writer: bool) -> list[str | None]:
        endpoint = self.writer if of_writer else self.reader
        handles = endpoint.get_matched_subscriptions() if of_writer else endpoint.get_matched_publications()
        return [self._peer_name(handle, of_writer) for handle in handles]

    def _peer_name(self, handle: int, of_writer: bool) -> str | None:
        """The name by which a matched endpoint says whose it is; read once, since that takes 0.1 ms.

        Now and then an endpoint that was matched a moment ago comes without its user data, so nothing is not kept.
        """
        known = self._names.get((of_writer, handle))
        if known is None:
            try:
                if of_writer:
                    data = self.writer.get_matched_subscription_data(handle)
                else:
                    data = self.reader.get_matched_publication_data(handle)
            except DDSException:
                return None
            known = None if data is None else user_data_value(data.qos, self._peer_key)
            if known is not None:
                self._names[of_writer, handle] = known
        return known

    def is_matched(self) -> bool:
        """Whether some peer has both of its endpoints matched with these."""
        readers, writers = self._peers(True), self._peers(False)
        named = {name for name in readers if name}
        return bool(named & set(writers)) if named else bool(readers and writers)

    def wait_for_reader_of(self, publication: int, timeout_s: float = 0.1) -> bool:
        """Wait until the reader of the client that sent from this writer is matched, so that the reply arrives."""
        name = self._peer_name(publication, False)
        if name is None:
            return True
        return self._wait(lambda: name in self._peers(True), timeout_s)

    def wait_until_matched(self, timeout_s: float | None) -> bool:
        """Wait for `is_matched`."""
        return self._wait(self.is_matched, timeout_s)

    def _wait(self, condition: Any, timeout_s: float | None) -> bool:
        if condition():
            return True
        end = None if timeout_s is None else time.monotonic() + timeout_s
        self.writer.set_status_mask(DDSStatus.PublicationMatched)
        self.reader.set_status_mask(DDSStatus.SubscriptionMatched)
        waiting = ReadySet(self._participant.dds)
        waiting.add(self.writer)
        waiting.add(self.reader)
        while not condition():
            left = 1.0 if end is None else end - time.monotonic()
            if left <= 0:
                return False
            waiting.ready(int(min(left, 1.0) * 1e9))
            self.writer.get_publication_matched_status()
            self.reader.get_subscription_matched_status()
        return True

    def close(self) -> None:
        """Let go of the endpoints."""
        self.reader = self.writer = None


def user_data_value(qos: Any, key: str) -> str | None:
    """The value of `key=value;` in an endpoint's user data."""
    if Policy.Userdata not in qos:
        return None
    for part in qos[Policy.Userdata].data.split(b";"):
        name, _, value = part.partition(b"=")
        if name == key.encode():
            return value.decode(errors="replace")
    return None
