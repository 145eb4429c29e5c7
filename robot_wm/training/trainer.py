"""The trainer: the stages of a plan one after the other, resumable to the step."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from robot_wm.errors import TrainingError
from robot_wm.training import checkpoint
from robot_wm.training.calibration import surprise_bound
from robot_wm.training.compute import Compute
from robot_wm.training.config import TrainingPlan
from robot_wm.training.journal import Journal, draw_curves, progress_bar
from robot_wm.training.latents import Latents, encode_rows
from robot_wm.training.level_monitors import monitor_level, slow_std
from robot_wm.training.levels import Levels, new_level
from robot_wm.training.monitors import monitor
from robot_wm.training.optimise import make_optimizer, optimise
from robot_wm.training.pretrain import Pretrain
from robot_wm.training.record import RunRecord
from robot_wm.training.stage import Stage
from robot_wm.training.stages import Heads, Joint, Refine
from robot_wm.training.windows import Frames
from robot_wm.world_model.model import WorldModel


@dataclass(frozen=True)
class Pace:
    """How often a run writes down what it does.

    Attributes:
        log_every: Steps over which a row of the journal averages.
        monitors: Times a stage at which the latent is measured.
        save_every_s: Seconds between checkpoints; a killed run repeats at most so much.
        tensorboard: Writes event files for TensorBoard too, into `tensorboard/`.
    """

    log_every: int = 50
    monitors: int = 8
    save_every_s: float = 60.0
    tensorboard: bool = True


@dataclass(frozen=True)
class _Planned:
    name: str
    steps: int
    begin: Callable[[], Stage]


class Trainer:
    """Trains one model through the stages of a plan.

    Args:
        plan: What to train and how.
        frames: All frames; the last share of the episodes is held out.
        out: Directory of checkpoints, journals and curves. A run that was killed goes on from its last checkpoint.
        compute: Where to compute, and in how many processes; the first of them writes.
        seed: Seeds weights and batches.
        further: Datasets that are learned from after the other stages; each adds a stage `Refine`. The slow level
            comes last, from all of them.
        videos: Pictures that stage 1 learns from beside those of `frames`.
        init: Checkpoint of another run, whose weights a new run begins with.
        pace: How often to write.

    Raises:
        TrainingError: `out` holds a run of another plan or seed, or `init` a model of other sizes; the plan has stages
            that need actions and `frames` has none.
    """

    def __init__(
        self,
        plan: TrainingPlan,
        frames: Frames,
        out: Path,
        compute: Compute,
        seed: int,
        further: Sequence[Frames] = (),
        *,
        videos: Sequence[Frames] = (),
        init: Path | None = None,
        pace: Pace = Pace(),
    ) -> None:
        if not plan.stages and not further:
            raise TrainingError("the plan has no stage; name some of pretrain, joint and heads in --plan.stages")
        if not frames.acted and (plan.stages != ("pretrain",) or further):
            raise TrainingError("pictures alone are enough for stage 'pretrain' only; give a --dataset with actions")
        self.plan, self.out, self.compute, self.seed, self.pace = plan, out, compute, seed, pace
        self.train, self.held_out = frames.split(plan.held_out)
        torch.manual_seed(seed)
        self.model = WorldModel(plan.model).to(compute.device)
        self.slow = new_level(plan, self.model).to(compute.device) if _acts(plan, further) else None
        self._stages = self._plan_stages(further, videos)
        plain = json.loads(json.dumps(asdict(plan)))
        self._levels = plain.pop("levels")
        self._identity = {"plan": plain, "seed": seed}
        self._begin(frames, init)
        self._resumed = self._read_checkpoint()
        before = self._resumed[1].get("run") if self._resumed else None
        self._record = RunRecord([frames, *further], compute.device, before)

    def _plan_stages(self, further: Sequence[Frames], videos: Sequence[Frames]) -> list[_Planned]:
        plan, seed = self.plan, self.seed
        arguments = (plan, self.model, self.train, self.compute, seed)
        latents = Latents(self.model, self.compute)  # no stage after the joint one changes the encoder
        stages = {
            Pretrain.name: _Planned(Pretrain.name, Pretrain.planned(plan).steps, partial(Pretrain, *arguments, videos)),
            Joint.name: _Planned(Joint.name, Joint.planned(plan).steps, partial(Joint, *arguments)),
            Heads.name: _Planned(Heads.name, Heads.planned(plan).steps, partial(Heads, *arguments, latents=latents)),
        }
        refining = [
            _Planned(
                Refine.named(count), plan.refine.steps, partial(Refine, *arguments, further[:count], latents=latents)
            )
            for count in range(1, len(further) + 1)
        ]
        levels = []
        if self.slow is not None:
            Levels.check(plan, self.train)
            begin = partial(Levels, *arguments, self.slow, further, latents=latents)
            levels.append(_Planned(Levels.named(len(further)), plan.levels.schedule.steps, begin))
        return [stage for name, stage in stages.items() if name in plan.stages] + refining + levels

    def _begin(self, frames: Frames, init: Path | None) -> None:
        """Weights and scaling of a new run; those of an encoder's run are of no use for actions that it did not see."""
        new = not (self.out / checkpoint.META).is_file()
        stage = checkpoint.load_weights(init, self.model, self.plan.model) if init and new else Pretrain.name
        if frames.acted and stage == Pretrain.name:
            rows = self.train.rows()
            self.model.scaling.fit(frames.states[rows], frames.actions[rows])

    def _read_checkpoint(self) -> tuple[dict[str, torch.Tensor], dict] | None:
        if not (self.out / checkpoint.META).is_file():
            return None
        tensors, meta = checkpoint.read(self.out)
        stored = {"plan": _filled(meta.get("plan"), asdict(TrainingPlan())), "seed": meta.get("seed")}
        stored["plan"].pop("levels", None)
        if stored != self._identity:
            raise TrainingError(
                f"{self.out}: holds a run with another configuration or seed; name another --out or remove it"
            )
        return tensors, meta

    def run(self) -> WorldModel:
        """Runs the stages that are not finished yet and returns the model in evaluation mode."""
        names = [stage.name for stage in self._stages]
        for stage in self._stages[self._first(names) :]:
            torch.manual_seed(self.seed)
            self._run_stage(stage.begin())
            if self.compute.group.leads:
                draw_curves(self.out, names)
        return self.model.eval()

    def _first(self, names: list[str]) -> int:
        """Index of the stage to go on with; the model is brought to where that begins or was left."""
        if self._resumed is None:
            return 0
        tensors, meta = self._resumed
        if "before" in meta and not (meta["stage"] in names and meta["levels"] == self._levels):
            meta["stage"], meta["step"] = meta["before"]  # a slow level of other data or settings is trained anew
        if meta["stage"] not in names:
            raise TrainingError(f"{self.out}: its last stage was '{meta['stage']}'; give the same --further again")
        checkpoint.restore(tensors, {"model": self.model}, None)
        index = names.index(meta["stage"])
        if self.slow is not None and index == len(names) - 1:
            checkpoint.restore(tensors, {"slow": self.slow}, None)
        if meta["step"] == self._stages[index].steps:
            self._resumed = None
            return index + 1
        return index

    def finish(self) -> dict[str, float]:
        """Measures the trained model, writes figures and latent scale into the checkpoint, and returns the figures."""
        device = self.compute.device
        metrics = monitor(self.model, self.train, self.held_out, device)
        rows = np.sort(np.random.default_rng(0).choice(self.train.rows(), min(1024, len(self.train.rows())), False))
        latents = encode_rows(self.model, self.train, rows, device)
        meta = self._meta(self._stages[-1].name, self._stages[-1].steps)
        meta |= {"metrics": metrics, "latent_std": float(latents.std(0).mean())}
        modules: dict[str, nn.Module] = {"model": self.model}
        if self.slow is not None:
            modules["slow"] = self.slow
            metrics |= monitor_level(self.model, self.slow, self.held_out, device)
            meta["slow"] = {"model": asdict(self.slow.config), "latent_std": slow_std(self.slow, latents, device)}
        bound = surprise_bound(self.model, self.held_out, meta["latent_std"], device) if self.train.acted else None
        if bound is not None:
            metrics["surprise_bound"] = bound
        checkpoint.save(self.out, modules, None, meta)
        return metrics

    def _run_stage(self, stage: Stage) -> None:
        optimizer = make_optimizer(stage)
        leads, total = self.compute.group.leads, stage.schedule.steps
        start, averages = self._resume(stage, optimizer)
        journal = Journal(self.out, stage.name, start, self.pace.tensorboard) if leads else None
        saved = time.monotonic()
        stage.model.train()
        with progress_bar(disable=not leads) as progress:
            task = progress.add_task(stage.name, total=total, completed=start, note="")
            for step in range(start, total):
                for name, value in optimise(stage, optimizer, step).items():
                    averages[name].append(value)
                if journal is None:
                    continue
                last = step + 1 == total
                if (step + 1) % self.pace.log_every == 0 or last:
                    row = self._row(stage, averages, step)
                    journal.add(step, row)
                    progress.update(task, note=" ".join(f"{key} {value:.3f}" for key, value in row.items()))
                progress.advance(task)
                if time.monotonic() - saved > self.pace.save_every_s or last:
                    saved = time.monotonic()
                    meta = self._meta(stage.name, step + 1) | {"averages": averages}
                    checkpoint.save(self.out, stage.modules, optimizer, meta)
        if journal is not None:
            journal.close()

    def _resume(self, stage: Stage, optimizer: torch.optim.Optimizer) -> tuple[int, defaultdict[str, list[float]]]:
        """The step to begin with, and the losses since the last row of the journal."""
        averages: defaultdict[str, list[float]] = defaultdict(list)
        if self._resumed is None:
            return 0, averages
        tensors, meta = self._resumed
        self._resumed = None
        if meta["step"] < stage.schedule.steps:
            checkpoint.restore(tensors, stage.modules, optimizer)
        averages.update(meta.get("averages", {}))
        return meta["step"], averages

    def _row(self, stage: Stage, averages: defaultdict[str, list[float]], step: int) -> dict[str, float]:
        total = stage.schedule.steps
        row = {name: float(np.mean(values)) for name, values in averages.items()}
        averages.clear()
        if (step + 1) % max(1, total // self.pace.monitors) < self.pace.log_every or step + 1 == total:
            row |= stage.measure(self.train, self.held_out)
        return row

    def _meta(self, stage: str, step: int) -> dict[str, Any]:
        model, run = checkpoint.model_to_dict(self.plan.model), self._record.plain()
        meta = self._identity | {"stage": stage, "step": step, "model": model, "run": run}
        if self.slow is None or stage != self._stages[-1].name:
            return meta
        before = self._stages[-2]
        return meta | {"before": (before.name, before.steps), "levels": self._levels}


def _acts(plan: TrainingPlan, further: Sequence[Frames]) -> bool:
    """Whether the plan has a slow level, and learns from actions before that."""
    return plan.levels.schedule.steps > 0 and (plan.stages != ("pretrain",) or len(further) > 0)


def _filled(stored: Any, default: Any) -> Any:
    """A stored plan, in which fields that did not exist when it was written have the value that they mean now."""
    if not isinstance(stored, dict) or not isinstance(default, dict):
        return stored
    return json.loads(json.dumps(default)) | {key: _filled(value, default.get(key)) for key, value in stored.items()}
