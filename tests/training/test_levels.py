"""The stage of the slow level: it learns, goes on where it was killed, and follows whatever the run learned before."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from robot_wm.errors import TrainingError
from robot_wm.perception.encoder import EncoderConfig
from robot_wm.training import checkpoint, journal
from robot_wm.training.compute import Compute
from robot_wm.training.config import LevelsConfig, PretrainConfig, Schedule, TrainingPlan
from robot_wm.training.levels import Levels, new_level
from robot_wm.training.optimise import optimise
from robot_wm.training.stage import Stage
from robot_wm.training.trainer import Pace, Trainer
from robot_wm.training.windows import Frames, WindowConfig
from robot_wm.world_model.model import ModelConfig, WorldModel
from robot_wm.world_model.slow import SlowConfig

CPU = Compute(torch.device("cpu"))


class Killed(Exception):
    """Stands for SIGKILL at a step."""


@pytest.fixture(autouse=True, scope="module")
def undrawn() -> Iterator[None]:
    """Curves take most of the time of so small a run, and say nothing here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("robot_wm.training.trainer.draw_curves", lambda *_: None)
        yield


@pytest.fixture(scope="module")
def upright(frames: Frames) -> Frames:
    """The frames, with a hand whose rotation is one."""
    states = frames.states.copy()
    states[:, 3] = 1.0
    return replace(frames, states=states)


@pytest.fixture(scope="module")
def plan() -> TrainingPlan:
    """A plan of a tiny model with a small slow level."""
    encoder = EncoderConfig(image_size=48, stem=8, width=16, depth=1, heads=2, reduced=4, tokens=4, channels=4)
    schedule = Schedule(steps=2, batch=8, rate=1e-3, warmup=2)
    model = SlowConfig(stride=4, channels=8, macro=3, width=32, depth=1)
    return TrainingPlan(
        model=ModelConfig(encoder=encoder, width=16, depth=1, chunk=4),
        window=WindowConfig(frames=3, goals=2, reach=10, chunk=4),
        pretrain=PretrainConfig(schedule, frames=4),
        joint=schedule,
        heads=schedule,
        refine=schedule,
        heads_window=WindowConfig(frames=4, goals=2, reach=10, chunk=4),
        levels=LevelsConfig(model, replace(schedule, steps=6), strides=3, goals=2, reach=15),
        held_out=0.2,
    )


def without_levels(plan: TrainingPlan) -> TrainingPlan:
    return replace(plan, levels=replace(plan.levels, schedule=replace(plan.levels.schedule, steps=0)))


@pytest.fixture(scope="module")
def finished(upright: Frames, plan: TrainingPlan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run without a slow level."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    train(without_levels(plan), upright, folder)
    return folder


def train(plan: TrainingPlan, frames: Frames, folder: Path, further: Sequence[Frames] = ()) -> dict[str, float]:
    pace = Pace(save_every_s=0.0, monitors=1, tensorboard=False)
    trainer = Trainer(plan, frames, folder, CPU, seed=0, further=further, pace=pace)
    trainer.run()
    return trainer.finish()


def weights(directory: Path) -> dict[str, torch.Tensor]:
    level = checkpoint.load_slow(directory)
    assert level is not None
    return level.state_dict()


def test_the_slow_level_learns_to_predict(upright: Frames, plan: TrainingPlan) -> None:
    plan = replace(plan, levels=replace(plan.levels, schedule=replace(plan.levels.schedule, batch=24)))
    torch.manual_seed(0)
    model = WorldModel(plan.model)
    stage = Levels(plan, model, upright, CPU, 0, new_level(plan, model))
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
    upright: Frames, plan: TrainingPlan, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = (Path(shutil.copytree(finished, tmp_path / name)) for name in ("whole", "cut"))
    train(plan, upright, whole)

    def die(running: Stage, optimizer: torch.optim.Optimizer, step: int) -> dict[str, float]:
        if step == 4:
            raise Killed
        return optimise(running, optimizer, step)

    with monkeypatch.context() as dying:
        dying.setattr("robot_wm.training.trainer.optimise", die)
        with pytest.raises(Killed):
            train(plan, upright, cut)
    assert checkpoint.read(cut)[1]["step"] == 4
    train(plan, upright, cut)
    for name, value in weights(whole).items():
        torch.testing.assert_close(weights(cut)[name], value, msg=name)


def test_a_finished_run_gets_a_slow_level_and_keeps_it(
    upright: Frames, plan: TrainingPlan, finished: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(finished, tmp_path / "run"))
    assert checkpoint.load_slow(run) is None
    before = checkpoint.load_model(run).state_dict()
    metrics = train(plan, upright, run)
    for name, value in checkpoint.load_model(run).state_dict().items():
        torch.testing.assert_close(value, before[name], msg=name)
    assert {"slow_4_error", "fast_4_error", "slow_16_ranking", "slow_16_block_mm"} <= metrics.keys()
    assert all(np.isfinite(value) for value in metrics.values())
    assert journal.read(run / "levels_0.csv")[-1]["step"] == "5"
    level = weights(run)
    train(plan, upright, run)
    for name, value in weights(run).items():
        torch.testing.assert_close(value, level[name], msg=name)


def test_it_is_trained_anew_after_more_data_or_with_other_settings(
    upright: Frames, plan: TrainingPlan, finished: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(finished, tmp_path / "run"))
    train(plan, upright, run)
    other = replace(plan, levels=replace(plan.levels, goals=1))
    train(other, upright, run)
    assert checkpoint.read(run)[1]["levels"]["goals"] == 1
    train(other, upright, run, further=[upright])
    meta = checkpoint.read(run)[1]
    assert (meta["stage"], meta["before"]) == ("levels_1", ["refine_1", plan.refine.steps])
    assert (run / "refine_1.csv").is_file() and checkpoint.load_slow(run) is not None


def test_episodes_too_short_for_it_are_refused_at_once(upright: Frames, plan: TrainingPlan, tmp_path: Path) -> None:
    long = replace(plan, levels=replace(plan.levels, strides=9))
    with pytest.raises(TrainingError, match="needs episodes of 38 frames and the longest has 20"):
        Trainer(long, upright, tmp_path, CPU, seed=0)
