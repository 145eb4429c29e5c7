"""The interfaces of tf2_msgs."""
