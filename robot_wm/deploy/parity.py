"""The parity gate: onnxruntime must compute what torch computes, or the export fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import nn

from robot_wm.deploy.session import OnnxWorldModel
from robot_wm.errors import BundleError

TOLERANCE = 1e-4


class TorchWorldModel(Protocol):
    """Four modules whose `forward` have the signatures of the ONNX graphs.

    An encoder may have a method `dense` beside `forward`: images to latents and dense tokens.
    """

    @property
    def encoder(self) -> nn.Module: ...
    @property
    def predictor(self) -> nn.Module: ...
    @property
    def critic(self) -> nn.Module: ...
    @property
    def policy(self) -> nn.Module: ...


@dataclass(frozen=True)
class Probe:
    """Inputs on which both are compared: images uint8 (B, height, width, 3), states (B, 8), actions (C, H, 7)."""

    images: np.ndarray
    states: np.ndarray
    actions: np.ndarray


def random_probe(model: OnnxWorldModel, rng: np.random.Generator, *, images: int = 4, candidates: int = 32) -> Probe:
    """Noise images, states inside the workspace and actions inside the bounds of the contract."""
    contract = model.bundle.contract
    position = rng.uniform(contract.workspace_low, contract.workspace_high, (images, 3))
    rotation = rng.normal(size=(images, 4))
    rotation /= np.linalg.norm(rotation, axis=1, keepdims=True)
    states = np.concatenate([position, rotation, rng.uniform(size=(images, 1))], axis=1)
    actions = rng.uniform(contract.action_low, contract.action_high, (candidates, model.horizon, 7))
    size = (images, contract.camera.height, contract.camera.width, 3)
    return Probe(rng.integers(0, 256, size, dtype=np.uint8), states.astype(np.float32), actions.astype(np.float32))


def check_parity(
    reference: TorchWorldModel, model: OnnxWorldModel, probe: Probe, *, tolerance: float = TOLERANCE
) -> dict[str, float]:
    """Compares every graph with its module on `probe`.

    Returns:
        The largest absolute difference of each graph: of latents and dense tokens in their standard deviations, of the
        critic relative to its largest output (at least one step), of the policy relative to the widest action range.

    Raises:
        BundleError: A difference is above `tolerance`; all figures are in the message.
    """
    with torch.inference_mode():
        differences = _differences(reference, model, probe)
    if any(not value <= tolerance for value in differences.values()):
        raise BundleError(
            f"parity: torch and onnxruntime differ by {differences}, at most {tolerance} is accepted; "
            "look for operators that behave differently in evaluation mode or at another batch size"
        )
    return differences


def _differences(reference: TorchWorldModel, model: OnnxWorldModel, probe: Probe) -> dict[str, float]:
    std, contract = model.bundle.latent_std, model.bundle.contract
    reach = float(np.max(np.subtract(contract.action_high, contract.action_low)))
    latents = model.encode(probe.images)
    latent, goal, state = latents[0], latents[-1], probe.states[0]
    rollout = model.rollout(latent, state, probe.actions)
    ends = rollout[:, -1]
    steps = model.critic(ends, goal)
    mean, spread = model.policy(latent, goal, state)
    tensor = torch.from_numpy
    one = (tensor(latent[None]), tensor(goal[None]), tensor(state[None]))
    expected_mean, expected_spread = reference.policy(*one)
    dense = getattr(reference.encoder, "dense", None)
    tokens = {} if dense is None else {"tokens": _tokens(dense, model, probe.images)}
    return tokens | {
        "encoder": largest(reference.encoder(tensor(probe.images)), latents) / std,
        "predictor": largest(reference.predictor(one[0], one[2], tensor(probe.actions)), rollout) / std,
        "critic": largest(reference.critic(tensor(ends), one[1]), steps) / max(1.0, float(np.max(np.abs(steps)))),
        "policy": max(largest(expected_mean[0], mean), largest(expected_spread[0], spread)) / reach,
    }


def _tokens(
    dense: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]], model: OnnxWorldModel, images: np.ndarray
) -> float:
    got = model.encode_dense(images)[1]
    return largest(dense(torch.from_numpy(images))[1], got) / float(got.std())


def largest(expected: torch.Tensor, got: np.ndarray) -> float:
    """Of two arrays of the same shape."""
    return float(np.max(np.abs(expected.numpy() - got)))
