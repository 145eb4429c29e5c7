"""The simulated Panda: joints in, joints out, with PyBullet's motors as the drives."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sim.bullet import BulletClient, pybullet

URDF = Path(__file__).parent / "assets" / "panda.urdf"
JOINT_NAMES = tuple(f"panda_joint{i}" for i in range(1, 8))
FINGER_NAMES = ("panda_finger_joint1", "panda_finger_joint2")
FINGER_TRAVEL_M = 0.04
HOME = np.array([0.0, -0.35, 0.0, -2.45, 0.0, 2.10, 0.785])
"""Joint positions, radians, from which inverse kinematics starts."""
DOWN = np.array([1.0, 0.0, 0.0, 0.0])
"""Quaternion (x, y, z, w) of a hand that points at the table."""

MOTOR_GAIN = 0.35
MOTOR_FORCE = (87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0)
FINGER_FORCE_N = 20.0
PAD_FRICTION = 1.0
COUPLING_FORCE_N = 100.0


class Panda:
    """A Franka Panda with a parallel gripper in a PyBullet world."""

    def __init__(self, bullet: BulletClient) -> None:
        self._bullet = bullet
        self.body = bullet.loadURDF(str(URDF), useFixedBase=True)
        infos = [bullet.getJointInfo(self.body, i) for i in range(bullet.getNumJoints(self.body))]
        index = {info[1].decode(): info[0] for info in infos}
        links = {info[12].decode(): info[0] for info in infos}
        self._arm = [index[name] for name in JOINT_NAMES]
        self._fingers = [index[name] for name in FINGER_NAMES]
        self.tcp, self.hand = links["panda_hand_tcp"], links["panda_hand"]
        self._low = np.array([infos[i][8] for i in self._arm])
        self._high = np.array([infos[i][9] for i in self._arm])
        self._fastest = np.array([infos[i][11] for i in self._arm])
        self.links = range(-1, len(infos))

    def prepare_grip(self) -> None:
        """Gives the fingers rubber pads and couples them, as the real hand's drive does, so that they close evenly."""
        left, right = self._fingers
        for finger in self._fingers:
            self._bullet.changeDynamics(self.body, finger, lateralFriction=PAD_FRICTION)
        gear = self._bullet.createConstraint(
            self.body, left, self.body, right, pybullet.JOINT_GEAR, [0, 1, 0], [0, 0, 0], [0, 0, 0]
        )
        self._bullet.changeConstraint(gear, gearRatio=-1, erp=0.3, maxForce=COUPLING_FORCE_N)

    def grips(self, body: int, link: int = -1) -> bool:
        """Whether both fingers touch a link of a body."""
        return all(self._bullet.getContactPoints(self.body, body, finger, link) for finger in self._fingers)

    def reset(self, position: np.ndarray, quaternion: np.ndarray = DOWN, gripper: float = 0.0) -> None:
        """Puts the tool at a pose at rest; `gripper` is the opening, 0 (closed) … 1 (open)."""
        self.set_joints(HOME, gripper)
        for _ in range(10):
            self.set_joints(self.inverse(position, quaternion), gripper)

    def set_joints(self, joints: np.ndarray, gripper: float) -> None:
        """Sets the joint positions (7,) at once, with no motion in between."""
        for joint, value in zip(self._arm, joints, strict=True):
            self._bullet.resetJointState(self.body, joint, value)
        for finger in self._fingers:
            self._bullet.resetJointState(self.body, finger, gripper * FINGER_TRAVEL_M)

    def inverse(self, position: np.ndarray, quaternion: np.ndarray) -> np.ndarray:
        """Joint positions (7,) near the present ones that bring the tool to a pose; limits are kept."""
        solution = self._bullet.calculateInverseKinematics(
            self.body, self.tcp, position, quaternion, maxNumIterations=60, residualThreshold=1e-5
        )
        return np.clip(np.array(solution[:7]), self._low, self._high)

    def drive(self, joints: np.ndarray, gripper: float) -> None:
        """Sets the motors' targets: joint positions (7,) in radians and the gripper's opening, 0 … 1.

        A motor that was held back by what it touches goes on no faster than its joint may.
        """
        for joint, target, force, fastest in zip(self._arm, joints, MOTOR_FORCE, self._fastest, strict=True):
            self._bullet.setJointMotorControl2(
                self.body,
                joint,
                self._bullet.POSITION_CONTROL,
                targetPosition=target,
                positionGain=MOTOR_GAIN,
                force=force,
                maxVelocity=fastest,
            )
        self._bullet.setJointMotorControlArray(
            self.body,
            self._fingers,
            self._bullet.POSITION_CONTROL,
            targetPositions=[gripper * FINGER_TRAVEL_M] * 2,
            forces=[FINGER_FORCE_N] * 2,
        )

    def joints(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions and velocities of the arm's joints, (7,) each, radians and radians per second."""
        states = self._bullet.getJointStates(self.body, self._arm)
        return np.array([s[0] for s in states]), np.array([s[1] for s in states])

    def motion(self) -> np.ndarray:
        """Positions and velocities (2, 9) of the arm's joints and the fingers."""
        states = self._bullet.getJointStates(self.body, [*self._arm, *self._fingers])
        return np.array([state[:2] for state in states]).T

    def strain(self, before: np.ndarray, step_s: float) -> float:
        """How much the arm is held back by what it touches: the largest share of its greatest torque that a motor gave
        beyond what the arm's own motion takes, by inverse dynamics, as collision detection has it.

        Args:
            before: `motion` before the last step of the simulation.
            step_s: Its length.
        """
        accelerations = (self.motion()[1] - before[1]) / step_s
        own = self._bullet.calculateInverseDynamics(self.body, *before.tolist(), accelerations.tolist())
        given = [state[3] for state in self._bullet.getJointStates(self.body, self._arm)]
        return float(np.max(np.abs(np.subtract(given, own[:7])) / MOTOR_FORCE))

    def limits(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Lowest and highest position and highest velocity of the arm's joints, (7,) each, as PyBullet read them."""
        return self._low, self._high, self._fastest

    def gripper(self) -> float:
        """The gripper's opening, 0 (closed) … 1 (open)."""
        states = self._bullet.getJointStates(self.body, self._fingers)
        return float(np.clip(sum(s[0] for s in states) / (2 * FINGER_TRAVEL_M), 0.0, 1.0))

    def link_pose(self, link: int) -> np.ndarray:
        """Pose (7,) of a link's frame: x, y, z, qx, qy, qz, qw."""
        state = self._bullet.getLinkState(self.body, link, computeForwardKinematics=True)
        return np.array(state[4] + state[5])
