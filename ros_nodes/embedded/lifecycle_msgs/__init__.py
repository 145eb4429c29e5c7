"""The interfaces of lifecycle_msgs."""
