import numpy as np
import pytest

from robot_wm.contract import TABLETOP
from robot_wm.data import Dataset, DatasetWriter, Episode
from robot_wm.data.lerobot_merge import Merger
from robot_wm.data.shards import Shard, Store, cut, fill
from robot_wm.errors import DatasetError

STEPS, TASKS = 4, ("push", "reach")


class Killed(Exception):
    """Stands for the end of a worker."""


@pytest.fixture
def played(make_episode):
    """Gives episode `number`, each other than the others."""

    def play(number: int) -> Episode:
        return make_episode(STEPS, seed=number, task=TASKS[number % 2])

    return play


def assert_same(root, play, count):
    dataset = Dataset.open(root)
    assert len(dataset) == count and list(dataset.tasks) == list(TASKS)
    for number, got in enumerate(dataset):
        np.testing.assert_array_equal(got.images, play(number).images)
        np.testing.assert_array_equal(got.actions, play(number).actions)
        assert got.task == play(number).task


@pytest.mark.parametrize("storage", ["folder", "memory://cluster"])
def test_a_shard_goes_on_where_its_worker_died_and_is_merged_without_rewriting(tmp_path, played, storage):
    url = str(tmp_path / storage) if storage == "folder" else f"{storage}/{tmp_path.name}"
    shards, store = cut(0, 7, 3, STEPS, TASKS), Store(url)

    def dies(number: int) -> Episode:
        if number == 4:
            raise Killed
        return played(number)

    for shard in shards:
        try:
            assert fill(shard, url, TABLETOP, dies, tmp_path / "one") == shard.first
        except Killed:
            assert fill(shard, url, TABLETOP, played, tmp_path / "another") == 4
    merger = Merger(tmp_path / "out", TABLETOP)
    folders = [store.folder(s.name) or store.fetch(s.name, tmp_path / "fetched") for s in shards]
    videos = sorted(path.read_bytes() for folder in folders for path in folder.rglob("*.mp4"))
    for folder in folders:
        merger.add(folder)
    assert sorted(path.read_bytes() for path in (tmp_path / "out").rglob("*.mp4")) == videos
    assert_same(tmp_path / "out", played, 7)
    with DatasetWriter(tmp_path / "out", TABLETOP) as writer:
        writer.add(played(7))
    assert_same(tmp_path / "out", played, 8)


def test_a_merge_that_was_cut_short_is_done_again(tmp_path, played, monkeypatch):
    shard = Shard(0, 2, STEPS, TASKS)
    fill(shard, str(tmp_path / "store"), TABLETOP, played, tmp_path)
    folder = tmp_path / "store" / shard.name
    merger = Merger(tmp_path / "out", TABLETOP)

    def killed(*arguments):
        raise Killed

    monkeypatch.setattr("robot_wm.data.lerobot_merge.write_description", killed)
    with pytest.raises(Killed):
        merger.add(folder)
    monkeypatch.undo()
    Merger(tmp_path / "out", TABLETOP).add(folder)
    assert_same(tmp_path / "out", played, 2)


def test_a_shard_out_of_turn_is_refused(tmp_path, played):
    shard = Shard(3, 2, STEPS, TASKS)
    fill(shard, str(tmp_path / "store"), TABLETOP, played, tmp_path)
    with pytest.raises(DatasetError, match="begins with episode 3"):
        Merger(tmp_path / "out", TABLETOP).add(tmp_path / "store" / shard.name)


def test_a_storage_that_is_not_known_is_refused():
    with pytest.raises(DatasetError, match="nowhere"):
        Store("nowhere://bucket/x")
