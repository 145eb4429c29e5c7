import numpy as np
import pytest

from robot_wm.contract import TABLETOP
from robot_wm.data import Dataset, DatasetWriter, load_cached
from robot_wm.errors import DatasetError


@pytest.fixture
def root(tmp_path, make_episode):
    with DatasetWriter(tmp_path / "d", TABLETOP) as writer:
        for seed, frames in enumerate((12, 3, 7)):
            writer.add(make_episode(frames, seed))
    return tmp_path / "d"


def test_the_arrays_are_those_of_the_episodes(root):
    cached = load_cached(root, progress=False)
    episodes = list(Dataset.open(root))
    for name in ("images", "states", "actions", "stamps"):
        expected = np.concatenate([getattr(episode, name) for episode in episodes])
        np.testing.assert_array_equal(getattr(cached, name), expected, strict=True)
    for name in ("block", "contact", "behaviour"):
        np.testing.assert_array_equal(cached.monitor[name], np.concatenate([e.monitor[name] for e in episodes]))
    assert isinstance(cached.images, np.memmap)
    assert cached.starts.tolist() == [0, 12, 15] and cached.lengths.tolist() == [12, 3, 7]
    assert cached.episode.tolist() == [0] * 12 + [1] * 3 + [2] * 7
    assert cached.tasks == ("push",) * 3 and cached.contract == TABLETOP


def test_windows_stay_within_an_episode(root):
    cached = load_cached(root, progress=False)
    assert cached.windows(6).tolist() == [0, 1, 2, 3, 4, 5, 6, 15, 16]
    assert cached.windows(13).size == 0


def test_nothing_is_decoded_twice(root, monkeypatch):
    before = load_cached(root, progress=False)

    def refuse(*_: object) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(Dataset, "read", refuse)
    np.testing.assert_array_equal(load_cached(root, progress=False).images, before.images)


def test_a_changed_dataset_is_decoded_anew(root, make_episode):
    load_cached(root, progress=False)
    with DatasetWriter(root, TABLETOP) as writer:
        writer.add(make_episode(4, 9))
    cached = load_cached(root, progress=False)
    assert len(cached.images) == 26
    assert len(list((root / ".cache").iterdir())) == 1


def test_a_cache_that_was_cut_short_is_not_used(root, monkeypatch):
    read = Dataset.read

    def fail(self: Dataset, index: int) -> object:
        if index == 2:
            raise KeyboardInterrupt
        return read(self, index)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Dataset, "read", fail)
        load_cached(root, progress=False)
    assert len(load_cached(root, progress=False).images) == 22


def test_a_missing_video_is_named(root):
    next(root.glob("videos/*/*/*.mp4")).unlink()
    with pytest.raises(DatasetError, match=r"file-000\.mp4"):
        load_cached(root, progress=False)
