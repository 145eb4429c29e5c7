"""The `lerobot` package itself reads what is written here; needs it installed, with a video backend."""

from dataclasses import replace

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
