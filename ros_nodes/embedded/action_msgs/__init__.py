"""The interfaces of action_msgs."""
