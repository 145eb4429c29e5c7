"""The stage of the slow level: it learns, goes on where it was killed, and follows whatever the run learned before."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from robot_wm.training import checkpoint, journal
from robot_wm.training.config import LevelsConfig, Schedule, TrainingPlan
from robot_wm.training.levels import Levels, new_level
from robot_wm.training.trainer import Trainer
from robot_wm.training.windows import Frames
from robot_wm.world_model.model import WorldModel
from robot_wm.world_model.slow import SlowConfig

CPU = torch.device("cpu")


class Killed(Exception):
    """Stands for SIGKILL at a step."""


@pytest.fixture
def plan(plan: TrainingPlan) -> TrainingPlan:
    """A plan with a small slow level."""
    model = SlowConfig(stride=4, channels=8, macro=3, width=32, depth=1)
    schedule = Schedule(steps=6, batch=8, rate=1e-3, warmup=2)
    return replace(plan, levels=LevelsConfig(model, schedule, strides=3, goals=2, reach=15))


def weights(directory: Path) -> dict[str, torch.Tensor]:
    level = checkpoint.load_slow(directory)
    assert level is not None
    return level.state_dict()


def test_the_slow_level_learns_to_predict(frames: Frames, plan: TrainingPlan) -> None:
    plan = replace(plan, levels=replace(plan.levels, schedule=replace(plan.levels.schedule, batch=24)))
    torch.manual_seed(0)
    model = WorldModel(plan.model)
    stage = Levels(plan, model, frames, CPU, 0, new_level(plan, model))
    optimizer = torch.optim.Adam(stage.parameters(), 3e-3)
    history = []
    for step in range(80):
        loss, terms = stage.loss(step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append({name: term.item() for name, term in terms.items()})
    assert set(history[0]) == set(vars(plan.levels.weights))
    for name in ("macro", "elaboration", "critic", "policy", "variance"):
        assert history[-1][name] < 0.9 * history[0][name], name
    assert all(np.isfinite(value) for value in history[-1].values())


def test_a_killed_stage_goes_on_as_if_it_had_not_been(
    frames: Frames, plan: TrainingPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Trainer(plan, frames, tmp_path / "whole", CPU, seed=0)
    whole.run()
    whole.finish()
    monkeypatch.setattr("robot_wm.training.trainer.SAVE_EVERY_S", 0.0)
    step = Trainer._step

    def die(self: Trainer, running, optimizer, number: int) -> dict[str, float]:
        if running.name == "levels_0" and number == 4:
            raise Killed
        return step(self, running, optimizer, number)

    with monkeypatch.context() as dying:
        dying.setattr(Trainer, "_step", die)
        with pytest.raises(Killed):
            Trainer(plan, frames, tmp_path / "cut", CPU, seed=0).run()
    resumed = Trainer(plan, frames, tmp_path / "cut", CPU, seed=0)
    resumed.run()
    resumed.finish()
    for name, value in weights(tmp_path / "whole").items():
        torch.testing.assert_close(weights(tmp_path / "cut")[name], value, msg=name)


def test_a_finished_run_gets_a_slow_level_and_keeps_it(frames: Frames, plan: TrainingPlan, tmp_path: Path) -> None:
    none = replace(plan, levels=replace(plan.levels, schedule=replace(plan.levels.schedule, steps=0)))
    first = Trainer(none, frames, tmp_path, CPU, seed=0)
    first.run()
    first.finish()
    assert checkpoint.load_slow(tmp_path) is None
    before = checkpoint.load_model(tmp_path).state_dict()

    second = Trainer(plan, frames, tmp_path, CPU, seed=0)
    second.run()
    metrics = second.finish()
    for name, value in checkpoint.load_model(tmp_path).state_dict().items():
        torch.testing.assert_close(value, before[name], msg=name)
    assert {"slow_4_error", "fast_4_error", "slow_16_ranking", "slow_16_block_mm"} <= metrics.keys()
    assert journal.read(tmp_path / "levels_0.csv")[-1]["step"] == "5"
    level = weights(tmp_path)

    again = Trainer(plan, frames, tmp_path, CPU, seed=0)
    again.run()
    again.finish()
    for name, value in weights(tmp_path).items():
        torch.testing.assert_close(value, level[name], msg=name)


def test_it_is_trained_anew_after_more_data_or_with_other_settings(
    frames: Frames, plan: TrainingPlan, tmp_path: Path
) -> None:
    first = Trainer(plan, frames, tmp_path, CPU, seed=0)
    first.run()
    first.finish()
    other = replace(plan, levels=replace(plan.levels, goals=1))
    Trainer(other, frames, tmp_path, CPU, seed=0).run()
    assert checkpoint.read(tmp_path)[1]["levels"]["goals"] == 1
    more = Trainer(other, frames, tmp_path, CPU, seed=0, further=[frames])
    more.run()
    more.finish()
    meta = checkpoint.read(tmp_path)[1]
    assert (meta["stage"], meta["before"]) == ("levels_1", ["refine_1", plan.refine.steps])
    assert (tmp_path / "refine_1.csv").is_file() and checkpoint.load_slow(tmp_path) is not None
