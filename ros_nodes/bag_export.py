"""A recording as a LeRobot v3 dataset: marked episodes become episodes, and what is left out is listed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from robot_wm.contract import Contract
from robot_wm.data.bag import Bag
from robot_wm.data.bag_report import BagReport, report
from robot_wm.data.bag_scan import ScannedMessage
from robot_wm.data.episode import INTERVENTION, Episode
from robot_wm.data.files import write_atomic
from robot_wm.data.lerobot_writer import DatasetWriter
from robot_wm.data.marks import Span
from robot_wm.errors import DatasetError
from robot_wm.signals import ACTION, JOINTS
from ros_nodes.bag_control import RecordedControl
from ros_nodes.control_source import PERSON_PLAN
from ros_nodes.observation_stream import Frame, ObservationStream, actions_of
from ros_nodes.robot_config import RobotConfig
from ros_nodes.topic_check import recorded, wrong_topics

SHORTEST = 2
"""Frames that an episode must have."""
BEFORE_NS = 1_000_000_000
"""What came so long before an episode may belong to its first frame."""


@dataclass(frozen=True)
class ExportOptions:
    """How a recording becomes episodes.

    Attributes:
        task: Task of episodes whose mark names none.
        keep: Outcomes that are exported; "" stands for episodes that nobody judged.
        longest_s: A longer episode is cut; memory holds this much, however long the recording is.
        namespace: Of the robot's topics.
        measured: Take as action what the arm did, from joint states, instead of what was planned for it.
    """

    task: str = "unnamed"
    keep: tuple[str, ...] = ("success", "failure", "")
    longest_s: float = 60.0
    namespace: str = ""
    measured: bool = False


@dataclass
class Exported:
    """What became of a recording.

    Attributes:
        left_out: In words: what is not in the dataset, and what is odd about it.
    """

    episodes: int = 0
    frames: int = 0
    recorded_s: float = 0.0
    left_out: list[str] = field(default_factory=list)


def export(path: Path, out: Path, contract: Contract, robot: RobotConfig, options: ExportOptions) -> Exported:
    """Writes the episodes of a recording into a dataset, which may exist already.

    Without marks the whole recording is one episode. A gap of the first camera, a frame that lacks a signal and a jump
    of a clock end an episode; the rest of it becomes another.

    Raises:
        DatasetError: A topic is missing or of another type, or nothing can be exported.
    """
    if options.measured:
        contract = _with_measured_actions(contract)
    bag, followed = Bag.open(path), contract
    found = report(bag)
    stream = ObservationStream(contract, robot, options.namespace)
    if stream.signals[ACTION] not in found.topics and RecordedControl(options.namespace).person_topic in found.topics:
        followed = _with_a_persons_actions(contract)
        stream = ObservationStream(followed, robot, options.namespace)
    problems = wrong_topics(stream.topics, recorded(found))
    if problems:
        without_plans = any(words.startswith(stream.signals[ACTION]) for words in problems) and not options.measured
        hint = "; --measured-actions does without plans" if without_plans else ""
        raise DatasetError(f"{path}: {'; '.join(problems)}{hint}")
    result = Exported(recorded_s=(found.last_ns - found.first_ns) * 1e-9, left_out=list(found.problems()))
    with DatasetWriter(out, contract, robot=robot.name) as writer:
        streams = _stream_maker(followed, robot, options)
        control = RecordedControl(options.namespace)
        for number, span, frames in _spans(bag, found, streams, control, options.keep, result):
            name = f"episode {number} of {path.name}"
            for run in _runs(frames, max(SHORTEST, round(options.longest_s / contract.step_s))):
                _add(writer, run, name, span.task or options.task, contract, result)
    _note_export(out, path, found, result)
    if not result.episodes:
        raise DatasetError(f"{path}: nothing could be exported: {'; '.join(result.left_out) or 'no frame is complete'}")
    return result


def _stream_maker(contract: Contract, robot: RobotConfig, options: ExportOptions) -> Callable[[], ObservationStream]:
    return lambda: ObservationStream(contract, robot, options.namespace)


def _spans(
    bag: Bag,
    found: BagReport,
    make_stream: Callable[[], ObservationStream],
    control: RecordedControl,
    keep: tuple[str, ...],
    result: Exported,
) -> Iterator[tuple[int, Span, Iterator[Frame]]]:
    """The episodes to export with their frames, in one pass over the recording; those of one before the next."""
    spans = found.episodes or [Span(found.first_ns, found.last_ns + 1)]
    messages = bag.messages()
    for number, span in enumerate(spans):
        name = f"episode {number} of {bag.path.name}"
        if span.note:
            result.left_out.append(f"{name}: {span.note}")
        if span.outcome not in keep:
            result.left_out.append(f"{name}: its outcome is '{span.outcome or 'none'}'")
            continue
        stream = make_stream()
        yield number, span, _frames(messages, span, stream, control)
        result.left_out += [f"{name}: {words}" for words in _losses(stream)]


def _frames(
    messages: Iterator[ScannedMessage], span: Span, stream: ObservationStream, control: RecordedControl
) -> Iterator[Frame]:
    """Reads on to the end of a span; of what lies before it, its first frame may need joint states and a plan."""
    topics = {*stream.signals.values(), control.person_topic}
    images = stream.signals[stream.contract.camera.name]
    for message in messages:
        control.note(message)
        if message.received_ns >= span.stop_ns:
            break
        begin_ns = span.start_ns - (0 if message.topic.name == images else BEFORE_NS)
        if message.topic.name in topics and message.received_ns >= begin_ns:
            yield from control.push(message, stream)
    yield from control.finish(stream)


def _add(
    writer: DatasetWriter, frames: list[Frame], name: str, task: str, contract: Contract, result: Exported
) -> None:
    actions = actions_of(frames, contract)
    if len(actions) < SHORTEST:
        result.left_out.append(f"{name}: {len(frames)} frames in a row at {frames[0].stamp_s:.3f} are too few")
        return
    beyond = int(np.sum(np.any((actions < contract.action_low) | (actions > contract.action_high), axis=1)))
    if beyond:
        result.left_out.append(f"{name}: kept, though {beyond} actions lie beyond the contract's bounds")
    writer.add(_episode(frames[: len(actions)], actions, task))
    result.episodes, result.frames = result.episodes + 1, result.frames + len(actions)


def _runs(frames: Iterator[Frame], longest: int) -> Iterator[list[Frame]]:
    """Frames of one run together, cut after `longest` of them."""
    held: list[Frame] = []
    for frame in frames:
        if held and (frame.run != held[-1].run or len(held) == longest):
            yield held
            held = []
        held.append(frame)
    if held:
        yield held


def _episode(frames: list[Frame], actions: np.ndarray, task: str) -> Episode:
    first, *others = frames[0].images
    return Episode(
        images=np.stack([frame.images[first] for frame in frames]),
        states=np.stack([frame.state for frame in frames]),
        actions=actions,
        stamps=np.array([frame.stamp_s for frame in frames]),
        task=task,
        monitor={
            "stamp_ns": np.array([frame.stamp_ns for frame in frames], np.int64),
            INTERVENTION: np.array([frame.by_person for frame in frames], np.bool_),
        },
        views={name: np.stack([frame.images[name] for frame in frames]) for name in others},
    )


def _losses(stream: ObservationStream) -> Iterator[str]:
    losses = stream.losses
    for signal, count in losses.missing.items():
        limit_s = stream.contract.streams[signal].tolerance_s
        yield f"{count} frames without {stream.signals[signal]} within {limit_s:g} s"
    for signal, count in losses.unordered.items():
        yield f"{count} messages of {stream.signals[signal]} out of order"
    for before_ns, after_ns in losses.gaps:
        yield f"no image for {(after_ns - before_ns) * 1e-9:.3f} s after {before_ns * 1e-9:.3f}"
    for signal, before_ns, after_ns in losses.jumps:
        yield f"the clock of {stream.signals[signal]} went back by {(before_ns - after_ns) * 1e-9:.3f} s"
    for words, count in stream.refused.items():
        yield f"{words} ({count} times)"


def _with_measured_actions(contract: Contract) -> Contract:
    streams = contract.streams
    action = replace(streams[ACTION], type=JOINTS, topic=streams["state"].topic, align="nearest", tolerance_s=0.1)
    return replace(contract, signals=tuple((streams | {ACTION: action}).values()))


def _with_a_persons_actions(contract: Contract) -> Contract:
    streams = contract.streams
    action = replace(streams[ACTION], topic=PERSON_PLAN)
    return replace(contract, signals=tuple((streams | {ACTION: action}).values()))


def _note_export(out: Path, path: Path, found: BagReport, result: Exported) -> None:
    """Keeps beside the dataset where it came from and what was left out."""
    if not result.episodes:
        return
    file = out / "meta/export.json"
    notes = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    marks = [f"{mark.received_ns * 1e-9:.6f} {mark.verb} {mark.text}".strip() for mark in found.marks]
    notes.append({"source": path.name, "episodes": result.episodes, "marks": marks, "left_out": result.left_out})
    write_atomic(file, json.dumps(notes, indent=2).encode())
