"""Topics that make an observation or an action: type, shape, units, frame, rate, alignment and normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from robot_wm.errors import ContractError

Role = Literal["observation", "action"]
Rule = Literal["nearest", "last_before"]
Normalisation = Literal["none", "unit_range", "standard"]
IMAGE, JOINTS, PLAN = (
    "sensor_msgs/msg/Image",
    "sensor_msgs/msg/JointState",
    "trajectory_msgs/msg/MultiDOFJointTrajectory",
)
STATE, ACTION = "state", "action"
TYPES = {"camera": (IMAGE,), STATE: (JOINTS,), ACTION: (PLAN, JOINTS)}
"""Which types can be read as what; an action read from joint states is the measured displacement to the next frame."""


@dataclass(frozen=True)
class Signal:
    """One topic, and how its messages become a part of each frame.

    Attributes:
        name: A camera's name, "state" or "action".
        role: Part of the observation or of the action.
        topic: Relative to the robot's namespace.
        type: `package/msg/Name`.
        shape: Of the array that a frame has of it.
        units: Of its elements; one for all of an image.
        frame: In which it is expressed.
        rate_hz: Messages a second that are needed at least.
        align: "nearest" takes the message whose stamp is nearest to the frame's, "last_before" the newest one that is
            not after it.
        tolerance_s: Largest time between the two stamps, seconds.
        normalisation: What a model does with it first: "unit_range" scales 0 … 255 to 0 … 1, "standard" takes mean and
            standard deviation of the training data.
    """

    name: str
    role: Role
    topic: str
    type: str
    shape: tuple[int, ...]
    units: tuple[str, ...]
    frame: str
    rate_hz: float
    align: Rule
    tolerance_s: float
    normalisation: Normalisation

    def __post_init__(self) -> None:
        for field, value, choices in (
            ("role", self.role, get_args(Role)),
            ("align", self.align, get_args(Rule)),
            ("normalisation", self.normalisation, get_args(Normalisation)),
            ("type", self.type, TYPES.get(self.name, TYPES["camera"])),
        ):
            if value not in choices:
                raise ContractError(f"contract: signal '{self.name}': {field} is '{value}', expected one of {choices}")
        if not self.rate_hz > 0 or not self.tolerance_s > 0:
            raise ContractError(
                f"contract: signal '{self.name}': rate_hz {self.rate_hz} and tolerance_s {self.tolerance_s} must "
                "both be positive"
            )
        if not self.shape or min(self.shape) < 1 or len(self.units) not in (1, self.shape[0]):
            raise ContractError(
                f"contract: signal '{self.name}': shape {self.shape} must be positive, with one unit or "
                f"{self.shape[0] if self.shape else 1} units; it has {len(self.units)}"
            )
        if not self.topic:
            raise ContractError(f"contract: signal '{self.name}': the topic is empty; give its name")

    def to_plain(self) -> dict[str, Any]:
        """As YAML has it."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_plain(cls, plain: Any, source: str) -> Signal:
        """Reads what `to_plain` gave; ContractError names a missing, unknown or mistyped key."""
        known = {field.name for field in fields(cls)}
        if not isinstance(plain, dict) or set(plain) != known:
            found = sorted(plain) if isinstance(plain, dict) else type(plain).__name__
            raise ContractError(f"{source}: a signal must have the keys {sorted(known)}, got {found}")
        try:
            return cls(
                **{
                    **{name: str(value) for name, value in plain.items()},
                    "shape": tuple(int(size) for size in plain["shape"]),
                    "units": tuple(str(unit) for unit in plain["units"]),
                    "rate_hz": float(plain["rate_hz"]),
                    "tolerance_s": float(plain["tolerance_s"]),
                }  # type: ignore[arg-type]
            )
        except (TypeError, ValueError) as error:
            raise ContractError(
                f"{source}: signal '{plain.get('name')}': a field has the wrong type: {error}"
            ) from error


def check_signals(signals: Sequence[Signal], cameras: Sequence[str]) -> None:
    """Raises ContractError unless there is one signal for each camera, one for the state and one for the action."""
    expected, found = sorted([*cameras, STATE, ACTION]), sorted(signal.name for signal in signals)
    if expected != found:
        raise ContractError(f"contract: signals are {found}, expected one for each of {expected}")
    for signal in signals:
        if (signal.role == "action") != (signal.name == ACTION):
            raise ContractError(f"contract: signal '{signal.name}' has the role '{signal.role}'")
