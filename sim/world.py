"""The PyBullet scene: table, Panda, block, what else a task needs, cameras. Environments and nodes share it."""

from __future__ import annotations

import numpy as np

from robot_wm.errors import TaskError
from sim.bullet import BulletClient, pybullet, quiet
from sim.camera import CAMERAS, FAR_M, NEAR_M, PinholeCamera, wrist_camera
from sim.drawer import Drawer
from sim.equipment import PLAIN, Equipment
from sim.randomization import Randomization, Scene
from sim.robot import DOWN, FINGER_NAMES, JOINT_NAMES, URDF, Panda

__all__ = ["BLOCK_SIZE_M", "FINGER_NAMES", "JOINT_NAMES", "URDF", "World"]

PHYSICS_HZ = 120
BLOCK_SIZE_M = 0.05
TABLE_HALF_EXTENTS_M = (0.50, 0.65, 0.02)
TABLE_CENTRE_M = (0.45, 0.0, -0.02)
_OUT_OF_TOUCH_M = np.array([0.0, 0.0, 5.0])
"""Where blocks go for a moment at each reset, so that PyBullet forgets their contacts and no history remains."""


class World:
    """One simulated tabletop.

    Args:
        randomization: Ranges that `reset` draws a scene from; `None` keeps the nominal scene.
        equipment: What there is beside table, arm and block.
        gui: Opens PyBullet's window.
    """

    def __init__(
        self, randomization: Randomization | None = None, equipment: Equipment = PLAIN, *, gui: bool = False
    ) -> None:
        self._randomization, self.equipment = randomization, equipment
        with quiet():
            self._bullet = BulletClient(pybullet.GUI if gui else pybullet.DIRECT)
            self._bullet.setPhysicsEngineParameter(fixedTimeStep=1.0 / PHYSICS_HZ, deterministicOverlappingPairs=1)
            self._bullet.setGravity(0.0, 0.0, -9.81)
            self._table = self._add_box(TABLE_HALF_EXTENTS_M, TABLE_CENTRE_M, mass=0.0)
            self._blocks = [self._add_block()]
            self.robot = Panda(self._bullet)
            if equipment.second_block:
                self._blocks.append(self._add_block())
            self._drawer = Drawer(self._bullet) if equipment.drawer else None
        if equipment.grip:
            self.robot.prepare_grip()
        self._link_colours = {v[1]: v[7] for v in self._bullet.getVisualShapeData(self.robot.body)}
        self._pristine = self._bullet.saveState()
        self._joint_target, self._gripper_target = self.robot.joints()[0], 0.0
        self.scene = Scene()
        self._apply_scene()

    def _add_block(self) -> int:
        return self._add_box((BLOCK_SIZE_M / 2,) * 3, (0.5, 0.0, BLOCK_SIZE_M / 2), mass=0.15)

    def _add_box(self, half_extents: tuple[float, ...], centre: tuple[float, ...], mass: float) -> int:
        visual = self._bullet.createVisualShape(pybullet.GEOM_BOX, halfExtents=half_extents)
        shape = self._bullet.createCollisionShape(pybullet.GEOM_BOX, halfExtents=half_extents)
        return self._bullet.createMultiBody(mass, shape, visual, centre)

    def reset(self, rng: np.random.Generator) -> None:
        """Draws a scene and forgets all motion; the same generator state gives the same bits."""
        self._bullet.restoreState(self._pristine)
        for number in range(len(self._blocks)):
            self.place_block(_OUT_OF_TOUCH_M * (1 + number), number=number)
        self._bullet.performCollisionDetection()
        if self._randomization is not None:
            self.scene = self._randomization.sample(rng, self.equipment)
        self._apply_scene()

    def _apply_scene(self) -> None:
        scene, change = self.scene, self._bullet.changeVisualShape
        for block, colour in zip(self._blocks, (scene.block_colour, scene.second_colour), strict=False):
            change(block, -1, rgbaColor=(*colour, 1.0))
        change(self._table, -1, rgbaColor=(*scene.table_colour, 1.0))
        for link, (red, green, blue, alpha) in self._link_colours.items():
            dimmed = [channel * scene.arm_brightness for channel in (red, green, blue)]
            change(self.robot.body, link, rgbaColor=(*dimmed, alpha))
        for block in self._blocks:
            self._bullet.changeDynamics(
                block, -1, mass=scene.mass, lateralFriction=scene.friction, linearDamping=0.0, angularDamping=0.0
            )
        self._bullet.changeDynamics(self._table, -1, lateralFriction=1.0)
        if self._drawer is not None:
            self._drawer.prepare(scene.drawer_colour, scene.drawer_friction_n)

    def place_robot(self, position: np.ndarray, quaternion: np.ndarray = DOWN, gripper: float = 0.0) -> None:
        """Puts the tool at a pose (metres, quaternion) at rest, with no motion in between."""
        self.robot.reset(position, quaternion, gripper)
        self._joint_target, self._gripper_target = self.robot.joints()[0], gripper
        self.robot.drive(self._joint_target, gripper)

    def place_block(self, position: np.ndarray, yaw: float = 0.0, *, number: int = 0) -> None:
        """Puts a block's centre at `position` (3,), metres, turned by `yaw` radians, at rest."""
        quaternion = self._bullet.getQuaternionFromEuler([0.0, 0.0, yaw])
        self._bullet.resetBasePositionAndOrientation(self._blocks[number], position, quaternion)
        self._bullet.resetBaseVelocity(self._blocks[number], [0.0] * 3, [0.0] * 3)

    @property
    def drawer(self) -> Drawer:
        """The drawer; TaskError where there is none."""
        if self._drawer is None:
            raise TaskError("this world has no drawer; make it with Equipment(drawer=True)")
        return self._drawer

    def step_joints(self, joints: np.ndarray, gripper: float, dt_s: float) -> None:
        """Moves the motors' targets linearly to `joints` (7,) over `dt_s` and simulates that long."""
        substeps = max(1, round(dt_s * PHYSICS_HZ))
        start, start_gripper = self._joint_target, self._gripper_target
        for substep in range(1, substeps + 1):
            share = substep / substeps
            self.robot.drive(start + share * (joints - start), start_gripper + share * (gripper - start_gripper))
            self._bullet.stepSimulation()
        self._joint_target, self._gripper_target = np.array(joints, dtype=np.float64), gripper

    def step_pose(self, position: np.ndarray, quaternion: np.ndarray, gripper: float, dt_s: float) -> None:
        """Moves the tool towards a pose over `dt_s` seconds."""
        self.step_joints(self.robot.inverse(position, quaternion), gripper, dt_s)

    @property
    def joint_target(self) -> np.ndarray:
        """Where the motors were last told to go (7,), radians."""
        return self._joint_target

    def joint_positions(self) -> np.ndarray:
        """Positions of the arm's joints (7,), radians."""
        return self.robot.joints()[0]

    def joint_velocities(self) -> np.ndarray:
        """Velocities of the arm's joints (7,), radians per second."""
        return self.robot.joints()[1]

    def gripper(self) -> float:
        """The gripper's opening, 0 (closed) … 1 (open)."""
        return self.robot.gripper()

    def ee_pose(self) -> np.ndarray:
        """Pose (7,) of the tool: x, y, z, qx, qy, qz, qw."""
        pose = self.robot.link_pose(self.robot.tcp)
        return pose if pose[np.argmax(np.abs(pose[3:])) + 3] > 0 else np.concatenate([pose[:3], -pose[3:]])

    def state(self) -> np.ndarray:
        """The contract's state (8,): tool pose and gripper opening."""
        return np.append(self.ee_pose(), self.gripper()).astype(np.float32)

    def block_position(self, number: int = 0) -> np.ndarray:
        """Centre of a block (3,), metres."""
        return np.array(self._bullet.getBasePositionAndOrientation(self._blocks[number])[0])

    def in_contact(self) -> bool:
        """Whether the robot touches a block or the drawer."""
        things = self._blocks if self._drawer is None else [*self._blocks, self._drawer.body]
        return any(self._bullet.getContactPoints(self.robot.body, thing) for thing in things)

    def grips_block(self, number: int = 0) -> bool:
        """Whether both fingers touch a block."""
        return self.robot.grips(self._blocks[number])

    def grips_handle(self) -> bool:
        """Whether both fingers touch the drawer's handle."""
        return self.robot.grips(self.drawer.body, self.drawer.handle)

    def touches_table(self) -> bool:
        """Whether the robot touches the table."""
        return bool(self._bullet.getContactPoints(self.robot.body, self._table))

    def render(self, camera: str, height: int, width: int) -> np.ndarray:
        """The picture of one camera ("camera", "wrist_camera" or "overview") as uint8 (height, width, 3)."""
        pixels = self._shoot(camera, height, width, pybullet.ER_NO_SEGMENTATION_MASK)[2]
        return np.ascontiguousarray(np.reshape(pixels, (height, width, 4))[:, :, :3].astype(np.uint8))

    def block_pixels(self, camera: str, height: int, width: int, number: int = 0) -> int:
        """How many pixels of a camera's picture show a block."""
        bodies, _ = self._segments(camera, height, width)
        return int(np.count_nonzero(bodies == self._blocks[number]))

    def handle_pixels(self, camera: str, height: int, width: int) -> int:
        """How many pixels of a camera's picture show the drawer's handle."""
        bodies, links = self._segments(camera, height, width)
        return int(np.count_nonzero((bodies == self.drawer.body) & (links == self.drawer.handle)))

    def _segments(self, camera: str, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Body and link that each pixel shows, -1 and -2 where it shows nothing."""
        flags = pybullet.ER_SEGMENTATION_MASK_OBJECT_AND_LINKINDEX
        shown = np.asarray(self._shoot(camera, height, width, flags)[4])
        return np.where(shown >= 0, shown & ((1 << 24) - 1), -1), (shown >> 24) - 1

    def _shoot(self, camera: str, height: int, width: int, flags: int) -> tuple:
        pinhole, scene = self._camera(camera), self.scene
        fixed = camera != "camera"
        view = pinhole.view_matrix(
            np.zeros(3) if fixed else scene.camera_offset, np.zeros(3) if fixed else scene.camera_rotation
        )
        projection = self._bullet.computeProjectionMatrixFOV(pinhole.field_of_view_deg, width / height, NEAR_M, FAR_M)
        return self._bullet.getCameraImage(
            width,
            height,
            view.T.ravel().tolist(),
            projection,
            lightDirection=scene.light_direction.tolist(),
            lightDiffuseCoeff=scene.light_diffuse,
            lightAmbientCoeff=scene.light_ambient,
            shadow=int(pinhole.shadows),
            flags=flags,
            renderer=pybullet.ER_TINY_RENDERER,
        )

    def camera_info(self, camera: str, height: int, width: int) -> np.ndarray:
        """The intrinsic matrix K (3, 3) of a camera, in pixels."""
        return self._camera(camera).intrinsics(height, width)

    def _camera(self, name: str) -> PinholeCamera:
        if name == "wrist_camera":
            pose = self.robot.link_pose(self.robot.hand)
            return wrist_camera(pose[:3], np.array(pybullet.getMatrixFromQuaternion(pose[3:])).reshape(3, 3))
        if name not in CAMERAS:
            raise ValueError(f"camera '{name}' does not exist; there are {[*CAMERAS, 'wrist_camera']}")
        return CAMERAS[name]

    def close(self) -> None:
        """Ends the simulation; calling it again does nothing."""
        if self._bullet.isConnected():
            self._bullet.disconnect()
