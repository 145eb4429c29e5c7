import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from robot_wm.data import Dataset
from robot_wm.errors import DatasetError
from sim.collect import CollectConfig, play, run

STEPS = 4


def assert_as_played(root: Path, config: CollectConfig, count: int) -> None:
    """Asserts that the dataset holds exactly the first episodes of the recipe."""
    dataset = Dataset.open(root)
    assert len(dataset) == count
    for number in {0, count // 2, count - 1}:
        expected, got = play(config, number), dataset.read(number)
        np.testing.assert_array_equal(got.images, expected.images)
        np.testing.assert_array_equal(got.actions, expected.actions)
        assert got.task == expected.task


def start(root: Path, episodes: int) -> subprocess.Popen:
    command = [sys.executable, "-m", "robot_wm.cli", "collect", "--out", str(root), "--steps", str(STEPS)]
    return subprocess.Popen([*command, "--episodes", str(episodes)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def workers(process: subprocess.Popen) -> list[int]:
    """The simulating processes; multiprocessing has one more of its own."""
    children = [int(child) for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    return [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def is_alive(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(condition, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)


def test_a_seed_gives_the_same_episodes_for_any_number_of_workers(tmp_path):
    config = CollectConfig(tmp_path / "two", episodes=5, workers=2, steps=STEPS, seed=3)
    assert run(config) == 0
    assert_as_played(config.out, config, 5)
    more = CollectConfig(config.out, episodes=7, workers=1, steps=STEPS, seed=3)
    assert run(more) == 0
    assert_as_played(config.out, config, 7)
    assert run(more) == 0
    assert len(Dataset.open(config.out)) == 7


def test_play_is_a_mixture():
    config = CollectConfig(Path("x"), steps=2)
    assert {play(config, number).task for number in range(8)} == {"reach", "push"}


def test_skills_are_in_one_dataset(tmp_path):
    config = CollectConfig(tmp_path / "d", task="skills", episodes=8, workers=1, steps=2)
    assert run(config) == 0
    dataset = Dataset.open(config.out)
    assert {episode.task for episode in dataset} == {"grasp", "pick_place", "drawer", "two_block"}
    assert dataset.contract.name == "tabletop_gripper"


def test_another_recipe_is_refused(tmp_path):
    assert run(CollectConfig(tmp_path / "d", episodes=1, steps=STEPS)) == 0
    with pytest.raises(DatasetError, match="was collected with seed 0"):
        run(CollectConfig(tmp_path / "d", episodes=2, steps=STEPS, seed=1))


def test_a_planner_in_the_place_of_the_script_is_another_recipe(tmp_path):
    corrected = CollectConfig(tmp_path / "d", correct=True, episodes=1, workers=1, steps=32, teacher="flat")
    assert run(corrected) == 0
    by_script = replace(corrected, teacher="script")
    assert not np.array_equal(Dataset.open(tmp_path / "d").read(0).actions, play(by_script, 0).actions)
    with pytest.raises(DatasetError, match="was collected with teacher flat"):
        run(by_script)


def test_a_folder_with_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(DatasetError, match="choose another folder"):
        run(CollectConfig(tmp_path))


@pytest.mark.parametrize("change", [{"episodes": 0}, {"workers": 0}, {"steps": 1}, {"seed": -1}, {"randomize": 2.0}])
def test_impossible_options_are_refused(change):
    with pytest.raises(DatasetError, match=next(iter(change))):
        CollectConfig(Path("x"), **change)


def test_ctrl_c_keeps_every_finished_episode(tmp_path):
    root = tmp_path / "d"
    process = start(root, 10_000)
    wait_for(lambda: (root / "meta/info.json").is_file())
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and b"Traceback" not in errors
    count = len(Dataset.open(root))
    assert_as_played(root, CollectConfig(root, steps=STEPS), count)


def test_a_killed_collection_goes_on_and_leaves_no_process(tmp_path):
    root = tmp_path / "d"
    process = start(root, 10_000)
    wait_for(lambda: (root / "meta/info.json").is_file())
    children = workers(process)
    assert children
    process.kill()
    process.communicate(timeout=60)
    wait_for(lambda: not any(is_alive(child) for child in children))
    count = json.loads((root / "meta/info.json").read_text())["total_episodes"]
    config = CollectConfig(root, steps=STEPS, episodes=count + 2)
    assert run(config) == 0
    assert_as_played(root, config, count + 2)


def test_a_dead_worker_is_reported_and_nothing_is_lost(tmp_path):
    root = tmp_path / "d"
    process = start(root, 10_000)
    wait_for(lambda: (root / "meta/info.json").is_file())
    os.kill(workers(process)[0], signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2 and b"Traceback" not in errors
    assert b"a simulating process died" in errors
    assert len(list(Dataset.open(root))) > 0


def test_play_with_a_gripper_has_a_contract_that_frees_it(tmp_path):
    assert run(CollectConfig(tmp_path / "d", task="pick_place", episodes=1, workers=1, steps=30)) == 0
    dataset = Dataset.open(tmp_path / "d")
    assert dataset.contract.name == "tabletop_gripper"
    episode = dataset.read(0)
    assert set(np.unique(episode.actions[:, 6])) == {0.0, 1.0}
    assert episode.monitor["block"][:, 2].max() > 0.06


@pytest.mark.parametrize(("task", "column"), [("drawer", "opening"), ("two_block", "second_block")])
def test_play_moves_what_the_task_is_about(task, column):
    moved = play(CollectConfig(Path("x"), task=task, steps=40, randomize=0.0), 0).monitor[column]
    assert np.abs(moved - moved[0]).max() > 0.03
