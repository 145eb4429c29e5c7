"""Services of type_description_interfaces, made from the type store."""

from rclpy.impl.messages import fill_module

fill_module(__name__)
