"""What the rclpy API of this folder stands on: types, coding, DDS entities, arguments. Private, as in rclpy itself."""
