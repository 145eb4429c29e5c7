"""The interfaces of nav_msgs."""
