"""The simulated cameras as camera drivers publish them."""

from __future__ import annotations

from builtin_interfaces.msg import Time as TimeMsg
from sensor_msgs.msg import CameraInfo, Image

from robot_wm.contract import TABLETOP
from ros_nodes.conversions import array_to_image, camera_info
from ros_nodes.managed_node import ManagedNode
from ros_nodes.qos import SENSOR
from ros_nodes.robot_interfaces import Topics
from sim.world import World

OVERVIEW_SIZE = (240, 320)


class SimCameras:
    """Publishers of the contract's cameras, where the robot has them, and of the overview."""

    def __init__(self, node: ManagedNode, world: World, topics: Topics) -> None:
        self._world = world
        self._cameras = []
        for camera in TABLETOP.cameras:
            where = topics.camera(camera)
            publishers = node.advertise(Image, where.image, SENSOR), node.advertise(CameraInfo, where.info, SENSOR)
            self._cameras.append((camera, where.frame, *publishers))
        self._overview = node.advertise(Image, "overview/image_raw", SENSOR)

    def shoot(self, stamp: TimeMsg) -> None:
        """One image and CameraInfo of each camera of the contract."""
        for camera, frame, images, infos in self._cameras:
            size = camera.height, camera.width
            images.publish(array_to_image(self._world.render(camera.name, *size), stamp, frame))
            infos.publish(camera_info(self._world.camera_info(camera.name, *size), *size, stamp, frame))

    def shoot_overview(self, stamp: TimeMsg) -> None:
        """One image of the overview camera."""
        pixels = self._world.render("overview", *OVERVIEW_SIZE)
        self._overview.publish(array_to_image(pixels, stamp, "overview_optical_frame"))
