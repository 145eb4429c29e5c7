"""What colcon's ament_python build reads; the metadata of the project itself is in pyproject.toml."""

from glob import glob

from setuptools import find_namespace_packages, setup

setup(
    name="robot_wm",
    version="0.1.0",
    python_requires=">=3.10",
    packages=find_namespace_packages(include=["robot_wm*", "ros_nodes*", "sim*"]),
    package_data={
        "robot_wm": ["bundles/*", "bundles/**/*", "data/*.html", "py.typed"],
        "ros_nodes": ["config/*", "config/**/*"],
        "sim": ["assets/*", "assets/**/*"],
    },
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/robot_wm"]),
        ("share/robot_wm", ["package.xml"]),
        ("share/robot_wm/launch", sorted(glob("launch/*.launch.xml") + glob("launch/*.yaml"))),
        ("share/robot_wm/launch/security", sorted(glob("launch/security/*"))),
        ("share/robot_wm/config/robots", sorted(glob("ros_nodes/config/robots/*.yaml"))),
    ],
    entry_points={
        "console_scripts": [
            "robot-wm = robot_wm.cli:main",
            "sim_node = ros_nodes.sim_node:main",
            "perception_node = ros_nodes.perception_node:main",
            "planner_node = ros_nodes.planner_node:main",
            "controller_node = ros_nodes.controller_node:main",
            "safety_node = ros_nodes.safety_node:main",
            "lifecycle_manager = ros_nodes.lifecycle_manager:main",
            "recorder_node = ros_nodes.recorder_node:main",
            "console_node = ros_nodes.console_node:main",
            "teleop_node = ros_nodes.teleop_node:main",
        ],
    },
)
