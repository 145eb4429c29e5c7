"""What the verbs of `robot-wm dataset` take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import Positional


@dataclass(frozen=True)
class Info:
    """Says what is in a recording or a dataset."""

    path: Positional[Path]


@dataclass(frozen=True)
class Verify:
    """Reads everything, checks every checksum and says what is damaged; the exit code is 1 then."""

    path: Positional[Path]


@dataclass(frozen=True)
class Repair:
    """Writes everything whole in a recording as a new one; the original stays as it is.

    Attributes:
        out: The new recording; by default beside the old one, with `_repaired` after its name.
    """

    path: Positional[Path]
    out: Path | None = None


@dataclass(frozen=True)
class Export:
    """Writes the episodes of recordings as a LeRobot v3 dataset.

    Attributes:
        paths: Recordings; their episodes are appended in this order.
        out: Folder of the dataset; one of the same contract is continued.
        format: The only one there is.
        contract: `contract.yaml` of the frames; by default that of the simulated tabletop.
        robot: Robot that was recorded: a name or a file.
        fps: Frames a second in place of the contract's step.
        task: Task of episodes whose mark names none.
        keep: Outcomes to export; `unmarked` stands for episodes that nobody judged.
        longest_s: A longer episode is cut; memory holds this much, however long the recording is.
        namespace: Of the robot's topics.
        measured_actions: Take as action what the arm did, from joint states, in place of what was planned.
    """

    paths: Positional[tuple[Path, ...]]
    out: Path
    format: Literal["lerobot"] = "lerobot"
    contract: Path | None = None
    robot: str = "panda_sim"
    fps: float | None = None
    task: str = "unnamed"
    keep: tuple[Literal["success", "failure", "discard", "unmarked"], ...] = ("success", "failure", "unmarked")
    longest_s: float = 60.0
    namespace: str = ""
    measured_actions: bool = False


@dataclass(frozen=True)
class Import:
    """Takes over a LeRobot v2.1 or v3 dataset, or folders of one Parquet file and MP4 videos an episode.

    Attributes:
        path: The foreign dataset.
        out: Folder of the new dataset.
        contract: `contract.yaml` of its frames; by default that of the simulated tabletop.
        state: Column of 8 numbers (pose with quaternion, gripper) or 7 (position, extrinsic Euler angles, gripper).
        action: Column of 7 numbers to take as they are; by default actions are the displacements between states.
        cameras: For each camera of the contract, in its order, the video's key; by default the videos in their order.
        fps: Frames a second of the source where it does not say.
        resize: Scale images to what the contract says, in place of an error.
        open_value: Gripper value that means open; closed is 0.
        task: Task of episodes that name none.
    """

    path: Positional[Path]
    out: Path
    contract: Path | None = None
    state: str = "observation.state"
    action: str | None = None
    cameras: tuple[str, ...] = ()
    fps: float | None = None
    resize: bool = False
    open_value: float = 1.0
    task: str = "unnamed"


@dataclass(frozen=True)
class Stats:
    """Prints the statistics of every column of a dataset, computed anew."""

    path: Positional[Path]


@dataclass(frozen=True)
class Split:
    """Divides a dataset by episodes into two new ones, `train` and `val`.

    Attributes:
        out: Folder in which the two are made.
        val: Share of the episodes that go to `val`.
        seed: The same seed divides the same way.
    """

    path: Positional[Path]
    out: Path
    val: float = 0.1
    seed: int = 0


@dataclass(frozen=True)
class View:
    """Makes a page of an episode or a recording: frames, curves and events, in one HTML file that needs nothing else.

    Attributes:
        episode: Which one of a dataset.
        out: The page; by default beside the recording or dataset.
        frames: Most frames to show.
        rerun: File for the Rerun viewer, too; needs `rerun-sdk`.
    """

    path: Positional[Path]
    episode: Annotated[int, tyro.conf.arg(aliases=["-e"])] = 0
    out: Path | None = None
    frames: int = 150
    rerun: Path | None = None
