"""From a recording to a dataset: every frame is what was recorded, and what is not there is said."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mcap")
sys.path.insert(0, str(Path(__file__).parent))

import recordings
from recordings import BEGIN, STEP_M, TWO_CAMERAS, S

from robot_wm.contract import TABLETOP
from robot_wm.data import Dataset
from robot_wm.data.bag_writer import Split
from robot_wm.errors import ContractError, DatasetError
from ros_nodes.bag_export import ExportOptions, export
from ros_nodes.observation_stream import ObservationStream, actions_of


def run(bag, out, contract=TABLETOP, robot=None, **options):
    return export(bag, out, contract, robot or recordings.RobotConfig.load("panda_sim"), ExportOptions(**options))


@pytest.fixture(scope="module")
def recording():
    return recordings.make()


def test_frames_actions_and_stamps_are_what_was_recorded(tmp_path, recording):
    recording.write(tmp_path / "bag", Split(bytes=1_000_000))
    done = run(tmp_path / "bag", tmp_path / "d", TWO_CAMERAS)
    assert (done.episodes, done.frames, done.left_out) == (1, 15, [])
    episode = Dataset.open(tmp_path / "d").read(0)
    assert np.diff(episode.stamps) == pytest.approx(0.2, abs=1e-6)
    arm = recording.robot.arm()
    for row, at in enumerate(episode.stamps):
        ns = min(recording.images, key=lambda ns, at=at: abs(ns * 1e-9 - at))
        np.testing.assert_array_equal(episode.images[row], recording.images[ns])
        joints = recording.joints[min(recording.joints, key=lambda each, ns=ns: abs(each - ns))]
        np.testing.assert_allclose(episode.states[row, :7], arm.forward(joints), atol=1e-6)
    np.testing.assert_allclose(episode.actions[:, :3], np.tile(STEP_M, (15, 1)), atol=2e-3)
    np.testing.assert_array_equal(episode.actions[:, 3:], 0.0)
    assert episode.views["wrist"].shape == (15, 64, 80, 3)


def test_measured_actions_lead_from_frame_to_frame(tmp_path, recording):
    recording.write(tmp_path / "bag")
    run(tmp_path / "bag", tmp_path / "d", measured=True)
    episode = Dataset.open(tmp_path / "d").read(0)
    moved = np.diff(episode.states[:, :3], axis=0)
    np.testing.assert_allclose(episode.actions[:-1, :3], moved, atol=1e-6)


def test_a_live_stream_and_its_recording_give_the_same_arrays_to_the_bit(tmp_path, peer, recording):
    """The recording goes out over DDS and comes in by subscriptions; the other way it is read from its file."""
    recording.write(tmp_path / "bag")
    live = ObservationStream(TWO_CAMERAS, recording.robot)
    from rclpy.qos import QoSProfile

    from robot_wm.data.bag import Bag

    frames, arrived = [], []
    kept = QoSProfile(depth=2000)
    for topic in live.topics:

        def take(message, topic=topic):
            frames.extend(live.push(topic, message))
            arrived.append(topic)

        peer.node.create_subscription(recordings.KINDS[topic], topic, take, kept)
    publishers = {topic: peer.node.create_publisher(recordings.KINDS[topic], topic, kept) for topic in live.topics}
    peer.until(lambda: all(each.get_subscription_count() for each in publishers.values()))
    sent = [(topic, message) for _, topic, message in recording.messages if topic in publishers]
    for number, (topic, message) in enumerate(sent):
        publishers[topic].publish(message)
        peer.until(lambda number=number: len(arrived) > number - 20)  # no topic runs a second ahead of the others
    peer.until(lambda: len(arrived) == len(sent))
    frames += live.finish()
    stored = ObservationStream(TWO_CAMERAS, recording.robot)
    read = [
        frame
        for message in Bag.open(tmp_path / "bag").messages()
        if message.topic.name in publishers
        for frame in stored.push_serialized(message.topic.name, message.payload)
    ] + stored.finish()
    assert len(frames) == len(read) == 15
    for ours, theirs in zip(frames, read, strict=True):
        assert ours.stamp_s == theirs.stamp_s and ours.run == theirs.run
        for name in ("camera", "wrist"):
            assert np.array_equal(ours.images[name], theirs.images[name])
        assert ours.state.tobytes() == theirs.state.tobytes() and ours.command.tobytes() == theirs.command.tobytes()
    assert actions_of(frames, TWO_CAMERAS).tobytes() == actions_of(read, TWO_CAMERAS).tobytes()


def test_marks_make_episodes_and_discarded_ones_are_listed(tmp_path, recording):
    marked = replace(recording, messages=list(recording.messages)).add_marks(
        (0.0, "start push"), (0.9, "success"), (1.0, "start"), (1.6, "discard"), (2.0, "start reach"), (2.9, "failure")
    )
    marked.write(tmp_path / "bag")
    done = run(tmp_path / "bag", tmp_path / "d", task="something")
    dataset = Dataset.open(tmp_path / "d")
    assert [episode.task for episode in dataset.episodes] == ["push", "reach"] and done.episodes == 2
    assert any("outcome is 'discard'" in words for words in done.left_out)
    for number, (low, high) in enumerate(((0.0, 0.9), (2.0, 2.9))):
        stamps = dataset.read(number).stamps - BEGIN * 1e-9
        assert low - 0.05 <= stamps[0] and stamps[-1] <= high


def test_a_persons_frames_have_the_persons_actions_and_say_so(tmp_path, recording):
    corrected = recordings.take_over(recording, 0.9, 1.75, 1.95)
    corrected.write(tmp_path / "bag")
    done = run(tmp_path / "bag", tmp_path / "d")
    episode = Dataset.open(tmp_path / "d").read(0)
    by_person = episode.monitor["intervention"]
    at = episode.stamps - BEGIN * 1e-9
    assert done.left_out == [] and by_person.dtype == bool
    np.testing.assert_array_equal(by_person, (at > 0.9) & (at < 1.75))
    driven, planned = by_person & (at < 1.7), (at < 0.89) | (at > 2.0)
    np.testing.assert_allclose(episode.actions[driven, :3], np.tile(2.0 * STEP_M, (driven.sum(), 1)), atol=4e-3)
    np.testing.assert_allclose(episode.actions[planned, :3], np.tile(STEP_M, (planned.sum(), 1)), atol=2e-3)
    let_go = (at > 1.76) & (at < 1.95)
    np.testing.assert_array_equal(episode.actions[let_go, :3], 0.0)


def test_a_recording_without_a_planner_is_exported_by_what_the_person_did(tmp_path, recording):
    driven = recordings.take_over(recording, 0.0, 2.9, 2.95)
    driven.messages = [entry for entry in driven.messages if entry[1] != "/planner/plan"]
    driven.write(tmp_path / "bag")
    run(tmp_path / "bag", tmp_path / "d")
    dataset = Dataset.open(tmp_path / "d")
    assert dataset.contract == TABLETOP and np.all(dataset.read(0).monitor["intervention"])
    np.testing.assert_allclose(dataset.read(0).actions[1:-1, :3].mean(0), 2.0 * STEP_M, atol=3e-3)
    run(tmp_path / "bag", tmp_path / "measured", measured=True)
    assert np.all(Dataset.open(tmp_path / "measured").read(0).monitor["intervention"])


def test_a_damaged_recording_exports_the_rest_and_says_what_is_missing(tmp_path, recording):
    path = recording.write(tmp_path / "bag").paths[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 8] = b"damaged!"
    path.write_bytes(data[:-1000])
    done = run(tmp_path / "bag", tmp_path / "d")
    assert 8 <= done.frames <= 15 and any("checksum" in words for words in done.left_out)
    assert (tmp_path / "d/meta/export.json").is_file()


def test_a_gap_and_images_that_do_not_fit_end_an_episode(tmp_path, recording):
    small = recordings.make(0.05, side=(32, 32)).messages
    wrong = [message for _, topic, message in small if topic == "/camera/image_raw"][0]
    messages = []
    for received_ns, topic, message in recording.messages:
        at = (received_ns - BEGIN) / S
        if topic == "/camera/image_raw" and 0.9 < at < 1.5:
            continue
        if topic == "/camera/image_raw" and 2.09 < at < 2.6:
            wrong.header.stamp = message.header.stamp
            message = recordings.array_to_image(np.zeros((32, 32, 3), np.uint8), message.header.stamp, "camera")
        messages.append((received_ns, topic, message))
    replace(recording, messages=messages).write(tmp_path / "bag")
    done = run(tmp_path / "bag", tmp_path / "d")
    assert done.episodes >= 2
    assert any("no image for" in words for words in done.left_out)
    assert any("32x32" in words and "/camera/image_raw" in words for words in done.left_out)
    for episode in Dataset.open(tmp_path / "d"):
        assert np.all(np.diff(episode.stamps) < 0.3)


def test_a_long_episode_is_cut(tmp_path, recording):
    recording.write(tmp_path / "bag")
    done = run(tmp_path / "bag", tmp_path / "d", longest_s=1.0)
    assert [episode.length for episode in Dataset.open(tmp_path / "d").episodes] == [5, 5, 5] and done.frames == 15


@pytest.mark.parametrize(
    ("drop", "rename", "message"),
    [
        ("/joint_states", None, "/joint_states .* is missing; seen instead: nothing of its type"),
        ("/camera/image_raw", None, "/camera/image_raw .* is missing; seen instead: .*/wrist_camera/image_raw"),
        (None, "/joint_states", "/joint_states is of type std_msgs/msg/String, the contract needs sensor_msgs"),
    ],
)
def test_a_topic_that_is_missing_or_of_another_type_is_named(tmp_path, recording, drop, rename, message, monkeypatch):
    messages = [entry for entry in recording.messages if entry[1] != drop]
    if rename is not None:
        monkeypatch.setitem(recordings.KINDS, rename, recordings.String)
        messages = [entry for entry in messages if entry[1] != rename]
        messages.append((BEGIN + S, rename, recordings.String(data="x")))
    replace(recording, messages=messages).write(tmp_path / "bag")
    with pytest.raises(DatasetError, match=message):
        run(tmp_path / "bag", tmp_path / "d")
    assert not (tmp_path / "d/meta/info.json").exists()


def test_the_command_line_exports_and_shows_a_recording(tmp_path, recording, capsys):
    from robot_wm.cli import main

    replace(recording, messages=list(recording.messages)).add_marks((0.1, "start push"), (2.0, "success")).write(
        tmp_path / "bag"
    )
    words = ["dataset", "export", str(tmp_path / "bag"), "--out", str(tmp_path / "d"), "--fps", "30"]
    assert main(words) == 0
    assert "1 episodes, 57 frames" in capsys.readouterr().out
    assert main(["dataset", "export", str(tmp_path / "bag"), "--out", str(tmp_path / "d"), "--fps", "30"]) == 0
    assert len(Dataset.open(tmp_path / "d")) == 2
    assert main(["dataset", "view", str(tmp_path / "bag"), "--frames", "10"]) == 0
    page = (tmp_path / "bag.html").read_text()
    assert page.count("data:image/jpeg") >= 18 and "panda_joint1" in page and "start push" in page
    assert main(["dataset", "export", str(tmp_path / "bag"), "--out", str(tmp_path / "e"), "--keep", "failure"]) == 2
    assert "nothing could be exported: episode 0 of bag: its outcome is 'success'" in capsys.readouterr().err


def test_another_robot_is_refused(recording):
    with pytest.raises(ContractError, match="name the robot that was recorded"):
        ObservationStream(TABLETOP, recordings.RobotConfig.load("ur5e"))


def test_the_simulators_episodes_align_to_themselves():
    """What the simulator gives step by step passes through the same object unchanged."""
    pytest.importorskip("pybullet")
    from robot_wm.data.alignment import Aligner
    from sim.play import play_episode

    episode = play_episode("reach", 0, 8, False)
    aligner, frames = Aligner(TABLETOP), []
    for row in range(len(episode)):
        ns = round(episode.stamps[row] * S)
        for name, array in (("camera", episode.images), ("state", episode.states), ("action", episode.actions)):
            frames += aligner.push(name, ns, array[row])
    frames += aligner.finish()
    for name, array in (("camera", episode.images), ("state", episode.states), ("action", episode.actions)):
        np.testing.assert_array_equal(np.stack([frame.values[name] for frame in frames]), array)
