"""The `lerobot` package itself reads what is written here; needs it installed, with a video backend."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("lerobot")
lerobot = pytest.importorskip("lerobot.datasets.lerobot_dataset")

from robot_wm.contract import TABLETOP, Camera  # noqa: E402
from robot_wm.data import DatasetWriter  # noqa: E402

TWO = replace(TABLETOP, cameras=(*TABLETOP.cameras, Camera("wrist", "wrist/image_raw", 64, 80, "rgb8", "wrist")))


def test_frames_actions_times_and_bounds_are_those_that_were_written(tmp_path, make_episode):
    rng, episodes = np.random.default_rng(0), []
    for seed, (frames, task) in enumerate([(12, "push"), (5, "reach"), (9, "push")]):
        view = rng.integers(0, 255, (frames, 64, 80, 3), dtype=np.uint8)
        made = make_episode(frames, seed, task)
        nanoseconds = 1_700_000_000 * 10**9 + (made.stamps * 1e9).astype(np.int64)
        episodes.append(replace(made, views={"wrist": view}, monitor={"stamp_ns": nanoseconds}))
    with DatasetWriter(tmp_path / "d", TWO, flush_s=0.0) as writer:
        for episode in episodes:
            writer.add(episode)
    dataset = lerobot.LeRobotDataset("local/d", root=tmp_path / "d", video_backend="pyav")
    assert (dataset.num_episodes, dataset.num_frames, dataset.fps) == (3, 26, 5)
    row = 0
    for number, episode in enumerate(episodes):
        bounds = dataset.meta.episodes[number]
        assert (bounds["dataset_from_index"], bounds["dataset_to_index"]) == (row, row + len(episode))
        for frame in range(len(episode)):
            item = dataset[row]
            assert item["episode_index"] == number and item["frame_index"] == frame and item["task"] == episode.task
            assert item["timestamp"].item() == pytest.approx(frame / 5)
            assert item["monitor.stamp_ns"].item() == episode.monitor["stamp_ns"][frame]
            np.testing.assert_array_equal(item["action"].numpy(), episode.actions[frame])
            np.testing.assert_array_equal(item["observation.state"].numpy(), episode.states[frame])
            for key, images in (("camera", episode.images), ("wrist", episode.views["wrist"])):
                pixels = (item[f"observation.images.{key}"].numpy() * 255).round().astype(np.uint8)
                np.testing.assert_array_equal(pixels.transpose(1, 2, 0), images[frame])
            row += 1
    stored = dataset.hf_dataset.with_format(None)["stamp"]
    assert list(stored) == np.concatenate([episode.stamps for episode in episodes]).tolist()


def test_an_exported_recording_is_what_was_recorded(tmp_path):
    pytest.importorskip("mcap")
    sys.path.insert(0, str(Path(__file__).parents[1] / "ros_nodes"))
    import recordings

    from ros_nodes.bag_export import ExportOptions, export

    recording = recordings.make().add_marks((0.0, "start push"), (1.3, "success"), (1.5, "start"), (2.9, "failure"))
    recording.write(tmp_path / "bag")
    export(tmp_path / "bag", tmp_path / "d", TABLETOP, recording.robot, ExportOptions(task="other"))
    dataset = lerobot.LeRobotDataset("local/d", root=tmp_path / "d", video_backend="pyav")
    assert dataset.num_episodes == 2
    for number, (low_s, high_s, task) in enumerate(((0.0, 1.3, "push"), (1.5, 2.9, "other"))):
        bounds = dataset.meta.episodes[number]
        rows = range(bounds["dataset_from_index"], bounds["dataset_to_index"])
        assert len(rows) == 7
        for frame, row in enumerate(rows):
            item = dataset[row]
            stamp_ns = item["monitor.stamp_ns"].item()
            assert item["task"] == task and item["timestamp"].item() == pytest.approx(frame / 5)
            assert low_s - 0.01 <= (stamp_ns - recordings.BEGIN) / recordings.S <= high_s
            pixels = (item["observation.images.camera"].numpy() * 255).round().astype(np.uint8)
            np.testing.assert_array_equal(pixels.transpose(1, 2, 0), recording.images[stamp_ns])
            if number == 0:  # its frames are those that plans were made from
                np.testing.assert_allclose(item["action"].numpy()[:3], recordings.STEP_M, atol=2e-3)
