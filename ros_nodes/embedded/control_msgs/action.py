"""Actions of control_msgs, made from the type store."""

from rclpy.impl.messages import fill_module

fill_module(__name__)
