"""The trainer: all stages run, a killed run goes on exactly, bad numbers stop it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from robot_wm.errors import TrainingError
from robot_wm.training import checkpoint, journal, trainer
from robot_wm.training.compute import Compute
from robot_wm.training.config import TrainingPlan
from robot_wm.training.objectives import strangers
from robot_wm.training.optimise import make_optimizer, optimise
from robot_wm.training.stage import Stage
from robot_wm.training.stages import Heads, Joint
from robot_wm.training.trainer import Pace, Trainer
from robot_wm.training.windows import Frames, WindowConfig, draw
from robot_wm.world_model.model import WorldModel

CPU = Compute(torch.device("cpu"))
QUIET = Pace(tensorboard=False, monitors=1)


class Killed(Exception):
    """Stands for SIGKILL at a step."""


def test_all_stages_leave_a_checkpoint_that_loads(frames: Frames, plan: TrainingPlan, tmp_path: Path) -> None:
    whole = Trainer(plan, frames, tmp_path, CPU, seed=0)
    trained = whole.run()
    metrics = whole.finish()
    loaded = checkpoint.load_model(tmp_path)
    image = torch.from_numpy(frames.images[:2].copy())
    torch.testing.assert_close(loaded.encoder(image), trained.encoder(image))
    assert {
        "ee_r2",
        "block_r2",
        "ranking",
        "effective_rank",
        "action_sensitivity",
        "rank_correlation",
    } <= metrics.keys()
    assert (tmp_path / "curves.png").stat().st_size > 1000
    assert next((tmp_path / "tensorboard" / "joint").glob("events*")).stat().st_size > 100
    assert [row["step"] for row in journal.read(tmp_path / "joint.csv")] == ["5"]


@pytest.mark.parametrize("stage", ["pretrain", "joint", "heads"])
def test_a_killed_run_goes_on_as_if_it_had_not_been(
    frames: Frames, plan: TrainingPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    pace = replace(QUIET, save_every_s=0.0)
    whole = Trainer(plan, frames, tmp_path / "whole", CPU, seed=0, pace=pace).run()

    def die(running: Stage, optimizer: torch.optim.Optimizer, step: int) -> dict[str, float]:
        if running.name == stage and step == 4:
            raise Killed
        return optimise(running, optimizer, step)

    with monkeypatch.context() as dying:
        dying.setattr(trainer, "optimise", die)
        with pytest.raises(Killed):
            Trainer(plan, frames, tmp_path / "cut", CPU, seed=0, pace=pace).run()
    resumed = Trainer(plan, frames, tmp_path / "cut", CPU, seed=0, pace=pace).run()
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, msg=name)
    assert (tmp_path / "cut" / f"{stage}.csv").read_text() == (tmp_path / "whole" / f"{stage}.csv").read_text()


def test_another_configuration_is_not_mixed_in(frames: Frames, plan: TrainingPlan, tmp_path: Path) -> None:
    Trainer(plan, frames, tmp_path, CPU, seed=0, pace=QUIET).run()
    with pytest.raises(TrainingError, match="another configuration"):
        Trainer(plan, frames, tmp_path, CPU, seed=1, pace=QUIET)


def test_a_loss_that_is_not_finite_stops_the_run(
    frames: Frames, plan: TrainingPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = Joint.loss

    def bad(self: Joint, step: int):
        loss, terms = good(self, step)
        return (loss * float("nan"), terms) if step == 3 else (loss, terms)

    monkeypatch.setattr(Joint, "loss", bad)
    with pytest.raises(TrainingError, match="stage joint, step 3"):
        Trainer(plan, frames, tmp_path, CPU, seed=0, pace=QUIET).run()
    assert checkpoint.read(tmp_path)[1]["stage"] == "pretrain"


def test_numbers_that_are_not_finite_are_traced_to_their_rows(
    frames: Frames, plan: TrainingPlan, tmp_path: Path
) -> None:
    actions = frames.actions.copy()
    actions[3 * 20 : 3 * 20 + 18] = np.nan
    whole = Trainer(replace(plan, stages=("joint",)), frames, tmp_path, CPU, seed=0, pace=QUIET)
    whole.train = replace(whole.train, actions=actions)
    stage = Joint(whole.plan, whole.model, whole.train, CPU, seed=0)
    before = {name: value.clone() for name, value in whole.model.state_dict().items()}
    with pytest.raises(TrainingError, match=r"its actions are not finite in rows [67]\d \(episode 3\)"):
        for step in range(50):
            before = {name: value.clone() for name, value in whole.model.state_dict().items()}
            optimise(stage, make_optimizer(stage), step)
    for name, value in whole.model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_a_gradient_that_is_not_finite_leaves_the_weights_alone(frames: Frames, plan: TrainingPlan) -> None:
    torch.manual_seed(0)
    stage = Joint(plan, WorldModel(plan.model), frames, CPU, seed=0)
    stage.model.encoder.readout.mix.bias.register_hook(lambda gradient: gradient * float("inf"))
    before = stage.model.encoder.readout.mix.weight.clone()
    with pytest.raises(TrainingError, match="stage joint, step 0: the gradient is not finite"):
        optimise(stage, make_optimizer(stage), 0)
    torch.testing.assert_close(stage.model.encoder.readout.mix.weight, before, rtol=0, atol=0)


def test_a_truncated_checkpoint_is_named(frames: Frames, plan: TrainingPlan, tmp_path: Path) -> None:
    Trainer(plan, frames, tmp_path, CPU, seed=0, pace=QUIET).run()
    weights = next(tmp_path.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(TrainingError, match=str(tmp_path)):
        Trainer(plan, frames, tmp_path, CPU, seed=0, pace=QUIET)


def test_windows_stay_within_their_episode(frames: Frames) -> None:
    config = WindowConfig(frames=4, goals=3, reach=10, chunk=5)
    window = draw(frames, config, 200, np.random.default_rng(0))
    episode = window.rows // 20
    assert np.all(episode == episode[:, :1])
    assert np.all(window.rows - window.rows[:, :1] == window.steps)
    assert np.all(window.steps[:, 4:] >= 1) and np.all(window.steps <= 10)
    assert np.all(window.chunk_rows // 20 == episode[:, :1, None])
    assert np.all(window.chunk_valid == (window.rows[:, :4, None] % 20 + np.arange(5) < 19))


def test_too_short_episodes_are_refused(frames: Frames) -> None:
    short = replace(frames, lengths=np.full(len(frames.starts), 3))
    with pytest.raises(TrainingError, match="longest: 3"):
        draw(short, WindowConfig(frames=4), 8, np.random.default_rng(0))


def test_a_single_episode_is_refused(frames: Frames, plan: TrainingPlan, tmp_path: Path) -> None:
    single = replace(frames, starts=frames.starts[:1], lengths=frames.lengths[:1])
    with pytest.raises(TrainingError, match="1 episodes or clips"):
        Trainer(plan, single, tmp_path, CPU, seed=0, pace=QUIET)


def test_goals_of_other_episodes_are_far(frames: Frames, plan: TrainingPlan) -> None:
    torch.manual_seed(0)
    stage = Heads(plan, WorldModel(plan.model), frames, CPU, seed=0)
    optimizer = torch.optim.Adam(stage.parameters(), 3e-3)
    distances = []
    for step in range(60):
        batch = stage.batch(draw(frames, plan.heads_window, 16, stage.generator(step)))
        loss = strangers(stage.model, batch, stage.generator(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            distances.append(stage.model.critic(batch.latents[:, 0], batch.latents[:, 0].roll(1, 0)).mean().item())
    assert distances[-1] > max(40.0, distances[0])


def test_further_episodes_refine_a_finished_run(frames: Frames, plan: TrainingPlan, tmp_path: Path) -> None:
    first = Trainer(plan, frames, tmp_path, CPU, seed=0, pace=QUIET)
    first.run()
    first.finish()
    before = {name: value.clone() for name, value in first.model.state_dict().items()}
    second = Trainer(plan, frames, tmp_path, CPU, seed=0, further=[frames])
    after = second.run().state_dict()
    second.finish()
    same = {name.split(".")[0] for name, value in before.items() if torch.equal(value, after[name])}
    moved = {name.split(".")[0] for name, value in before.items() if not torch.equal(value, after[name])}
    assert moved == {"predictor", "critic", "policy"}
    assert {"encoder", "inverse"} <= same
    with pytest.raises(TrainingError, match="give the same --further again"):
        Trainer(plan, frames, tmp_path, CPU, seed=0, pace=QUIET).run()
