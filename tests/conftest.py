"""Fixtures that several test folders share."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marks known."""
    config.addinivalue_line("markers", "slow: takes over 20 s; leave out with -m 'not slow'")


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real exported bundle of the real architecture, very small and with random weights."""
    torch = pytest.importorskip("torch")
    for module in ("onnx", "onnxscript", "safetensors"):
        pytest.importorskip(module)
    from robot_wm.actor.settings import PlannerSettings
    from robot_wm.contract import TABLETOP
    from robot_wm.deploy.export import ExportConfig, export_checkpoint
    from robot_wm.perception.encoder import EncoderConfig
    from robot_wm.training import checkpoint
    from robot_wm.world_model.model import ModelConfig, WorldModel
    from robot_wm.world_model.slow import SlowConfig, SlowLevel

    torch.manual_seed(0)
    encoder = EncoderConfig(stem=8, width=16, depth=1, heads=2, tokens=4, channels=8)
    model = WorldModel(ModelConfig(encoder=encoder, width=16, depth=1, chunk=4)).eval()
    actions = np.random.default_rng(0).uniform(TABLETOP.action_low, TABLETOP.action_high, (64, 7))
    model.scaling.fit(np.zeros((64, 8)), actions)
    folder = tmp_path_factory.mktemp("tiny")
    level = SlowLevel(SlowConfig(stride=4, channels=6, macro=3, width=16, depth=1), 4, 8, model.scaling, chunk=4)
    meta = {"stage": "levels_0", "step": 0, "model": checkpoint.model_to_dict(model.config), "latent_std": 1.0}
    meta["slow"] = {"model": asdict(level.config), "latent_std": 1.0}
    checkpoint.save(folder / "run", {"model": model, "slow": level}, None, meta)
    planner = PlannerSettings(samples=16, iterations=2, elites=4)
    return export_checkpoint(
        ExportConfig(folder / "run", folder / "bundle", "tiny", horizon=3, planner=planner, force=True)
    ).path


@pytest.fixture
def image() -> np.ndarray:
    """A camera image uint8 (96, 96, 3) of noise."""
    return np.random.default_rng(1).integers(0, 256, (96, 96, 3), dtype=np.uint8)


@pytest.fixture
def state() -> np.ndarray:
    """A state (8,) in the middle of the tabletop workspace, the hand pointing down."""
    return np.array([0.45, 0.0, 0.15, 1.0, 0.0, 0.0, 0.0, 0.0], dtype=np.float32)
