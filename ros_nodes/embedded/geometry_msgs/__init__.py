"""The interfaces of geometry_msgs."""
