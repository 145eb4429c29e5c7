"""The slow level's torch modules as ONNX graphs, and the gate that compares both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from robot_wm.deploy.graphs import export_graph
from robot_wm.deploy.parity import TOLERANCE, largest
from robot_wm.deploy.session import OnnxWorldModel
from robot_wm.deploy.slow_session import OnnxSlowLevel
from robot_wm.errors import BundleError
from robot_wm.world_model.slow import SlowLevel


def export_slow_graphs(level: SlowLevel, folder: Path) -> None:
    """Writes the graphs of `SLOW_GRAPHS` to `folder`; the policy's batch is 1, the others' dimensions are free."""
    tokens, channels = level.elaboration.shape
    slow = torch.zeros(3, 1, level.config.channels)
    goal, macros = torch.zeros(1, 1, level.config.channels), torch.zeros(3, level.config.macro)
    state = torch.zeros(1, 8)
    state[:, 6] = 1.0

    def export(part: str, inputs: dict[str, torch.Tensor], outputs: list[str], free: str = "latents") -> None:
        export_graph(getattr(level, part), folder / f"slow_{part}.onnx", inputs, outputs, free=free)

    export("abstraction", {"latents": torch.zeros(3, tokens, channels)}, ["slow"])
    export("elaboration", {"latents": slow}, ["fast"])
    export("macro", {"actions": torch.zeros(3, level.config.stride, 7)}, ["macros"], "actions")
    export("critic", {"latents": slow, "goal": goal}, ["steps"])
    export("proposal", {"latents": slow, "goal": goal}, ["mean", "std"])
    latent = torch.zeros(1, tokens, channels)
    export("policy", {"latent": latent, "goal": goal, "state": state}, ["mean", "std"], "")
    export("predictor", {"latents": slow, "macros": macros}, ["next"], "*")


def check_slow_parity(
    level: SlowLevel, model: OnnxWorldModel, slow: OnnxSlowLevel, rng: np.random.Generator, *, images: int = 16
) -> dict[str, float]:
    """Compares every graph with its module on latents of noise images.

    Returns:
        The largest absolute difference of each graph, in standard deviations of the latents that it gives, or relative
        to its largest output (at least 1).

    Raises:
        BundleError: A difference is above the gate's tolerance; all figures are in the message.
    """
    camera = model.bundle.contract.camera
    pictures = rng.integers(0, 256, (images, camera.height, camera.width, 3), dtype=np.uint8)
    macros = rng.uniform(-1, 1, (images, slow.macro)).astype(np.float32)
    with torch.inference_mode():
        differences = _differences(level.eval(), model, slow, model.encode(pictures), macros)
    if any(not value <= TOLERANCE for value in differences.values()):
        raise BundleError(
            f"parity: torch and onnxruntime differ by {differences}, at most {TOLERANCE} is accepted; "
            "look for operators that behave differently in evaluation mode or at another batch size"
        )
    return differences


def _differences(
    level: SlowLevel, model: OnnxWorldModel, slow: OnnxSlowLevel, latents: np.ndarray, macros: np.ndarray
) -> dict[str, float]:
    tensor = torch.from_numpy
    here = slow.abstract(latents)
    low, high = model.bundle.contract.action_low, model.bundle.contract.action_high
    actions = np.linspace(low, high, 3 * slow.stride, dtype=np.float32).reshape(3, slow.stride, 7)
    goal, state = here[-1], np.array([0.45, 0.0, 0.15, 1.0, 0.0, 0.0, 0.0, 0.0], dtype=np.float32)
    far = tensor(goal[None])
    pairs = {
        "abstraction": (level.abstraction(tensor(latents)), here, slow.latent_std),
        "elaboration": (level.elaboration(far), slow.elaborate(goal)[None], model.latent_std),
        "macro": (level.macro(tensor(actions)), slow.encode_macros(actions), None),
        "predictor": (level.predictor(tensor(here), tensor(macros)), slow.step(here, macros), slow.latent_std),
        "critic": (level.critic(tensor(here), far), slow.critic(here, goal), None),
    }
    guesses = zip(level.proposal(tensor(here), far), slow.propose(here, goal), strict=True)
    pairs |= {f"proposal {name}": (*pair, None) for name, pair in zip(("mean", "std"), guesses, strict=True)}
    expected = level.policy(tensor(latents[:1]), far, tensor(state[None]))
    chunks = zip(expected, slow.policy(latents[0], goal, state), strict=True)
    pairs |= {f"policy {name}": (a, b[None], None) for name, (a, b) in zip(("mean", "std"), chunks, strict=True)}
    return {
        f"slow {name}": largest(expected, got) / (scale or max(1.0, float(np.abs(got).max())))
        for name, (expected, got, scale) in pairs.items()
    }
