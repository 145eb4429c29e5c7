"""The interfaces of sensor_msgs."""
