"""The everyday verbs of the `ros2` command, over rclpy alone, so that they also work where ROS 2 is not installed."""
