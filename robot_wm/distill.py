"""`robot-wm distill`: what planning finds becomes habit."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from robot_wm.evaluation import TaskName
from robot_wm.improve import ImproveConfig
from robot_wm.improve import run as improve
from robot_wm.training.config import TrainingPlan


@dataclass(frozen=True)
class DistillConfig:
    """Distils the solutions of mode 2, planning, into mode 1, the reactive policy.

    The policy of the bundle begins episodes, the planner of the same bundle takes over and finishes them, and
    predictor, critic and policy are refined with what it did (DAgger, arXiv 1011.0686, with the planner as expert). The
    new bundle is promoted only if the policy alone got worse at no task beyond the Wilson interval. It is `robot-wm
    improve` with these choices; the history in `out` has the policy's success before and after.

    Attributes:
        checkpoint: Run of `robot-wm train` that the bundle was exported from.
        bundle: The bundle; promotion replaces it.
        dataset: Dataset that the run learned from.
        further: Further datasets of that run, in its order.
        out: Folder of history, datasets and rounds.
        planner: Who finds the solutions.
        rounds: How often.
        episodes: Episodes of each round.
        tasks: What the policy alone is judged by.
        trials: Episodes a task, before and after.
        plan: The run's plan of training.
    """

    checkpoint: Path
    bundle: Path
    dataset: Path
    further: tuple[Path, ...] = ()
    out: Path = Path("runs/distill")
    planner: Literal["flat", "hierarchical"] = "flat"
    rounds: int = 1
    episodes: int = 600
    steps: int = 50
    tasks: tuple[TaskName, ...] = ("reach", "push")
    trials: int = 100
    workers: int = 2
    seed: int = 0
    device: str = "auto"
    force: bool = False
    plan: TrainingPlan = field(default_factory=TrainingPlan)


def run(config: DistillConfig) -> int:
    """Distils, and returns what `robot-wm improve` does."""
    return improve(
        ImproveConfig(
            checkpoint=config.checkpoint,
            bundle=config.bundle,
            dataset=config.dataset,
            further=config.further,
            out=config.out,
            rounds=config.rounds,
            episodes=config.episodes,
            steps=config.steps,
            teacher=config.planner,
            tasks=config.tasks,
            agent="policy",
            trials=config.trials,
            workers=config.workers,
            seed=config.seed,
            device=config.device,
            force=config.force,
            plan=config.plan,
        )
    )
