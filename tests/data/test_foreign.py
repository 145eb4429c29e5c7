"""Datasets of others: LeRobot v2.1 and v3, and folders of Parquet and MP4."""

import json
import shutil
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from robot_wm.actions import multiply_quaternions
from robot_wm.contract import TABLETOP
from robot_wm.data import Dataset, DatasetWriter, video
from robot_wm.data.foreign import open_foreign
from robot_wm.data.foreign_import import ImportOptions, take_over
from robot_wm.errors import DatasetError


def vectors(rows):
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(rows).ravel()), rows.shape[1])


def as_v21(episodes, root, fps=5):
    """The same episodes in the layout of v2.1, as its description says."""
    (root / "meta").mkdir(parents=True)
    key = "observation.images.top"
    info = {
        "codebase_version": "v2.1",
        "fps": fps,
        "chunks_size": 1000,
        "features": {key: {"dtype": "video"}, "observation.state": {"dtype": "float32"}},
        "data_path": "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        "video_path": "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4",
    }
    (root / "meta/info.json").write_text(json.dumps(info))
    lines = []
    for number, episode in enumerate(episodes):
        path = root / f"data/chunk-000/episode_{number:06d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        times = np.arange(len(episode), dtype=np.float32) / fps
        table = {"observation.state": vectors(episode.states), "action": vectors(episode.actions)}
        pq.write_table(pa.table(table | {"timestamp": times}), path)
        clip = root / f"videos/chunk-000/{key}/episode_{number:06d}.mp4"
        clip.parent.mkdir(parents=True, exist_ok=True)
        clip.write_bytes(video.encode(episode.images, Fraction(fps)))
        lines.append(json.dumps({"episode_index": number, "tasks": [episode.task], "length": len(episode)}))
    (root / "meta/episodes.jsonl").write_text("\n".join(lines) + "\n")


@pytest.fixture
def episodes(make_episode):
    made = [make_episode(frames, seed, task) for seed, (frames, task) in enumerate([(12, "push"), (9, "reach")])]
    for episode in made:
        episode.states[:, 3:7] /= np.linalg.norm(episode.states[:, 3:7], axis=1, keepdims=True)
    return made


def test_v21_comes_in_with_its_images_states_actions_and_tasks(tmp_path, episodes):
    as_v21(episodes, tmp_path / "v21")
    assert take_over(open_foreign(tmp_path / "v21"), tmp_path / "d", TABLETOP, ImportOptions(action="action")) == 2
    for got, expected in zip(Dataset.open(tmp_path / "d"), episodes, strict=True):
        np.testing.assert_array_equal(got.images, expected.images)
        np.testing.assert_allclose(got.states, expected.states, atol=1e-6)
        np.testing.assert_array_equal(got.actions, expected.actions)
        assert got.task == expected.task


def test_actions_can_be_what_the_arm_did_at_a_slower_step(tmp_path, episodes):
    as_v21(episodes, tmp_path / "v21", fps=15)
    take_over(open_foreign(tmp_path / "v21"), tmp_path / "d", TABLETOP, ImportOptions())
    got = Dataset.open(tmp_path / "d").read(0)
    assert len(got) == 3
    np.testing.assert_array_equal(got.images, episodes[0].images[:9:3])
    np.testing.assert_allclose(got.actions[:, :3], np.diff(episodes[0].states[:12:3, :3], axis=0), atol=1e-6)


def test_v3_comes_in(tmp_path, episodes):
    with DatasetWriter(tmp_path / "v3", TABLETOP) as writer:
        for episode in episodes:
            writer.add(episode)
    (tmp_path / "v3/meta/contract.yaml").unlink()
    take_over(open_foreign(tmp_path / "v3"), tmp_path / "d", TABLETOP, ImportOptions(action="action"))
    for got, expected in zip(Dataset.open(tmp_path / "d"), episodes, strict=True):
        np.testing.assert_array_equal(got.images, expected.images)
        np.testing.assert_array_equal(got.stamps, expected.stamps)


def test_folders_with_euler_angles_come_in_scaled(tmp_path, episodes):
    rng, fps = np.random.default_rng(0), Fraction(5)
    angles = rng.uniform(-1, 1, (12, 3))
    rows = np.column_stack([episodes[0].states[:, :3], angles, np.linspace(0, 0.08, 12)])
    folder = tmp_path / "raw/episode_0"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"cartesian": vectors(rows)}), folder / "trajectory.parquet")
    big = np.repeat(np.repeat(episodes[0].images, 2, axis=1), 2, axis=2)
    (folder / "front.mp4").write_bytes(video.encode(big, fps))
    (folder / "task.txt").write_text("stack the cups\n")
    source = open_foreign(tmp_path / "raw", fps=5)
    with pytest.raises(DatasetError, match=r"episode_0: images are 192x192.*--resize"):
        take_over(source, tmp_path / "e", TABLETOP, ImportOptions(state="cartesian"))
    take_over(source, tmp_path / "d", TABLETOP, ImportOptions(state="cartesian", resize=True, open_value=0.08))
    got = Dataset.open(tmp_path / "d").read(0)
    assert got.task == "stack the cups" and len(got) == 11
    np.testing.assert_allclose(got.states[:, 7], np.linspace(0, 1, 12)[:11], atol=1e-6)
    np.testing.assert_allclose(got.images.astype(int), episodes[0].images[:11], atol=2)
    roll, pitch, yaw = angles[0] / 2
    expected = multiply_quaternions(
        np.array([0, 0, np.sin(yaw), np.cos(yaw)]),
        multiply_quaternions(
            np.array([0, np.sin(pitch), 0, np.cos(pitch)]), np.array([np.sin(roll), 0, 0, np.cos(roll)])
        ),
    )
    assert abs(expected @ got.states[0, 3:7]) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"state": "pose"}, r"episode 0: there is no column 'pose'; the columns are \['observation.state', 'action'"),
        ({"state": "timestamp"}, "has 1 numbers a row; 8 .* or 7 .* are needed"),
        ({"cameras": ("wrist",)}, r"the videos are \['observation.images.top'\]"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, episodes, options, message):
    as_v21(episodes, tmp_path / "v21")
    with pytest.raises(DatasetError, match=message):
        take_over(open_foreign(tmp_path / "v21"), tmp_path / "d", TABLETOP, ImportOptions(**options))


def test_unknown_layouts_and_rates_are_refused(tmp_path, episodes):
    with pytest.raises(DatasetError, match="neither meta/info.json nor folders"):
        open_foreign(tmp_path)
    as_v21(episodes, tmp_path / "v21", fps=7)
    with pytest.raises(DatasetError, match="no multiple of the contract's 5"):
        take_over(open_foreign(tmp_path / "v21"), tmp_path / "d", TABLETOP, ImportOptions())
    own_rate = replace(TABLETOP, step_s=1 / 7)
    assert take_over(open_foreign(tmp_path / "v21"), tmp_path / "d", own_rate, ImportOptions()) == 2
    info = tmp_path / "v21/meta/info.json"
    info.write_text(info.read_text().replace("v2.1", "v9"))
    with pytest.raises(DatasetError, match="format v9 is not known"):
        open_foreign(tmp_path / "v21")
    shutil.rmtree(tmp_path / "v21/meta")
    with pytest.raises(DatasetError, match="Parquet file each are there"):
        open_foreign(tmp_path / "v21")
