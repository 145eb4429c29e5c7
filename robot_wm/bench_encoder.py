"""Encoders against the clock: onnxruntime beside torch eager and `transformers`, in one run on the same frames."""

from __future__ import annotations

import importlib.util
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from robot_wm.agent import Agent
from robot_wm.statistics import percentiles

EncoderName = Literal["small", "tiny", "vitl", "vith", "vitg", "vitg-384"]
FRAMES = 16
ROUNDS = 3
"""Each implementation is timed this often, turn by turn, so that what else the machine does falls on all of them."""

Calls = dict[str, Callable[[], object]]
Rows = dict[str, dict[str, float]]


def bench_encoder(
    name: EncoderName,
    *,
    bundle: Path,
    provider: str = "cpu",
    threads: int = 2,
    repeats: int | None = None,
    seed: int = 0,
) -> Rows:
    """Times one encoder in each implementation that is installed.

    Args:
        name: "small" is that of `bundle`, on one picture; the others are V-JEPA 2, on one clip of 16 frames, with
            random weights, which take as long as trained ones.
        bundle: Model bundle of "small".
        provider: Where onnxruntime computes; torch and `transformers` compute on the CPU.
        threads: Of each implementation.
        repeats: Calls of each; None takes 200, or 6 of a large one.
        seed: Of the frames.

    Returns:
        By implementation: median, 99th percentile and mean in ms, GFLOP/s at the median, and its median as a
        multiple of onnxruntime's. Without torch there is onnxruntime alone, and operations are not counted.
    """
    repeats = repeats or (200 if name in ("small", "tiny") else 6)
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory(prefix="robot_wm-bench-") as scratch:
        if name == "small":
            calls, operations = _small(bundle, provider, threads, rng)
        else:
            calls, operations = _published(name, Path(scratch), provider, threads, rng)
        times = _interleaved(calls, repeats)
    ours = percentiles(times["onnxruntime"])["p50"]
    return {what: _row(values, operations, ours) for what, values in times.items()}


def _row(values: list[float], operations: float, ours: float) -> dict[str, float]:
    row = percentiles(values) | {"mean": float(np.mean(values))}
    if operations:
        row["gflop_per_s"] = operations / 1e9 / (row["p50"] / 1e3)
    return row | {"times_onnxruntime": row["p50"] / ours}


def _interleaved(calls: Calls, repeats: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {what: [] for what in calls}
    for _ in range(ROUNDS):
        for what, call in calls.items():
            share = max(1, repeats // ROUNDS)
            for _ in range(max(1, share // 4)):  # the threads of the implementation before still wait for work
                call()
            for _ in range(share):
                began = time.perf_counter()
                call()
                times[what].append(1e3 * (time.perf_counter() - began))
    return times


def _small(bundle: Path, provider: str, threads: int, rng: np.random.Generator) -> tuple[Calls, float]:
    agent = Agent.load(bundle, provider=provider, threads=threads)
    camera = agent.contract.camera
    image = rng.integers(0, 256, (camera.height, camera.width, 3), dtype=np.uint8)
    calls: Calls = {"onnxruntime": partial(agent.encode, image)}
    if not importlib.util.find_spec("torch"):
        return calls, 0.0
    import torch

    from robot_wm.perception.encoder import Encoder
    from robot_wm.training.checkpoint import model_from_dict

    torch.set_num_threads(threads)
    document: Mapping[str, Any] = json.loads(agent.model.bundle.read("model_config.json"))
    build = partial(Encoder, model_from_dict(dict(document)).encoder)
    calls["torch eager"] = torch.inference_mode()(partial(build().eval(), torch.from_numpy(image)[None]))
    return calls, _operations(build, (1, *image.shape), torch.uint8)


def _published(name: str, scratch: Path, provider: str, threads: int, rng: np.random.Generator) -> tuple[Calls, float]:
    import torch

    from robot_wm.deploy.vjepa2_export import VJepa2Options, export_vjepa2
    from robot_wm.deploy.vjepa2_session import OnnxVJepa2
    from robot_wm.perception.vjepa2 import VJepa2Encoder, normalise
    from robot_wm.perception.vjepa2_config import CONFIGS

    torch.set_num_threads(threads)
    config = CONFIGS[name]
    encoder = VJepa2Encoder(config).eval().requires_grad_(False)
    export_vjepa2(encoder, None, scratch / name, VJepa2Options(frames=FRAMES))
    exported = OnnxVJepa2(scratch / name, provider=provider, threads=threads)
    frames = rng.integers(0, 256, (1, FRAMES, config.image_size, config.image_size, 3), dtype=np.uint8)
    pixels = torch.from_numpy(frames)
    calls: Calls = {
        "onnxruntime": partial(exported.encode, frames),
        "torch eager": torch.inference_mode()(lambda: encoder(normalise(pixels))),
    }
    if importlib.util.find_spec("transformers"):
        theirs = _transformers_model(name)
        calls["transformers"] = torch.inference_mode()(lambda: theirs(normalise(pixels), skip_predictor=True))
    size = (1, FRAMES, 3, config.image_size, config.image_size)
    return calls, _operations(partial(VJepa2Encoder, config), size, torch.float32)


def _transformers_model(name: str) -> Any:
    from transformers import VJEPA2Config, VJEPA2Model

    from robot_wm.perception.vjepa2_config import CONFIGS

    config, stack = CONFIGS[name], CONFIGS[name].encoder
    sizes = VJEPA2Config(
        crop_size=config.image_size,
        frames_per_clip=FRAMES,
        hidden_size=stack.width,
        num_hidden_layers=stack.depth,
        num_attention_heads=stack.heads,
        mlp_ratio=stack.hidden / stack.width,
        pred_num_hidden_layers=1,
    )
    return VJEPA2Model(sizes).eval()


def _operations(build: Callable[[], Any], shape: tuple[int, ...], dtype: Any) -> float:
    """Floating point operations of the matrix products, convolutions and attention of one call, counted unexecuted."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with torch.device("meta"), torch.inference_mode(), sdpa_kernel(SDPBackend.MATH), counter:
        build()(torch.zeros(shape, dtype=dtype))
    return float(counter.get_total_flops())
