"""Camera images in, latents out."""

from __future__ import annotations

import math
import sys
import time

from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import Image

from robot_wm.agent import Agent
from robot_wm.deploy.bundle import load_bundle
from robot_wm.errors import ObservationError
from robot_wm.safety.images import require_view
from ros_nodes.conversions import image_to_array, latent_to_image, seconds
from ros_nodes.managed_node import Change, ManagedNode
from ros_nodes.node_process import run
from ros_nodes.qos import SENSOR
from ros_nodes.robot_config import RobotConfig

CAMERA_TIMEOUT_S = 1.0
"""After a longer silence of the camera the node says that it waits for it."""


class PerceptionNode(ManagedNode):
    """Encodes each image of the contract's first camera, from the robot's topic; the latent keeps the image's stamp."""

    def __init__(self) -> None:
        super().__init__("perception_node")
        once = Change.UNCONFIGURED
        self.parameter("bundle", "", "Directory of the model bundle; empty for the one that ships.", change=once)
        self.parameter("provider", "cpu", "onnxruntime execution provider: cpu, cuda, …", change=once)
        self.parameter("robot", "panda_sim", "Robot configuration: a name in config/robots or a path.", change=once)

    def on_setup(self) -> None:
        bundle = load_bundle(self.get_parameter("bundle").value)
        self._agent = Agent.load(bundle, mode="flat", provider=self.get_parameter("provider").value)
        self._camera, robot = self._agent.contract.camera, RobotConfig.load(self.get_parameter("robot").value)
        self._topic, self.hardware = robot.topics.camera(self._camera).image, robot.name
        self._encoding, self._age = self.meter("encode"), self.meter("camera_to_latent")
        self._publisher = self.advertise(Image, "perception/latents", SENSOR)
        self._image_at = -math.inf
        self.listen(Image, self._topic, self._on_image, SENSOR)
        self.every(0.2, self._watch_camera)

    def _watch_camera(self) -> None:
        if time.monotonic() - self._image_at > CAMERA_TIMEOUT_S:
            self.report(DiagnosticStatus.WARN, f"waiting for {self._topic}")

    def _on_image(self, message: Image) -> None:
        start = self._image_at = time.monotonic()
        try:
            latent = self._agent.encode(require_view(image_to_array(message, self._camera, self._topic), self._topic))
        except ObservationError as error:
            self._encoding.drop()
            self.report(DiagnosticStatus.ERROR, "images do not fit the contract")
            self.get_logger().error(str(error), throttle_duration_sec=2.0)
            return
        self._publisher.publish(latent_to_image(latent, message.header.stamp, message.header.frame_id))
        self._encoding.tick(time.monotonic() - start)
        self._age.tick(self.now_s() - seconds(message.header.stamp))
        self.report(DiagnosticStatus.OK, "encoding")


def main(args: list[str] | None = None) -> int:
    return run(PerceptionNode, args)


if __name__ == "__main__":
    sys.exit(main())
