"""onnxruntime sessions over a bundle, and the world model as plain numpy functions."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime

from robot_wm.deploy.bundle import Bundle
from robot_wm.errors import BundleError, ObservationError, ProviderError

Provider = Literal["cpu", "cuda", "tensorrt"]

EXECUTION_PROVIDERS: dict[str, str] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
CUDA_ATTENTION = (1, 25)
"""The first onnxruntime whose CUDA provider has the attention operator."""
_LOG = logging.getLogger(__name__)


def check_provider(provider: str) -> str:
    """The onnxruntime name of `provider`; ProviderError when it is unknown or this installation lacks it."""
    if provider not in EXECUTION_PROVIDERS:
        raise ProviderError(f"provider '{provider}' is unknown; choose one of {sorted(EXECUTION_PROVIDERS)}")
    name = EXECUTION_PROVIDERS[provider]
    available = onnxruntime.get_available_providers()
    if name not in available:
        raise ProviderError(
            f"provider '{provider}' was requested, but onnxruntime {onnxruntime.__version__} offers only {available}; "
            "install the 'gpu' extra (onnxruntime-gpu instead of onnxruntime), or ask for 'cpu'"
        )
    if provider == "cuda" and _version() < CUDA_ATTENTION:
        newer = ".".join(map(str, CUDA_ATTENTION))
        _warn_once(f"onnxruntime {onnxruntime.__version__} computes attention on the CPU, {newer} or newer on CUDA")
    return name


def _version() -> tuple[int, ...]:
    return tuple(int(part) for part in onnxruntime.__version__.split(".")[:2])


@cache
def _warn_once(words: str) -> None:
    _LOG.warning(words)


def open_session(
    graph: bytes | Path, source: str, *, provider: str = "cpu", threads: int = 2, spin: bool = False
) -> onnxruntime.InferenceSession:
    """Makes a session that really runs on `provider`.

    Args:
        graph: The serialised ONNX model, or its file where the weights lie beside it.
        source: Its file name, for errors.
        threads: Threads within one operator.
        spin: Whether they await a run's next operator awake, which short operators gain by; between runs they sleep.

    Raises:
        ProviderError: The provider is not available, or onnxruntime fell back to another one.
        BundleError: onnxruntime refuses the graph.
    """
    name = check_provider(provider)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads take the core that other nodes and sessions need: 60 ms a plan instead of 20 on two busy cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spin)))
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.log_severity_level = 3
    if name != "CPUExecutionProvider" and hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()
    try:
        model = graph if isinstance(graph, bytes) else str(graph)
        session = onnxruntime.InferenceSession(model, options, providers=_with_host(name))
    except Exception as error:  # onnxruntime raises many unrelated types
        raise BundleError(f"{source}: onnxruntime cannot load it: {error}") from error
    got = session.get_providers()
    if got[0] != name:
        raise ProviderError(
            f"{source}: provider '{provider}' was requested, but onnxruntime fell back to {got}; "
            "check the driver and the CUDA libraries, or ask for 'cpu'"
        )
    return session


def _with_host(name: str) -> list[str]:
    host = EXECUTION_PROVIDERS["cpu"]
    return [name] if name == host else [name, host]


class OnnxGraphs:
    """Sessions over some graphs of a bundle, whose outputs are checked.

    Args:
        parts: Names of the graphs without `.onnx`.
    """

    def __init__(self, bundle: Bundle, parts: Sequence[str], *, provider: str = "cpu", threads: int = 2) -> None:
        self.bundle = bundle
        self.provider = check_provider(provider)
        self._sessions = {
            part: open_session(
                bundle.read(f"{part}.onnx"),
                str(bundle.path / f"{part}.onnx"),
                provider=provider,
                threads=threads,
                spin=part == "encoder",
            )
            for part in parts
        }

    def _run(self, part: str, outputs: list[str] | None = None, /, **inputs: np.ndarray) -> list[np.ndarray]:
        try:
            return self._sessions[part].run(outputs, inputs)
        except Exception as error:  # see open_session
            shapes = {name: (str(value.dtype), value.shape) for name, value in inputs.items()}
            raise BundleError(f"{self.bundle.path / part}.onnx: failed on {shapes}: {error}") from error

    def _shaped(self, part: str, output: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        if output.dtype != np.float32 or output.shape != shape:
            found = f"output is {output.dtype} {output.shape}, expected float32 {shape}"
        elif not np.isfinite(output).all():
            found = "output holds NaN or Inf; the model is damaged or sees what it was never shown"
        else:
            return output
        raise BundleError(f"{self.bundle.path / part}.onnx: {found}")


class OnnxWorldModel(OnnxGraphs):
    """Encoder, predictor, critic and policy of a bundle as functions from arrays to arrays.

    Shapes: N tokens, D channels, H steps of a roll-out, C candidates. Every output is checked to be finite.
    """

    def __init__(self, bundle: Bundle, *, provider: str = "cpu", threads: int = 2) -> None:
        super().__init__(bundle, ("encoder", "predictor", "critic", "policy"), provider=provider, threads=threads)
        self.latent_shape = (bundle.tokens, bundle.channels)
        self.latent_std = bundle.latent_std
        self.horizon = bundle.horizon
        _LOG.info("bundle '%s' (%s) runs on %s, %d threads", bundle.name, bundle.sha256[:12], self.provider, threads)

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Latents float32 (B, N, D) of images uint8 (B, height, width, 3)."""
        self._check_images(images)
        (latents,) = self._run("encoder", ["latent"], image=images)
        return self._shaped("encoder", latents, (len(images), *self.latent_shape))

    def encode_dense(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Latents (B, N, D) of images, as `encode`, and the dense tokens (B, n, width) that they are read from.

        Raises:
            BundleError: The bundle's encoder does not give its dense tokens.
        """
        outputs = {output.name: output.shape for output in self._sessions["encoder"].get_outputs()}
        if "tokens" not in outputs:
            raise BundleError(
                f"{self.bundle.path / 'encoder.onnx'}: its outputs are {list(outputs)}, but 'tokens' is needed here; "
                "export the bundle again"
            )
        self._check_images(images)
        latents, tokens = self._run("encoder", ["latent", "tokens"], image=images)
        shape = (len(images), *outputs["tokens"][1:])
        return self._shaped("encoder", latents, (len(images), *self.latent_shape)), self._shaped(
            "encoder", tokens, shape
        )

    def rollout(self, latent: np.ndarray, state: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Latents (C, H, N, D) predicted after each of `actions` (C, H, 7), from `latent` (N, D) and `state` (8,)."""
        latent, state = self._checked_latent(latent, "latent"), self.bundle.contract.check_state(state)
        candidates = len(actions)
        check_array(actions, (candidates, self.horizon, 7), "actions")
        (latents,) = self._run("predictor", latent=latent[None], state=state[None], actions=float32(actions))
        return self._shaped("predictor", latents, (candidates, self.horizon, *self.latent_shape))

    def critic(self, latents: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """Expected steps (M,) from each of `latents` (M, N, D) to `goal` (N, D)."""
        check_array(latents, (len(latents), *self.latent_shape), "latents")
        (steps,) = self._run("critic", latents=float32(latents), goal=self._checked_latent(goal, "goal")[None])
        return self._shaped("critic", steps, (len(latents),))

    def policy(self, latent: np.ndarray, goal: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation (chunk, 7) of the reactive policy's actions, in physical units."""
        mean, std = self._run(
            "policy",
            latent=self._checked_latent(latent, "latent")[None],
            goal=self._checked_latent(goal, "goal")[None],
            state=self.bundle.contract.check_state(state)[None],
        )
        shape = (1, self.bundle.chunk, 7)
        return self._shaped("policy", mean, shape)[0], self._shaped("policy", std, shape)[0]

    def _check_images(self, images: np.ndarray) -> None:
        if images.ndim != 4:
            raise ObservationError(f"images: got shape {images.shape}, expected (batch, height, width, 3)")
        for image in images:
            self.bundle.contract.check_image(image)

    def _checked_latent(self, latent: np.ndarray, source: str) -> np.ndarray:
        check_array(latent, self.latent_shape, source)
        return float32(latent)


def check_array(array: np.ndarray, shape: tuple[int, ...], source: str) -> None:
    """ObservationError when an array has another shape or holds numbers that are not finite."""
    if array.shape != shape:
        raise ObservationError(f"{source}: got shape {array.shape}, expected {shape}")
    if not np.isfinite(array.sum(dtype=np.float64)):  # one pass without a boolean copy: roll-outs are large
        raise ObservationError(f"{source}: holds NaN or Inf, expected finite numbers")


def float32(array: np.ndarray) -> np.ndarray:
    """The array as contiguous float32, which graphs take."""
    return np.ascontiguousarray(array, dtype=np.float32)
