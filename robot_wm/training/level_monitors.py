"""Is the slow level any good? The figures of `level_report` on held-out episodes, from the torch modules."""

from __future__ import annotations

import numpy as np
import torch

from robot_wm.level_report import Windows, level_report
from robot_wm.training.latents import encode_rows
from robot_wm.training.windows import Frames
from robot_wm.world_model.model import WorldModel
from robot_wm.world_model.slow import SlowLevel

WINDOWS = 48


class TorchLevels:
    """Both levels as numpy functions, on one device."""

    def __init__(self, model: WorldModel, level: SlowLevel, device: torch.device) -> None:
        self._model, self._level, self._device = model, level, device
        self.horizon, self.stride = model.config.chunk, level.config.stride

    def rollout(self, latent: np.ndarray, state: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """As `OnnxWorldModel.rollout`."""
        return self._run(self._model.predictor, latent[None], state[None], actions)

    def abstract(self, latents: np.ndarray) -> np.ndarray:
        """As `OnnxSlowLevel.abstract`."""
        return self._run(self._level.abstraction, latents)

    def encode_macros(self, actions: np.ndarray) -> np.ndarray:
        """As `OnnxSlowLevel.encode_macros`."""
        return self._run(self._level.macro, actions)

    def step(self, latents: np.ndarray, macros: np.ndarray) -> np.ndarray:
        """As `OnnxSlowLevel.step`."""
        return self._run(self._level.predictor, latents, macros)

    @torch.no_grad()
    def _run(self, module: torch.nn.Module, *arrays: np.ndarray) -> np.ndarray:
        tensors = (torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(self._device) for array in arrays)
        return module(*tensors).cpu().numpy()


def monitor_level(model: WorldModel, level: SlowLevel, held_out: Frames, device: torch.device) -> dict[str, float]:
    """The figures of the slow level at its shortest and longest horizon, beside those of the fast level there.

    Episodes shorter than the longest horizon are left out; with none that is long enough there are no figures.
    """
    strides = int((held_out.lengths.max(initial=0) - 1) // level.config.stride)
    if strides < 1:
        return {}
    rng = np.random.default_rng(0)
    windows = held_out_windows(model, held_out, level.config.stride, strides, device, rng)
    levels = TorchLevels(model, level, device)
    rows = level_report(levels, levels, windows, rng)
    ends = {f"{kind} {steps * level.config.stride}" for kind in ("fast", "slow") for steps in (1, strides)}
    return {
        f"{key.replace(' ', '_')}_{name}": value for key in rows if key in ends for name, value in rows[key].items()
    }


def held_out_windows(
    model: WorldModel, frames: Frames, stride: int, strides: int, device: torch.device, rng: np.random.Generator
) -> Windows:
    """At most `WINDOWS` windows of as many strides, one from each of some episodes."""
    steps = stride * strides
    usable = rng.permutation(np.flatnonzero(frames.lengths > steps))[:WINDOWS]
    first = frames.starts[usable] + rng.integers(0, frames.lengths[usable] - steps)
    rows = first[:, None] + stride * np.arange(strides + 1)
    latents = encode_rows(model, frames, rows.reshape(-1), device).reshape(*rows.shape, *_shape(model))
    places = {"ee": frames.states[rows][..., :3]}
    if "block" in frames.monitor:
        places["block"] = frames.monitor["block"][rows.reshape(-1), :2].reshape(*rows.shape, 2)
    return Windows(latents, frames.states[first], frames.actions[first[:, None] + np.arange(steps)], places)


def slow_std(level: SlowLevel, latents: np.ndarray, device: torch.device) -> float:
    """Standard deviation of the slow latents of some latents (M, N, D), mean over their numbers."""
    with torch.no_grad():
        return float(level.abstraction(torch.from_numpy(latents).to(device)).std(0).mean())


def _shape(model: WorldModel) -> tuple[int, int]:
    return model.config.encoder.tokens, model.config.encoder.channels
