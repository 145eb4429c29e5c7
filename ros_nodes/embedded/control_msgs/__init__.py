"""The interfaces of control_msgs."""
