import dataclasses
import json
import subprocess
import sys

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from robot_wm.contract import TABLETOP
from robot_wm.data import Dataset, DatasetWriter
from robot_wm.errors import DatasetError

VIDEO = "videos/observation.images.camera/chunk-000/file-000.mp4"


def write(root, episodes, **options):
    with DatasetWriter(root, TABLETOP, **options) as writer:
        for episode in episodes:
            writer.add(episode)


def test_episodes_come_back_to_the_bit_in_any_order(tmp_path, make_episode, assert_equal):
    episodes = [make_episode(frames, seed) for seed, frames in enumerate((12, 1, 7, 30, 12))]
    write(tmp_path / "d", episodes)
    dataset = Dataset.open(tmp_path / "d")
    assert [info.length for info in dataset.episodes] == [12, 1, 7, 30, 12] and dataset.frames == 62
    for index in (0, 1, 2, 3, 4, 4, 1, 3, 0):
        assert_equal(dataset.read(index), episodes[index])


def test_files_are_bounded_and_hold_several_episodes(tmp_path, make_episode, assert_equal):
    episodes = [make_episode(40, seed) for seed in range(7)]
    write(tmp_path / "d", episodes, file_mib=2)
    videos = sorted((tmp_path / "d").glob("videos/*/*/*.mp4"))
    dataset = Dataset.open(tmp_path / "d")
    assert 1 < len(videos) < len(episodes)
    assert all(path.stat().st_size < 2.1 * 2**20 for path in videos)
    for got, expected in zip(dataset, episodes, strict=True):
        assert_equal(got, expected)


def test_the_layout_is_that_of_lerobot_v3(tmp_path, make_episode):
    root = tmp_path / "d"
    write(root, [make_episode(12, 0, "push"), make_episode(5, 1, "reach"), make_episode(4, 2, "push")])
    info = json.loads((root / "meta/info.json").read_text())
    assert info["codebase_version"] == "v3.0" and info["fps"] == 5
    assert (info["total_episodes"], info["total_frames"], info["total_tasks"]) == (3, 21, 2)
    assert info["features"]["observation.images.camera"]["dtype"] == "video"
    data = pq.read_table(root / "data/chunk-000/file-000.parquet")
    stored = {name for name, feature in info["features"].items() if feature["dtype"] != "video"}
    assert set(data.column_names) == stored
    assert data["index"].to_pylist() == list(range(21))
    assert data["task_index"].to_pylist() == [0] * 12 + [1] * 5 + [0] * 4
    assert data["timestamp"].to_pylist()[12:15] == pytest.approx([0.0, 0.2, 0.4])
    assert str(data.schema.field("observation.state").type).startswith("fixed_size_list")
    rows = pq.read_table(root / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    assert [row["tasks"] for row in rows] == [["push"], ["reach"], ["push"]]
    assert [(row["dataset_from_index"], row["dataset_to_index"]) for row in rows] == [(0, 12), (12, 17), (17, 21)]
    starts = [row["videos/observation.images.camera/from_timestamp"] for row in rows]
    assert starts == pytest.approx([0.0, 2.4, 3.4])
    tasks = pq.read_table(root / "meta/tasks.parquet")
    assert json.loads(tasks.schema.metadata[b"pandas"])["index_columns"] == ["task"]


def test_video_frames_lie_at_the_time_stamps_of_the_format(tmp_path, make_episode):
    write(tmp_path / "d", [make_episode(5, seed) for seed in range(3)], flush_s=0.0)
    with av.open(str(tmp_path / "d" / VIDEO)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx([0.2 * frame for frame in range(15)])


def test_statistics_are_those_of_all_frames(tmp_path, make_episode):
    episodes = [make_episode(frames, seed) for seed, frames in enumerate((12, 3, 20))]
    write(tmp_path / "d", episodes[:1])
    write(tmp_path / "d", episodes[1:])
    stats = json.loads((tmp_path / "d/meta/stats.json").read_text())
    actions = np.concatenate([episode.actions for episode in episodes]).astype(np.float64)
    np.testing.assert_allclose(stats["action"]["mean"], actions.mean(0), rtol=1e-9)
    np.testing.assert_allclose(stats["action"]["std"], actions.std(0), rtol=1e-9)
    np.testing.assert_array_equal(stats["action"]["min"], actions.min(0))
    assert stats["action"]["count"] == [35]
    red = np.concatenate([episode.images for episode in episodes])[..., 0] / 255
    image = stats["observation.images.camera"]
    assert np.shape(image["mean"]) == (3, 1, 1)
    assert image["mean"][0][0][0] == pytest.approx(red.mean()) and image["std"][0][0][0] == pytest.approx(red.std())
    assert image["min"][0][0][0] == red.min() and image["max"][0][0][0] == red.max()


def test_a_dataset_can_be_continued(tmp_path, make_episode, assert_equal):
    episodes = [make_episode(6, seed, task) for seed, task in enumerate(("push", "reach", "stack"))]
    for episode in episodes:
        write(tmp_path / "d", [episode])
    dataset = Dataset.open(tmp_path / "d")
    for got, expected in zip(dataset, episodes, strict=True):
        assert_equal(got, expected)
    assert dataset.tasks == {"push": 0, "reach": 1, "stack": 2}


def test_other_columns_or_another_contract_are_refused(tmp_path, make_episode):
    write(tmp_path / "d", [make_episode()])
    with DatasetWriter(tmp_path / "d", TABLETOP) as writer, pytest.raises(DatasetError, match="columns"):
        writer.add(dataclasses.replace(make_episode(), monitor={}))
    with pytest.raises(DatasetError, match="another contract or rate"):
        DatasetWriter(tmp_path / "d", TABLETOP, fps=10)
    (tmp_path / "e").mkdir()
    (tmp_path / "e/thesis.tex").touch()
    with pytest.raises(DatasetError, match=r"holds no dataset but thesis.tex"):
        DatasetWriter(tmp_path / "e", TABLETOP)


def test_an_error_while_collecting_keeps_the_finished_episodes(tmp_path, make_episode):
    with pytest.raises(ZeroDivisionError), DatasetWriter(tmp_path / "d", TABLETOP, flush_s=1e9) as writer:
        writer.add(make_episode())
        raise ZeroDivisionError
    assert len(Dataset.open(tmp_path / "d")) == 1


def test_a_killed_writer_leaves_what_it_committed_and_can_go_on(tmp_path, make_episode, assert_equal):
    program = """
import os, signal, sys
import numpy as np
from pathlib import Path
from robot_wm.contract import TABLETOP
from robot_wm.data import DatasetWriter, Episode
def episode(seed):
    rng = np.random.default_rng(seed)
    return Episode(rng.integers(0, 255, (4, 96, 96, 3), dtype=np.uint8), np.zeros((4, 8), np.float32),
                   np.zeros((4, 7), np.float32), np.arange(4.0), "push")
writer = DatasetWriter(Path(sys.argv[1]), TABLETOP, flush_s=1e9)
for seed in range(3):
    writer.add(episode(seed))
writer.commit()
(Path(sys.argv[1]) / "data/chunk-000/file-001.parquet.partial").write_bytes(b"half")
writer.add(episode(3))
os.kill(os.getpid(), signal.SIGKILL)
"""
    root = tmp_path / "d"
    assert subprocess.run([sys.executable, "-c", program, str(root)], timeout=60).returncode == -9
    assert len(list(Dataset.open(root))) == 3
    with DatasetWriter(root, TABLETOP) as writer:
        assert writer.episodes == 3
    assert not list(root.rglob("*.partial"))


def test_rows_of_a_commit_that_was_cut_short_are_dropped(tmp_path, make_episode, assert_equal):
    """A kill between the data file and the list of episodes leaves rows that no episode owns."""
    root, episodes = tmp_path / "d", [make_episode(6, seed) for seed in range(3)]
    write(root, episodes[:1])
    listed = {path: path.read_bytes() for path in (root / "meta").rglob("*") if path.is_file()}
    with DatasetWriter(tmp_path / "e", TABLETOP) as writer:
        for episode in episodes[:2]:
            writer.add(episode)
    for name in (VIDEO, "data/chunk-000/file-000.parquet"):
        (root / name).write_bytes((tmp_path / "e" / name).read_bytes())
    assert all(path.read_bytes() == content for path, content in listed.items())
    assert len(list(Dataset.open(root))) == 1
    write(root, episodes[2:])
    assert pq.read_table(root / "data/chunk-000/file-000.parquet").num_rows == 6
    for got, expected in zip(Dataset.open(root), (episodes[0], episodes[2]), strict=True):
        assert_equal(got, expected)


def test_a_cut_video_names_file_and_episode_and_spares_those_before(tmp_path, make_episode, assert_equal):
    episodes = [make_episode(12, seed) for seed in range(3)]
    write(tmp_path / "d", episodes)
    video = tmp_path / "d" / VIDEO
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    dataset = Dataset.open(tmp_path / "d")
    with pytest.raises(DatasetError, match=r"episode 2 cannot be read: .*file-000\.mp4.*cut off"):
        dataset.read(2)
    assert_equal(dataset.read(0), episodes[0])


def test_a_flipped_byte_in_a_video_is_noticed(tmp_path, make_episode):
    write(tmp_path / "d", [make_episode(12)])
    video = tmp_path / "d" / VIDEO
    content = bytearray(video.read_bytes())
    content[len(content) // 2] ^= 0x10
    video.write_bytes(content)
    with pytest.raises(DatasetError, match=r"episode 0 cannot be read: .*file-000\.mp4"):
        Dataset.open(tmp_path / "d").read(0)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (VIDEO, None, r"episode 0 .*file-000\.mp4: no readable video"),
        (VIDEO, b"", r"episode 0 .*file-000\.mp4: no readable video"),
        ("data/chunk-000/file-000.parquet", b"PAR1", r"episode 0 .*file-000\.parquet: not a readable"),
        ("meta/info.json", None, "collect one first"),
        ("meta/info.json", b"{", "not a dataset description"),
        ("meta/info.json", b"[]", "not a dataset description"),
        ("meta/info.json", b'{"codebase_version": "v2.1", "fps": 5, "features": {}}', "v2.1 was found"),
        ("meta/tasks.parquet", None, "tasks.parquet: not a readable"),
        ("meta/episodes/chunk-000/file-000.parquet", None, "do not list the episodes"),
    ],
)
def test_missing_and_damaged_files_are_named(tmp_path, make_episode, name, content, message):
    write(tmp_path / "d", [make_episode()])
    path = tmp_path / "d" / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        Dataset.open(tmp_path / "d").read(0)


def test_an_episode_that_is_not_there(tmp_path, make_episode):
    write(tmp_path / "d", [make_episode()])
    with pytest.raises(DatasetError, match="there is no episode 1; the dataset has 1"):
        Dataset.open(tmp_path / "d").read(1)
