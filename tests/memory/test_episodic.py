"""The episodic memory: what it finds, forgets, survives and reports."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from robot_wm.errors import EpisodicMemoryError
from robot_wm.memory.context import ContextWindow
from robot_wm.memory.episodic import EpisodicMemory
from robot_wm.memory.experience import Experience
from robot_wm.memory.storage import TABLE

SHAPE = (2, 3)


def walk(start: float, end: float, *, steps: int = 9, success: bool = True) -> Experience:
    """Latents that go evenly from `start` to `end` in all their numbers."""
    latents = np.broadcast_to(np.linspace(start, end, steps)[:, None, None], (steps, *SHAPE)).astype(np.float32)
    actions = np.full((steps, 7), end - start, dtype=np.float32)
    return Experience(latents.copy(), actions, f"from {start} to {end}", success)


def latent(value: float) -> np.ndarray:
    return np.full(SHAPE, value, dtype=np.float32)


@pytest.fixture
def memory(tmp_path: Path):
    memory = EpisodicMemory(tmp_path / "m", SHAPE)
    yield memory
    memory.close()


def test_finds_the_way_between_here_and_there(memory: EpisodicMemory) -> None:
    for experience in (walk(0, 8), walk(8, 0), walk(20, 28)):
        memory.add(experience)
    (way,) = memory.ways(latent(2.1), latent(6.0))
    np.testing.assert_allclose(way.latents[:, 0, 0], [2, 3, 4, 5, 6])
    assert way.actions.shape == (4, 7) and np.all(way.actions > 0)
    assert way.distance == pytest.approx(0.1, abs=1e-5)
    (back,) = memory.ways(latent(6.0), latent(2.0))
    np.testing.assert_allclose(back.latents[:, 0, 0], [6, 5, 4, 3, 2])


def test_ways_are_sorted_and_at_most_one_an_experience(memory: EpisodicMemory) -> None:
    memory.add(walk(0, 8))
    memory.add(walk(0.5, 8.5))
    ways = memory.ways(latent(0.0), latent(8.0), count=5)
    assert [round(way.distance, 3) for way in ways] == [0.0, 1.0]


def test_novelty_is_the_distance_from_what_is_known(memory: EpisodicMemory) -> None:
    assert memory.novelty(latent(0.0)) == np.inf and memory.ways(latent(0), latent(1)) == []
    memory.add(walk(0, 8))
    assert memory.novelty(latent(3.0)) == 0.0 and memory.novelty(latent(11.0)) == pytest.approx(3.0)


def test_what_was_learned_is_there_after_reopening(tmp_path: Path) -> None:
    first = EpisodicMemory(tmp_path / "m", SHAPE)
    first.add(walk(0, 8, success=False))
    first.close()
    second = EpisodicMemory(tmp_path / "m", SHAPE)
    assert len(second) == 1 and second.problems == []
    assert second.ways(latent(0), latent(8))[0].success is False
    second.close()


def test_it_stays_within_its_bound_and_keeps_what_is_used(tmp_path: Path) -> None:
    memory = EpisodicMemory(tmp_path / "m", SHAPE, max_bytes=2000)
    memory.add(walk(0, 8))
    for number in range(1, 10):
        memory.add(walk(100 * number, 100 * number + 8))
        memory.ways(latent(0), latent(8))
        assert memory.bytes <= 2000
    assert 1 < len(memory) < 10 and memory.novelty(latent(0)) == 0.0 and memory.novelty(latent(104)) > 50
    assert len(list((tmp_path / "m").glob("*.safetensors"))) == len(memory)
    memory.close()


def test_a_damaged_table_is_reported_kept_and_begun_anew(tmp_path: Path) -> None:
    root = tmp_path / "m"
    memory = EpisodicMemory(root, SHAPE)
    memory.add(walk(0, 8))
    memory.close()
    damaged = b"this is no database, and never was one" * 40
    (root / TABLE).write_bytes(damaged)
    memory = EpisodicMemory(root, SHAPE)
    assert len(memory) == 0 and "damaged" in memory.problems[0]
    assert (tmp_path / "m.damaged-1" / TABLE).read_bytes() == damaged
    assert len(list((tmp_path / "m.damaged-1").glob("*.safetensors"))) == 1
    memory.add(walk(0, 8))
    memory.close()


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_experience_is_left_out_and_the_others_stay(tmp_path: Path, damage: str) -> None:
    root = tmp_path / "m"
    memory = EpisodicMemory(root, SHAPE)
    memory.add(walk(0, 8))
    memory.add(walk(100, 108))
    memory.close()
    path = sorted(root.glob("*.safetensors"))[0]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    if damage == "remove":
        path.unlink()
    else:
        path.write_bytes(content if damage == "flip" else content[:50])
    memory = EpisodicMemory(root, SHAPE)
    assert len(memory) == 1 and path.name in memory.problems[0] and memory.novelty(latent(104)) == 0.0
    assert damage == "remove" or path.exists()
    memory.add(walk(0, 8))
    assert len(memory) == 2
    memory.close()


def _add_for_ever(root: Path) -> None:
    memory = EpisodicMemory(root, SHAPE)
    while True:
        memory.add(walk(0, 8))


def test_a_kill_loses_nothing_that_was_added(tmp_path: Path) -> None:
    root = tmp_path / "m"
    process = multiprocessing.get_context("spawn").Process(target=_add_for_ever, args=(root,))
    process.start()
    while process.is_alive() and len(list(root.glob("*.safetensors"))) < 5:
        process.join(0.01)
    process.kill()
    process.join()
    memory = EpisodicMemory(root, SHAPE)
    assert len(memory) >= 4 and memory.problems == []
    memory.close()


def test_a_memory_in_use_is_not_taken_for_damaged(tmp_path: Path, memory: EpisodicMemory) -> None:
    with pytest.raises(EpisodicMemoryError, match="another process"):
        EpisodicMemory(tmp_path / "m", SHAPE)
    assert not (tmp_path / "m.damaged-1").exists()


def test_what_does_not_fit_is_refused(memory: EpisodicMemory) -> None:
    other = Experience(np.zeros((4, 5, 6), np.float32), np.zeros((4, 7), np.float32), "x", True)
    with pytest.raises(EpisodicMemoryError, match="this memory holds"):
        memory.add(other)
    with pytest.raises(EpisodicMemoryError, match="finite"):
        memory.novelty(latent(np.nan))
    with pytest.raises(EpisodicMemoryError, match="latents are"):
        Experience(np.full((4, *SHAPE), np.nan, np.float32), np.zeros((4, 7), np.float32), "x", True)


def test_the_window_keeps_the_last_steps_and_becomes_an_experience(memory: EpisodicMemory) -> None:
    window = ContextWindow(4)
    for step in range(10):
        window.push(latent(step), np.full(7, step))
    memory.add(window.experience("walk", True))
    assert len(window) == 4 and memory.novelty(latent(6)) == 0.0 and memory.novelty(latent(5)) == pytest.approx(1.0)
    window.clear()
    with pytest.raises(EpisodicMemoryError, match="at least one step"):
        window.experience("walk", True)
