import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from robot_wm.deploy.bundle import default_bundle, load_bundle
from robot_wm.deploy.extend import add_to_bundle
from robot_wm.errors import RobotWmError
from robot_wm.improve import ImproveConfig, run
from robot_wm.promotion import HISTORY, Round, Score, append_history, read_history, worse


@pytest.fixture
def config(tmp_path: Path) -> ImproveConfig:
    """Judged by push; the present bundle is a copy."""
    shutil.copytree(default_bundle(), tmp_path / "present")
    return ImproveConfig(
        checkpoint=tmp_path / "run",
        bundle=tmp_path / "present",
        dataset=tmp_path / "data",
        out=tmp_path / "out",
        tasks=("push",),
        trials=100,
    )


def evaluated(config: ImproveConfig, number: int, present: int, candidate: int) -> None:
    """Leaves a round as a kill right after its evaluation would: a new bundle and what was measured."""
    folder = config.out / "rounds" / f"{number:03d}"
    shutil.copytree(default_bundle(), folder / "bundle")
    add_to_bundle(folder / "bundle", {"notes.txt": f"round {number}".encode()}, {}, ("Note", "another bundle"))
    for name, successes in (("present", present), ("candidate", candidate)):
        (folder / f"{name}_push.json").write_text(json.dumps({"successes": successes, "episodes": 100}))


def test_a_worse_model_is_not_promoted_and_a_better_one_is(config):
    before = load_bundle(config.bundle).sha256
    evaluated(config, 1, present=90, candidate=70)
    assert run(config) == 0
    assert load_bundle(config.bundle).sha256 == before
    (first,) = read_history(config.out)
    assert not first.promoted and "push fell from 0.90" in first.reason
    evaluated(config, 2, present=88, candidate=95)
    assert run(replace(config, rounds=2)) == 0
    _, second = read_history(config.out)
    assert second.promoted and load_bundle(config.bundle).sha256 == second.candidate_sha256 != before
    assert load_bundle(config.out / "rounds/000/bundle").sha256 == before


def test_a_round_killed_between_promotion_and_its_line_in_the_history_ends_the_same(config):
    evaluated(config, 1, present=90, candidate=92)
    assert run(config) == 0
    (line,) = read_history(config.out)
    (config.out / HISTORY).unlink()
    assert run(config) == 0
    assert read_history(config.out) == [line] and line.promoted


def test_a_model_that_would_not_plan_is_refused_with_the_reason(config):
    folder = config.out / "rounds/001"
    folder.mkdir(parents=True)
    (folder / "refused.txt").write_text("this model would not plan: ranking is 0.5")
    assert run(config) == 0
    (done,) = read_history(config.out)
    assert not done.promoted and "would not plan" in done.reason


def test_within_the_interval_is_no_worse():
    present = {"reach": Score(99, 100), "push": Score(90, 100)}
    assert worse(present, {"reach": Score(97, 100), "push": Score(84, 100)}) == []
    assert len(worse(present, {"reach": Score(80, 100), "push": Score(82, 100)})) == 2
    with pytest.raises(RobotWmError, match="the same tasks"):
        worse(present, {"reach": Score(99, 100)})


def test_a_damaged_history_is_reported(tmp_path):
    append_history(tmp_path, Round(1, False, "x", (), {}, {}, "a", "b"))
    (tmp_path / HISTORY).write_bytes((tmp_path / HISTORY).read_bytes()[:-9])
    with pytest.raises(RobotWmError, match="not a history"):
        read_history(tmp_path)
