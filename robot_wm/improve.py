"""`robot-wm improve`: collect, train, evaluate against the present bundle, promote what is no worse, remember."""

from __future__ import annotations

import importlib
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from robot_wm.actor.level_settings import LevelSettings
from robot_wm.agent import Mode
from robot_wm.data.files import write_atomic
from robot_wm.deploy.bundle import Bundle, load_bundle
from robot_wm.deploy.extend import carry_over
from robot_wm.deploy.staging import replacing
from robot_wm.errors import BundleError, RobotWmError
from robot_wm.evaluation import EvalConfig, TaskName, Teacher, evaluate
from robot_wm.promotion import Round, Score, Scores, append_history, read_history, worse
from robot_wm.training.config import TrainingPlan
from robot_wm.tuned import level_settings, planner_settings

_COLLECTING_SEED, _JUDGING_SEED = 1_000, 2_000
"""Added to the number of a round, so that none is judged on episodes that it learned from."""


@dataclass(frozen=True)
class ImproveConfig:
    """Improves a model round by round; run it again with the same options to go on after an interruption.

    A round collects corrections of the present policy (or takes `teleop`), refines the present run's model with all
    datasets so far, exports it, and evaluates both models on the same new episodes. The new one is promoted only if no
    task got worse beyond the Wilson interval of the present one.

    Attributes:
        checkpoint: Run of `robot-wm train` that the present bundle was exported from.
        bundle: The present bundle; promotion replaces it.
        dataset: Dataset that the run learned from.
        further: Further datasets of that run, in its order.
        teleop: Datasets recorded by hand; each is the data of one round, in place of collecting.
        out: Folder of history, datasets and rounds.
        rounds: Rounds that the history shall have.
        episodes: Episodes that a round collects.
        steps: Frames of each.
        teacher: Who corrects the policy in them: scripted play, or the planner.
        tasks: What both models are judged by.
        agent: Who acts in the evaluation.
        trials: Episodes a task and model.
        randomize: Randomised looks and camera in the evaluation.
        workers: Processes of collection and evaluation.
        device: Where it trains; see `robot-wm train`.
        force: Exports models that do not pass the collapse gates all the same.
        plan: The run's plan of training.
    """

    checkpoint: Path
    bundle: Path
    dataset: Path
    further: tuple[Path, ...] = ()
    teleop: tuple[Path, ...] = ()
    out: Path = Path("runs/improve")
    rounds: int = 1
    episodes: int = 600
    steps: int = 50
    teacher: Teacher = "script"
    tasks: tuple[TaskName, ...] = ("reach", "push")
    agent: Mode = "flat"
    trials: int = 100
    randomize: bool = False
    workers: int = 2
    seed: int = 0
    device: str = "auto"
    force: bool = False
    plan: TrainingPlan = field(default_factory=TrainingPlan)

    def __post_init__(self) -> None:
        if min(self.rounds, self.trials, self.episodes) < 1 or not self.tasks:
            raise RobotWmError(
                "improve: rounds, trials and episodes must be at least 1, and at least one task is needed"
            )


def run(config: ImproveConfig) -> int:
    """Does the rounds that the history does not have yet.

    Returns:
        0, whether or not a model was promoted; 130 after Ctrl-C while collecting.
    """
    console = Console(highlight=False, soft_wrap=True)
    _keep_first(config)
    while (number := len(read_history(config.out)) + 1) <= config.rounds:
        console.print(f"round {number} of {config.rounds}")
        if not _prepared(config, number):
            return 130
        done = _judged(config, number)
        if done.promoted:
            _promote(config, number)
        append_history(config.out, done)
        if not done.promoted:
            shutil.rmtree(_round(config, number) / "run", ignore_errors=True)
        console.print(f"round {number}: {'promoted' if done.promoted else 'not promoted'}, {done.reason}")
    return 0


def _round(config: ImproveConfig, number: int) -> Path:
    return config.out / "rounds" / f"{number:03d}"


def _keep_first(config: ImproveConfig) -> None:
    """The bundle that improvement began with stays as round 0."""
    first = _round(config, 0) / "bundle"
    if not first.is_dir():
        load_bundle(config.bundle)
        with replacing(first) as staged:
            shutil.copytree(config.bundle, staged, dirs_exist_ok=True)


def _data(config: ImproveConfig, number: int) -> Path:
    """The dataset of a round."""
    return config.teleop[number - 1] if number <= len(config.teleop) else config.out / "datasets" / f"{number:03d}"


def _further(config: ImproveConfig, number: int) -> tuple[Path, ...]:
    """All datasets beside the first that a round's model is refined with."""
    return (*config.further, *(_data(config, earlier) for earlier in range(1, number + 1)))


def _promoted_last(config: ImproveConfig) -> int:
    """The round whose bundle is the present one; 0 for the bundle that improvement began with."""
    return max((done.number for done in read_history(config.out) if done.promoted), default=0)


def _present_run(config: ImproveConfig) -> Path:
    last = _promoted_last(config)
    return _round(config, last) / "run" if last else config.checkpoint


def _prepared(config: ImproveConfig, number: int) -> bool:
    """Collects, trains and exports, each where it is not done yet; False after Ctrl-C."""
    folder = _round(config, number)
    if (folder / "bundle").is_dir() or (folder / "refused.txt").is_file():
        return True
    if number > len(config.teleop) and not _collect(config, number):
        return False
    if not (folder / "run").is_dir():
        with replacing(folder / "run") as staged:
            shutil.copytree(_present_run(config), staged, dirs_exist_ok=True)
    _train(config, number)
    _export(config, number)
    return True


def _collect(config: ImproveConfig, number: int) -> bool:
    collecting = importlib.import_module("sim.collect")
    wanted = collecting.CollectConfig(
        _data(config, number),
        correct=True,
        episodes=config.episodes,
        steps=config.steps,
        workers=config.workers,
        seed=config.seed + _COLLECTING_SEED + number,
        bundle=config.bundle,
        teacher=config.teacher,
    )
    return collecting.run(wanted) == 0


def _train(config: ImproveConfig, number: int) -> None:
    from robot_wm.training.cli import TrainConfig, run

    further, out = _further(config, number), _round(config, number) / "run"
    run(
        TrainConfig(
            dataset=config.dataset, further=further, out=out, seed=config.seed, device=config.device, plan=config.plan
        )
    )


def _export(config: ImproveConfig, number: int) -> None:
    """Writes the round's bundle, or why there is none."""
    from robot_wm.deploy.export import ExportConfig, export_checkpoint

    folder, present = _round(config, number), load_bundle(config.bundle)
    levels = level_settings(present) or LevelSettings()
    try:
        with replacing(folder / "bundle") as staged:
            export_checkpoint(
                ExportConfig(
                    folder / "run",
                    staged,
                    present.name,
                    horizon=present.horizon,
                    planner=planner_settings(present),
                    levels=levels,
                    force=config.force,
                )
            )
            carry_over(present, staged)
    except BundleError as error:
        write_atomic(folder / "refused.txt", str(error).encode())


def _judged(config: ImproveConfig, number: int) -> Round:
    folder, present = _round(config, number), _present(config)
    datasets = tuple(str(path) for path in _further(config, number))
    if (folder / "refused.txt").is_file():
        reason = (folder / "refused.txt").read_text(encoding="utf-8")
        return Round(number, False, reason, datasets, {}, {}, present.sha256, "")
    candidate = load_bundle(folder / "bundle")
    scores = {name: _scores(config, number, name, b) for name, b in (("present", present), ("candidate", candidate))}
    fell = worse(scores["present"], scores["candidate"])
    reason = "; ".join(fell) or "no task got worse beyond the interval"
    return Round(
        number, not fell, reason, datasets, **scores, present_sha256=present.sha256, candidate_sha256=candidate.sha256
    )


def _present(config: ImproveConfig) -> Bundle:
    """The bundle promoted last, as the round kept it: the one at `config.bundle` may be replaced by a killed round."""
    return load_bundle(_round(config, _promoted_last(config)) / "bundle")


def _scores(config: ImproveConfig, number: int, name: str, bundle: Bundle) -> Scores:
    """Success of a bundle at each task; what was measured before a kill is not measured again."""
    scores: dict[str, Score] = {}
    for task in config.tasks:
        path = _round(config, number) / f"{name}_{task}.json"
        if not path.is_file():
            judging = EvalConfig(
                task=task,
                agent=config.agent,
                episodes=config.trials,
                seed=config.seed + _JUDGING_SEED + number,
                bundle=bundle.path,
                randomize=config.randomize,
                threads=1,
                workers=config.workers,
            )
            results = list(evaluate(judging))
            score = {"successes": sum(result.success for result in results), "episodes": len(results)}
            write_atomic(path, json.dumps(score | {"bundle_sha256": bundle.sha256}).encode())
        plain = json.loads(path.read_text(encoding="utf-8"))
        scores[task] = Score(plain["successes"], plain["episodes"])
    return scores


def _promote(config: ImproveConfig, number: int) -> None:
    with replacing(config.bundle) as staged:
        shutil.copytree(_round(config, number) / "bundle", staged, dirs_exist_ok=True)
