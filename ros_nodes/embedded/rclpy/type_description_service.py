"""The service by which tools learn what a node's message types look like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

from rcl_interfaces.msg import ParameterDescriptor
from type_description_interfaces.srv import GetTypeDescription

from rclpy.impl.type_descriptions import type_description, type_sources
from rclpy.impl.types import type_hash
from rclpy.type_hash import parse_type_hash

if TYPE_CHECKING:
    from rclpy.node import Node

START_TYPE_DESCRIPTION_SERVICE_PARAM = "start_type_description_service"


class TypeDescriptionService:
    """Offers `~/get_type_description` unless the parameter says no; it knows the types of the node's topics."""

    def __init__(self, node: Node) -> None:
        self._node_reference = ref(node)
        name = START_TYPE_DESCRIPTION_SERVICE_PARAM
        if not node.has_parameter(name):
            description = "Whether to offer the service ~/get_type_description."
            node.declare_parameter(name, True, ParameterDescriptor(description=description, read_only=True))
        if node.get_parameter(name).value:
            node.create_service(GetTypeDescription, "~/get_type_description", self._answer)

    def _answer(self, request: Any, response: Any) -> Any:
        if str(parse_type_hash(request.type_hash)) != request.type_hash:
            response.failure_reason = f"'{request.type_hash}' is no type hash"
            return response
        found = [name for name in self._types() if type_hash(name) == request.type_hash]
        if not found:
            response.failure_reason = "Type not currently in use by this node"
            return response
        response.type_description = type_description(found[0])
        if request.include_type_sources:
            response.type_sources = type_sources(found[0])
        response.successful = True
        return response

    def _types(self) -> set[str]:
        node = self._node_reference()
        endpoints = [] if node is None else [*node.publishers, *node.subscriptions]
        return {endpoint.msg_type.TYPE_NAME for endpoint in endpoints}
