"""The slow level in a bundle: exact, checked, optional, and said to be missing where it is needed."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from robot_wm.agent import Agent
from robot_wm.deploy.bundle import load_bundle
from robot_wm.deploy.index import INDEX, write_index
from robot_wm.deploy.session import OnnxWorldModel
from robot_wm.deploy.slow_index import SLOW_GRAPHS, SlowDescription, parse_slow
from robot_wm.deploy.slow_session import OnnxSlowLevel
from robot_wm.errors import BundleError, ObservationError


@pytest.fixture
def slow(tiny_bundle: Path) -> OnnxSlowLevel:
    return OnnxSlowLevel(load_bundle(tiny_bundle))


@pytest.fixture
def flat_bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A bundle without a slow level, as earlier versions wrote it."""
    folder = tmp_path / "flat"
    shutil.copytree(tiny_bundle, folder, ignore=shutil.ignore_patterns("slow_*"))
    bundle = load_bundle(tiny_bundle)
    write_index(folder, replace(bundle, slow=None), opset=18, versions={})
    assert "slow" not in json.loads((folder / INDEX).read_text())
    return folder


def test_every_graph_is_compared_with_torch(tiny_bundle: Path) -> None:
    parity = load_bundle(tiny_bundle).metrics["parity"]
    figures = {name: value for name, value in parity.items() if name.startswith("slow ")}
    parts = {file.removeprefix("slow_").removesuffix(".onnx") for file in SLOW_GRAPHS}
    assert {name.split()[1] for name in figures} == parts
    assert max(figures.values()) <= 1e-4


def test_batches_of_any_size_agree_with_single_ones(slow: OnnxSlowLevel) -> None:
    rng = np.random.default_rng(0)
    here = slow.abstract(rng.normal(size=(7, 4, 8)).astype(np.float32))
    macros, goal = rng.uniform(-1, 1, (7, slow.macro)).astype(np.float32), here[3]
    assert here.shape == (7, 1, 6)
    singles = np.concatenate([slow.step(here[i : i + 1], macros[i : i + 1]) for i in range(7)])
    np.testing.assert_allclose(slow.step(here, macros), singles, atol=1e-5)
    assert slow.critic(here, goal).shape == (7,)
    mean, std = slow.propose(here, goal)
    assert mean.shape == std.shape == (7, 3) and np.abs(mean).max() <= 1 and std.min() > 0
    assert slow.elaborate(goal).shape == (4, 8)
    assert slow.encode_macros(np.zeros((2, 4, 7))).shape == (2, 3)


def test_wrong_shapes_and_numbers_are_refused(slow: OnnxSlowLevel) -> None:
    with pytest.raises(ObservationError, match="latents"):
        slow.abstract(np.zeros((2, 3, 8)))
    with pytest.raises(ObservationError, match="NaN"):
        slow.abstract(np.full((2, 4, 8), np.nan))
    with pytest.raises(ObservationError, match="macro-actions"):
        slow.step(np.zeros((2, 1, 6)), np.zeros((3, 3)))


def test_a_bundle_without_a_slow_level_acts_flat_and_says_what_is_missing(
    flat_bundle: Path, image: np.ndarray, state: np.ndarray
) -> None:
    agent = Agent.load(flat_bundle)
    agent.set_goal(image)
    assert agent.act(image, state).status == "act"
    with pytest.raises(BundleError, match="no slow level.*'hierarchical'.*'levels'"):
        Agent.load(flat_bundle, mode="hierarchical")
    assert OnnxWorldModel(load_bundle(flat_bundle)).bundle.slow is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stride": 0}, "sizes"),
        ({"macro": "8"}, "sizes"),
        ({"channels": 10**9}, "sizes"),
        ({"std": -1.0}, "std"),
        ({"std": None}, "std"),
        ({"settings": None}, "'settings'"),
    ],
)
def test_a_damaged_description_is_refused(change: dict, message: str) -> None:
    plain = SlowDescription(8, 64, 8, 1.0).to_plain()
    assert parse_slow(plain, SLOW_GRAPHS, "bundle.json") == SlowDescription(8, 64, 8, 1.0)
    with pytest.raises(BundleError, match=message):
        parse_slow(plain | change, SLOW_GRAPHS, "bundle.json")
    with pytest.raises(BundleError, match="slow_critic"):
        parse_slow(plain, [name for name in SLOW_GRAPHS if "critic" not in name], "bundle.json")
