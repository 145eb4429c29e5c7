"""The interfaces of trajectory_msgs."""
