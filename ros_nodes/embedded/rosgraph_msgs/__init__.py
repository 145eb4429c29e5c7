"""The interfaces of rosgraph_msgs."""
