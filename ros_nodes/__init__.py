"""robot_wm's ROS 2 nodes. Where rclpy cannot be imported, the embedded one is put at the end of the import path."""

import importlib.util
import sys
from pathlib import Path

EMBEDDED = Path(__file__).parent / "embedded"


def _provide_rclpy() -> None:
    try:
        import rclpy  # noqa: F401
    except ImportError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "rclpy"]:
            del sys.modules[name]
        sys.path.append(str(EMBEDDED))
        if importlib.util.find_spec("cyclonedds") is None or importlib.util.find_spec("rosbags") is None:
            raise ImportError(
                "no ROS 2 here, and the packages that stand in for it are missing:"
                " source ROS 2's setup file, or pip install 'robot_wm[ros]'"
            ) from None


_provide_rclpy()
