"""Export is exact, reproducible, free of machine paths, and fails without touching what was there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from robot_wm.contract import TABLETOP
from robot_wm.deploy.bundle import load_bundle
from robot_wm.deploy.index import Description
from robot_wm.deploy.session import OnnxWorldModel
from robot_wm.errors import BundleError

torch = pytest.importorskip("torch")

from robot_wm.deploy.export import export_bundle  # noqa: E402
from robot_wm.deploy.parity import check_parity, random_probe  # noqa: E402

DESCRIPTION = Description("toy", TABLETOP, 2, 3, latent_std=1.0, chunk=2, horizon=2)


class Encoder(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        halves = image.to(torch.float32).unflatten(1, (2, 48)).mean(dim=(2, 3))
        return self.layer(halves / 255)


class Predictor(torch.nn.Module):
    def forward(self, latent: torch.Tensor, state: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        moved = torch.cumsum(actions[:, :, :3], dim=1) + state[:, :3]
        return latent[:, None] + moved[:, :, None]


class Critic(torch.nn.Module):
    def forward(self, latents: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
        return (latents - goal).abs().mean(dim=(1, 2))


class BiasedCritic(Critic):
    """Computes something else while it is exported, as a module with a tracing bug does."""

    def forward(self, latents: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
        return super().forward(latents, goal) + (0.01 if torch.compiler.is_exporting() else 0.0)


class Policy(torch.nn.Module):
    def forward(
        self, latent: torch.Tensor, goal: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        direction = (goal - latent).sum(dim=1).repeat(1, 3)[:, None, :7] + 0.0 * state[:, None, :7]
        return direction.repeat(1, 2, 1), direction.abs().repeat(1, 2, 1) + 0.1


class Toy:
    def __init__(self, critic: torch.nn.Module) -> None:
        torch.manual_seed(0)
        self.encoder, self.predictor, self.critic, self.policy = Encoder(), Predictor(), critic, Policy()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("toy") / "bundle"
    export_bundle(Toy(Critic()), out, DESCRIPTION, documents={"metrics.json": {}})
    return out


def test_the_gate_compares_with_torch(exported: Path) -> None:
    model = OnnxWorldModel(load_bundle(exported))
    probe = random_probe(model, np.random.default_rng(3))
    figures = check_parity(Toy(Critic()), model, probe)
    assert max(figures.values()) <= 1e-4
    other = Toy(Critic())
    with torch.no_grad():
        other.encoder.layer.bias += 0.001
    with pytest.raises(BundleError, match=r"'encoder': (0\.001|0\.0009)"):
        check_parity(other, model, probe)


def test_a_failed_gate_leaves_the_old_bundle(exported: Path) -> None:
    before = load_bundle(exported).sha256
    with pytest.raises(BundleError, match="'critic': 0.0"):
        export_bundle(Toy(BiasedCritic()), exported, DESCRIPTION, documents={})
    assert load_bundle(exported).sha256 == before
    assert [entry.name for entry in exported.parent.iterdir()] == [exported.name]


def test_the_same_model_gives_the_same_bytes_without_paths(exported: Path) -> None:
    before = load_bundle(exported)
    again = export_bundle(Toy(Critic()), exported, DESCRIPTION, documents={"metrics.json": {}})
    assert again.sha256 == before.sha256
    for name in again.files:
        assert b".py" not in again.read(name)


def test_a_directory_that_is_no_bundle_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(BundleError, match="not a bundle"):
        export_bundle(Toy(Critic()), tmp_path, DESCRIPTION, documents={})
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
