"""The parts of the page in the browser; `ros_nodes/console_node.py` is the node behind it."""
