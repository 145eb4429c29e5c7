"""The training loop: any stage, resumable to the step, stopped by the first loss that is not finite."""

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
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from robot_wm.errors import TrainingError
from robot_wm.training import checkpoint
from robot_wm.training.calibration import surprise_bound
from robot_wm.training.config import TrainingPlan
from robot_wm.training.journal import Journal, draw_curves
from robot_wm.training.level_monitors import monitor_level, slow_std
from robot_wm.training.levels import Levels, new_level
from robot_wm.training.monitors import monitor
from robot_wm.training.stages import Heads, Joint, Pretrain, Refine, Stage, encode_rows
from robot_wm.training.windows import Frames
from robot_wm.world_model.model import WorldModel

STAGES: tuple[type[Stage], ...] = (Pretrain, Joint, Heads)
LOG_EVERY, MONITORS_A_STAGE = 50, 8
SAVE_EVERY_S = 60.0


@dataclass(frozen=True)
class _Planned:
    name: str
    steps: int
    begin: Callable[[], Stage]


class Trainer:
    """Trains one model through all stages.

    Args:
        plan: What to train and how.
        frames: All frames; the last share of the episodes is held out.
        out: Directory of checkpoints, journals and curves. A run that was killed goes on from its last checkpoint.
        device: Where to compute.
        seed: Seeds weights and batches.
        further: Datasets that are learned from after the other stages; each adds a stage `Refine`. The slow level
            comes last, from all of them.

    Raises:
        TrainingError: `out` holds a run of another plan or seed.
    """

    def __init__(
        self,
        plan: TrainingPlan,
        frames: Frames,
        out: Path,
        device: torch.device,
        seed: int,
        further: Sequence[Frames] = (),
    ) -> None:
        self.plan, self.out, self.device, self.seed = plan, out, device, seed
        self.train, self.held_out = frames.split(plan.held_out)
        torch.manual_seed(seed)
        self.model = WorldModel(plan.model).to(device)
        rows = self.train.rows()
        self.model.scaling.fit(frames.states[rows], frames.actions[rows])
        arguments = (plan, self.model, self.train, device, seed)
        self._stages = [
            *(_Planned(stage.name, stage.planned(plan).steps, partial(stage, *arguments)) for stage in STAGES),
            *(
                _Planned(Refine.named(count), plan.refine.steps, partial(Refine, *arguments, further[:count]))
                for count in range(1, len(further) + 1)
            ),
        ]
        self.slow = new_level(plan, self.model).to(device) if plan.levels.schedule.steps else None
        if self.slow is not None:
            begin = partial(Levels, *arguments, self.slow, further)
            self._stages.append(_Planned(Levels.named(len(further)), plan.levels.schedule.steps, begin))
        plain = json.loads(json.dumps(asdict(plan)))
        self._levels = plain.pop("levels")
        self._identity = {"plan": plain, "seed": seed}
        self._resumed = self._read_checkpoint()

    def _read_checkpoint(self) -> tuple[dict[str, torch.Tensor], dict] | None:
        if not (self.out / checkpoint.META).is_file():
            return None
        tensors, meta = checkpoint.read(self.out)
        if not _agrees(meta, self._identity):
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
        metrics = monitor(self.model, self.train, self.held_out, self.device)
        rows = np.sort(np.random.default_rng(0).choice(self.train.rows(), min(1024, len(self.train.rows())), False))
        latents = encode_rows(self.model, self.train, rows, self.device)
        meta = self._meta(self._stages[-1].name, self._stages[-1].steps)
        modules: dict[str, torch.nn.Module] = {"model": self.model}
        if self.slow is not None:
            modules["slow"] = self.slow
            metrics |= monitor_level(self.model, self.slow, self.held_out, self.device)
            meta["slow"] = {"model": asdict(self.slow.config), "latent_std": slow_std(self.slow, latents, self.device)}
        latent_std = float(latents.std(0).mean())
        bound = surprise_bound(self.model, self.held_out, latent_std, self.device)
        if bound is not None:
            metrics["surprise_bound"] = bound
        meta |= {"metrics": metrics, "latent_std": latent_std}
        checkpoint.save(self.out, modules, None, meta)
        return metrics

    def _run_stage(self, stage: Stage) -> None:
        optimizer = torch.optim.AdamW(
            stage.parameters(), lr=stage.schedule.rate, weight_decay=self.plan.decay, betas=(0.9, 0.99)
        )
        start = 0
        if self._resumed:
            start = self._resumed[1]["step"]
            if start < stage.schedule.steps:
                checkpoint.restore(self._resumed[0], stage.modules, optimizer)
            self._resumed = None
        journal, averages, saved = Journal(self.out, stage.name, start), defaultdict(list), time.monotonic()
        monitor_every = max(1, stage.schedule.steps // MONITORS_A_STAGE)
        stage.model.train()
        with _progress() as progress:
            task = progress.add_task(stage.name, total=stage.schedule.steps, completed=start, note="")
            for step in range(start, stage.schedule.steps):
                for name, value in self._step(stage, optimizer, step).items():
                    averages[name].append(value)
                last = step + 1 == stage.schedule.steps
                if (step + 1) % LOG_EVERY == 0 or last:
                    row = {name: float(np.mean(values)) for name, values in averages.items()}
                    averages.clear()
                    if (step + 1) % monitor_every < LOG_EVERY or last:
                        row |= self._measure(stage)
                    journal.add(step, row)
                    progress.update(task, note=" ".join(f"{key} {value:.3f}" for key, value in row.items()))
                progress.advance(task)
                if time.monotonic() - saved > SAVE_EVERY_S or last:
                    self._save(stage, optimizer, step + 1)
                    saved = time.monotonic()

    def _measure(self, stage: Stage) -> dict[str, float]:
        if isinstance(stage, Levels):
            return monitor_level(self.model, stage.level, self.held_out, self.device)
        return monitor(self.model, self.train, self.held_out, self.device)

    def _step(self, stage: Stage, optimizer: torch.optim.Optimizer, step: int) -> dict[str, float]:
        for group in optimizer.param_groups:
            group["lr"] = stage.schedule.rate_at(step)
        loss, terms = stage.loss(step)
        if not torch.isfinite(loss):
            values = {name: term.item() for name, term in terms.items()}
            raise TrainingError(
                f"stage {stage.name}, step {step}: the loss is not finite ({values}); the last checkpoint in "
                f"{self.out} is from before; lower the learning rate or look at that batch"
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(stage.parameters(), self.plan.clip)
        optimizer.step()
        stage.after_step()
        return {"loss": loss.item()} | {name: term.item() for name, term in terms.items()}

    def _save(self, stage: Stage, optimizer: torch.optim.Optimizer, step: int) -> None:
        checkpoint.save(self.out, stage.modules, optimizer, self._meta(stage.name, step))

    def _meta(self, stage: str, step: int) -> dict:
        meta = self._identity | {"stage": stage, "step": step, "model": checkpoint.model_to_dict(self.plan.model)}
        if self.slow is None or stage != self._stages[-1].name:
            return meta
        before = self._stages[-2]
        return meta | {"before": (before.name, before.steps), "levels": self._levels}


def _agrees(stored: Any, wanted: Any) -> bool:
    """Whether a run's identity is the stored one; fields that its version did not have yet do not count."""
    if isinstance(wanted, dict) and isinstance(stored, dict):
        return all(key not in stored or _agrees(stored[key], value) for key, value in wanted.items())
    return stored == wanted


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description:>9}"),
        BarColumn(30),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
