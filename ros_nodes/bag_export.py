"""A recording as a LeRobot v3 dataset: marked episodes become episodes, and what is left out is listed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from rclpy.serialization import deserialize_message

from robot_wm.contract import Contract
from robot_wm.data.bag import Bag
from robot_wm.data.bag_report import BagReport, report
from robot_wm.data.episode import Episode
from robot_wm.data.files import write_atomic
from robot_wm.data.lerobot_writer import DatasetWriter
from robot_wm.data.marks import Span
from robot_wm.errors import DatasetError
from robot_wm.signals import ACTION, JOINTS
from ros_nodes.message_text import message_class
from ros_nodes.observation_stream import Frame, ObservationStream, actions_of
from ros_nodes.robot_config import RobotConfig
from ros_nodes.topic_check import recorded, wrong_topics

SHORTEST = 2
"""Frames that an episode must have."""


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
    bag = Bag.open(path)
    found = report(bag)
    stream = ObservationStream(contract, robot, options.namespace)
    problems = wrong_topics(stream.topics, recorded(found))
    if problems:
        raise DatasetError(f"{path}: {'; '.join(problems)}")
    result = Exported(recorded_s=(found.last_ns - found.first_ns) * 1e-9, left_out=list(found.problems()))
    spans = found.episodes or [Span(found.first_ns, found.last_ns + 1)]
    with DatasetWriter(out, contract, robot=robot.name) as writer:
        for number, span in enumerate(spans):
            name = f"episode {number} of {path.name}"
            if span.outcome not in options.keep:
                result.left_out.append(f"{name}: its outcome is '{span.outcome or 'none'}'")
                continue
            if span.note:
                result.left_out.append(f"{name}: {span.note}")
            _export_span(bag, span, name, contract, robot, options, writer, result)
    _note_export(out, path, found, result)
    if not result.episodes:
        raise DatasetError(f"{path}: nothing could be exported: {'; '.join(result.left_out) or 'no frame is complete'}")
    return result


def _export_span(
    bag: Bag,
    span: Span,
    name: str,
    contract: Contract,
    robot: RobotConfig,
    options: ExportOptions,
    writer: DatasetWriter,
    result: Exported,
) -> None:
    stream = ObservationStream(contract, robot, options.namespace)
    longest = max(SHORTEST, round(options.longest_s / contract.step_s))
    for frames in _runs(_frames(bag, span, stream), longest):
        actions = actions_of(frames, contract) if len(frames) >= SHORTEST else np.empty((0, 7), np.float32)
        if len(actions) < SHORTEST:
            result.left_out.append(f"{name}: {len(frames)} frames in a row at {frames[0].stamp_s:.3f} are too few")
            continue
        episode = _episode(frames[: len(actions)], actions, span.task or options.task)
        beyond = int(np.sum(np.any((actions < contract.action_low) | (actions > contract.action_high), axis=1)))
        if beyond:
            result.left_out.append(
                f"{name}: {beyond} of {len(actions)} actions lie beyond the contract's bounds (kept)"
            )
        writer.add(episode)
        result.episodes, result.frames = result.episodes + 1, result.frames + len(episode)
    result.left_out += _losses(stream, name)


def _frames(bag: Bag, span: Span, stream: ObservationStream) -> Iterator[Frame]:
    for message in bag.messages():
        if message.topic.name in stream.signals.values() and span.start_ns <= message.received_ns < span.stop_ns:
            try:
                decoded = deserialize_message(message.payload, message_class(message.topic.type))
            except Exception as error:  # whatever rclpy or its stand-in raises for bytes that are no message
                raise DatasetError(
                    f"{message.topic.name}: a message received at {message.received_ns * 1e-9:.3f} cannot be decoded "
                    f"({error})"
                ) from error
            yield from stream.push(message.topic.name, decoded)
    yield from stream.finish()


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
        views={name: np.stack([frame.images[name] for frame in frames]) for name in others},
    )


def _losses(stream: ObservationStream, name: str) -> Iterator[str]:
    losses = stream.losses
    for signal, count in losses.missing.items():
        limit_s = stream.contract.streams[signal].tolerance_s
        yield f"{name}: {count} frames without {stream.signals[signal]} within {limit_s:g} s"
    for signal, count in Counter(losses.unordered).items():
        yield f"{name}: {count} messages of {stream.signals[signal]} out of order"
    for before_ns, after_ns in losses.gaps:
        yield f"{name}: no image for {(after_ns - before_ns) * 1e-9:.3f} s after {before_ns * 1e-9:.3f}"
    for signal, before_ns, after_ns in losses.jumps:
        yield f"{name}: the clock of {stream.signals[signal]} went back by {(before_ns - after_ns) * 1e-9:.3f} s"


def _with_measured_actions(contract: Contract) -> Contract:
    streams = contract.streams
    action = replace(streams[ACTION], type=JOINTS, topic=streams["state"].topic, align="nearest", tolerance_s=0.1)
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
