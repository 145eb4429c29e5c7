"""The one description of what a robot observes and does: names, shapes, units, rates and frames."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from robot_wm import signals as sig
from robot_wm.errors import ContractError, ObservationError
from robot_wm.signals import Signal

STATE_NAMES = ("x", "y", "z", "qx", "qy", "qz", "qw", "gripper")
STATE_UNITS = ("m", "m", "m", "1", "1", "1", "1", "1")
ACTION_NAMES = ("dx", "dy", "dz", "drx", "dry", "drz", "gripper")
ACTION_UNITS = ("m", "m", "m", "rad", "rad", "rad", "1")


@dataclass(frozen=True)
class Camera:
    """One camera of the observation; `topic` is the image topic, `frame` its REP-104 optical frame."""

    name: str
    topic: str
    height: int
    width: int
    encoding: str
    frame: str


@dataclass(frozen=True)
class Contract:
    """Observation and action of one model, as `contract.yaml` holds it.

    The state is the measured end-effector pose and gripper opening, `STATE_NAMES`; the action is the end-effector
    displacement over one step, `ACTION_NAMES`, in the base frame. An action dimension whose bounds are equal is fixed.

    Attributes:
        step_s: Seconds between two world-model steps.
        action_low: Lower bound of each action dimension, in `ACTION_UNITS`.
        action_high: Upper bound, likewise.
        workspace_low: Lowest end-effector position (x, y, z), metres.
        workspace_high: Highest end-effector position, metres.
        signals: The topics that frames are made of; empty for those that `streams` derives from the rest.
    """

    name: str
    step_s: float
    base_frame: str
    ee_frame: str
    cameras: tuple[Camera, ...]
    action_low: tuple[float, ...]
    action_high: tuple[float, ...]
    workspace_low: tuple[float, float, float]
    workspace_high: tuple[float, float, float]
    signals: tuple[Signal, ...] = ()

    def __post_init__(self) -> None:
        if not self.cameras:
            raise ContractError("contract: no camera; at least one is needed under 'cameras'")
        if self.step_s <= 0:
            raise ContractError(f"contract: step_s is {self.step_s}; a positive number of seconds is needed")
        for name, low, high, size in (
            ("action", self.action_low, self.action_high, len(ACTION_NAMES)),
            ("workspace", self.workspace_low, self.workspace_high, 3),
        ):
            if len(low) != size or len(high) != size:
                raise ContractError(
                    f"contract: {name} bounds have {len(low)} and {len(high)} values; {size} are needed"
                )
            if not np.all(np.isfinite([low, high])) or np.any(np.array(low) > np.array(high)):
                raise ContractError(f"contract: {name} bounds {low} to {high} are not finite and ordered")
        if self.signals:
            sig.check_signals(self.signals, [camera.name for camera in self.cameras])

    @property
    def streams(self) -> dict[str, Signal]:
        """The topics that frames are made of, by name, the first camera first; its images are what others align to."""
        if self.signals:
            order = [*(camera.name for camera in self.cameras), sig.STATE, sig.ACTION]
            return {signal.name: signal for signal in sorted(self.signals, key=lambda s: order.index(s.name))}
        rate_hz, base = 1.0 / self.step_s, self.base_frame
        found = [
            Signal(
                camera.name, "observation", camera.topic, sig.IMAGE, (camera.height, camera.width, 3), ("1",),
                camera.frame, rate_hz, "nearest", 0.05, "unit_range",
            )
            for camera in self.cameras
        ]  # fmt: skip
        found += [
            Signal(
                sig.STATE, "observation", "joint_states", sig.JOINTS, (len(STATE_NAMES),), STATE_UNITS,
                base, max(rate_hz, 10.0), "nearest", 0.1, "standard",
            ),
            Signal(
                sig.ACTION, "action", "planner/plan", sig.PLAN, (len(ACTION_NAMES),), ACTION_UNITS,
                base, rate_hz, "last_before", max(0.8, self.step_s), "standard",
            ),
        ]  # fmt: skip
        return {signal.name: signal for signal in found}

    @property
    def camera(self) -> Camera:
        """The first camera, the one that the encoder sees."""
        return self.cameras[0]

    def check_image(self, image: np.ndarray, source: str = "image") -> np.ndarray:
        """Returns `image` if it is uint8 (height, width, 3) as the first camera promises; else ObservationError."""
        expected = (self.camera.height, self.camera.width, 3)
        if image.dtype != np.uint8 or image.shape != expected:
            raise ObservationError(
                f"{source}: got {image.dtype} {image.shape}, expected uint8 {expected}; "
                f"resize or re-encode it to what contract '{self.name}' says of camera '{self.camera.name}'"
            )
        return image

    def check_state(self, state: np.ndarray, source: str = "state") -> np.ndarray:
        """Returns `state` as float32 (8,) if it is finite and of that shape, else raises ObservationError."""
        state = np.asarray(state, dtype=np.float32)
        if state.shape != (len(STATE_NAMES),) or not np.all(np.isfinite(state)):
            raise ObservationError(f"{source}: got {state}, expected {len(STATE_NAMES)} finite numbers {STATE_NAMES}")
        return state

    def to_yaml(self) -> str:
        """The text of `contract.yaml`."""
        plain = asdict(self)
        for key, value in plain.items():
            if isinstance(value, tuple):
                plain[key] = list(value)
        if not plain.pop("signals"):
            return yaml.safe_dump(plain, sort_keys=False)
        plain["signals"] = [signal.to_plain() for signal in self.signals]
        return yaml.safe_dump(plain, sort_keys=False)

    @classmethod
    def from_yaml(cls, text: str, source: str = "contract.yaml") -> Contract:
        """Reads what `to_yaml` wrote; a missing, unknown or mistyped key raises ContractError naming it."""
        try:
            plain = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ContractError(f"{source}: not valid YAML: {error}") from error
        if not isinstance(plain, dict):
            raise ContractError(f"{source}: expected a mapping of contract fields, got {type(plain).__name__}")
        _check_keys({"signals": [], **plain}, cls, source)
        if not isinstance(plain.get("signals", []), list):
            raise ContractError(f"{source}: 'signals' must be a list of mappings")
        _check_keys_of_cameras(plain["cameras"], source)
        try:
            values: dict[str, Any] = {
                **{key: str(plain[key]) for key in ("name", "base_frame", "ee_frame")},
                **{key: tuple(float(v) for v in plain[key]) for key in plain if key.endswith(("_low", "_high"))},
                "step_s": float(plain["step_s"]),
                "cameras": tuple(Camera(**camera) for camera in plain["cameras"]),
                "signals": tuple(Signal.from_plain(each, source) for each in plain.get("signals", [])),
            }
        except (TypeError, ValueError) as error:
            raise ContractError(f"{source}: a field has the wrong type: {error}") from error
        return cls(**values)

    @classmethod
    def load(cls, path: Path) -> Contract:
        """Reads a contract file; a missing file raises ContractError."""
        if not path.is_file():
            raise ContractError(f"{path}: no such contract file")
        return cls.from_yaml(path.read_text(encoding="utf-8"), str(path))


def _check_keys(plain: dict[str, Any], cls: type, source: str) -> None:
    expected = {field.name for field in fields(cls)}
    missing, unknown = expected - plain.keys(), plain.keys() - expected
    if missing or unknown:
        raise ContractError(f"{source}: missing keys {sorted(missing)}, unknown keys {sorted(unknown)}")


def _check_keys_of_cameras(cameras: Any, source: str) -> None:
    if not isinstance(cameras, list) or not all(isinstance(camera, dict) for camera in cameras):
        raise ContractError(f"{source}: 'cameras' must be a list of mappings")
    for camera in cameras:
        _check_keys(camera, Camera, f"{source}: camera {camera.get('name', '?')}")


TABLETOP = Contract(
    name="tabletop",
    step_s=0.2,
    base_frame="panda_link0",
    ee_frame="panda_hand_tcp",
    cameras=(Camera("camera", "camera/image_raw", 96, 96, "rgb8", "camera_optical_frame"),),
    action_low=(-0.04, -0.04, -0.04, 0.0, 0.0, 0.0, 0.0),
    action_high=(0.04, 0.04, 0.04, 0.0, 0.0, 0.0, 0.0),
    workspace_low=(0.30, -0.28, 0.02),
    workspace_high=(0.68, 0.28, 0.35),
)

TABLETOP_GRIPPER = replace(TABLETOP, name="tabletop_gripper", action_high=(*TABLETOP.action_high[:6], 1.0))
"""The same with a gripper that opens and closes: 0 closed, 1 open."""
