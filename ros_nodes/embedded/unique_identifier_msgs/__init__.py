"""The interfaces of unique_identifier_msgs."""
