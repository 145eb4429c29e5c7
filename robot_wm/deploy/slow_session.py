"""The slow level as plain numpy functions over onnxruntime."""

from __future__ import annotations

import numpy as np

from robot_wm.deploy.bundle import Bundle
from robot_wm.deploy.session import OnnxGraphs, check_array, float32
from robot_wm.deploy.slow_index import SLOW_PARTS
from robot_wm.errors import BundleError


class OnnxSlowLevel(OnnxGraphs):
    """The slow level of a bundle as functions from arrays to arrays.

    Attributes:
        latent_shape: (1, Y).
        latent_std: Standard deviation of slow latents over the training frames.
        stride: Steps of the fast level in one step of this one.
        macro: Numbers M of a macro-action.

    Raises:
        BundleError: The bundle has no slow level, or a graph of it is damaged.
        ProviderError: The provider is not available.
    """

    def __init__(self, bundle: Bundle, *, provider: str = "cpu", threads: int = 2) -> None:
        if bundle.slow is None:
            raise BundleError(
                f"{bundle.path}: the bundle has no slow level, which mode 'hierarchical' needs; "
                "export a run whose stage 'levels' is finished, or use mode 'flat'"
            )
        super().__init__(bundle, [f"slow_{part}" for part in SLOW_PARTS], provider=provider, threads=threads)
        self.latent_shape = (1, bundle.slow.channels)
        self.latent_std = bundle.slow.latent_std
        self.stride, self.macro = bundle.slow.stride, bundle.slow.macro
        self._fast_shape = (bundle.tokens, bundle.channels)

    def abstract(self, latents: np.ndarray) -> np.ndarray:
        """Slow latents (M, 1, Y) of latents (M, N, D)."""
        check_array(latents, (len(latents), *self._fast_shape), "latents")
        return self._one("slow_abstraction", (len(latents), *self.latent_shape), latents=float32(latents))

    def elaborate(self, latent: np.ndarray) -> np.ndarray:
        """A latent (N, D) of the fast level that shows about the scene of a slow latent (1, Y)."""
        inputs = self._latent(latent, "latent")[None]
        return self._one("slow_elaboration", (1, *self._fast_shape), latents=inputs)[0]

    def encode_macros(self, actions: np.ndarray) -> np.ndarray:
        """Macro-actions (C, M) that stand for the actions (C, stride, 7) of a stride."""
        check_array(actions, (len(actions), self.stride, 7), "actions")
        return self._one("slow_macro", (len(actions), self.macro), actions=float32(actions))

    def step(self, latents: np.ndarray, macros: np.ndarray) -> np.ndarray:
        """Slow latents (C, 1, Y) one stride after slow latents (C, 1, Y), by macro-actions (C, M)."""
        shape = (len(latents), *self.latent_shape)
        check_array(latents, shape, "latents")
        check_array(macros, (len(latents), self.macro), "macro-actions")
        return self._one("slow_predictor", shape, latents=float32(latents), macros=float32(macros))

    def critic(self, latents: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """Expected steps (M,) of the fast level from slow latents (M, 1, Y) to a slow goal (1, Y)."""
        return self._one("slow_critic", (len(latents),), **self._towards(latents, goal))

    def propose(self, latents: np.ndarray, goal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation (C, M) of macro-actions from slow latents (C, 1, Y) to a slow goal (1, Y)."""
        shape = (len(latents), self.macro)
        return self._two("slow_proposal", shape, **self._towards(latents, goal))

    def policy(self, latent: np.ndarray, goal: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation (chunk, 7) of actions from a latent (N, D) to a slow goal (1, Y)."""
        check_array(latent, self._fast_shape, "latent")
        mean, std = self._two(
            "slow_policy",
            (1, self.bundle.chunk, 7),
            latent=float32(latent)[None],
            goal=self._latent(goal, "goal")[None],
            state=self.bundle.contract.check_state(state)[None],
        )
        return mean[0], std[0]

    def _one(self, part: str, shape: tuple[int, ...], **inputs: np.ndarray) -> np.ndarray:
        (output,) = self._run(part, **inputs)
        return self._shaped(part, output, shape)

    def _two(self, part: str, shape: tuple[int, ...], **inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        first, second = self._run(part, **inputs)
        return self._shaped(part, first, shape), self._shaped(part, second, shape)

    def _towards(self, latents: np.ndarray, goal: np.ndarray) -> dict[str, np.ndarray]:
        check_array(latents, (len(latents), *self.latent_shape), "latents")
        return {"latents": float32(latents), "goal": self._latent(goal, "goal")[None]}

    def _latent(self, latent: np.ndarray, source: str) -> np.ndarray:
        check_array(latent, self.latent_shape, source)
        return float32(latent)
