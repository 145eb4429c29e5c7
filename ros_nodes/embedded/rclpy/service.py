"""Services: the answering side."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from rclpy.callback_groups import CallbackGroup
from rclpy.impl.entity import Work
from rclpy.impl.idl import Sample
from rclpy.impl.service_endpoint import ServiceEndpoint
from rclpy.qos import QoSProfile

if TYPE_CHECKING:
    from rclpy.node import Node


class SelfAnswering:
    """A service callback that sends its answer itself, so that it can go on afterwards.

    Args:
        callback: called with the request and with a function that sends the answer.
    """

    def __init__(self, callback: Callable[[Any, Callable[[Any], None]], Any]) -> None:
        self.callback = callback


class Service(ServiceEndpoint):
    """Answers requests with a callback; made by `Node.create_service`."""

    IS_SERVICE = True

    def __init__(
        self,
        node: Node,
        srv_type: Any,
        srv_name: str,
        callback: Callable[[Any, Any], Any] | SelfAnswering,
        callback_group: CallbackGroup,
        qos_profile: QoSProfile,
    ) -> None:
        super().__init__(node, srv_type, srv_name, callback_group, qos_profile)
        self.callback = callback

    def _work(self, sample: Sample) -> Work:
        callback = self.callback
        if isinstance(callback, SelfAnswering):
            return lambda: callback.callback(sample.message, lambda response: self.send_response(response, sample))
        return lambda: self._answer(callback, sample)

    def _answer(self, callback: Callable[[Any, Any], Any], sample: Sample) -> Any:
        response = callback(sample.message, self.srv_type.Response())
        if inspect.isawaitable(response):
            return self._answer_later(response, sample)
        return self.send_response(response, sample)

    async def _answer_later(self, response: Awaitable[Any], sample: Sample) -> None:
        self.send_response(await response, sample)

    def send_response(self, response: Any, header: Sample) -> None:
        """Send the answer to a request.

        Args:
            response: the answer.
            header: the request, as it was taken.

        Raises:
            TypeError: the answer is of another type.
        """
        pair = self.pair
        if pair is None:
            return
        if not isinstance(response, self.srv_type.Response):
            raise TypeError(
                f"the callback of service '{self.srv_name}' must return a {self.srv_type.__name__}.Response;"
                f" got {type(response).__name__}"
            )
        if not pair.wait_for_reader_of(header.sample_info.publication_handle):
            self._logger.warning(f"a client of service '{self.srv_name}' is not there to get its answer")
            return
        pair.send(response, header.header)
