"""VICReg and SIGReg: what they compute, and that they notice a collapse."""

import numpy as np
import torch

from robot_wm.training.regularisers import DIRECTIONS, sigreg, spread


def value(latents: torch.Tensor) -> float:
    return sigreg(latents, torch.Generator().manual_seed(0)).item()


def test_sigreg_is_small_for_a_standard_normal_and_grows_with_every_departure() -> None:
    normal = torch.randn(256, 2, 16, generator=torch.Generator().manual_seed(1))
    flat = normal.clone()
    flat[..., 8:] = 0
    base = value(normal)
    assert base < 1.5
    for other in (flat, 0.3 * normal, 3 * normal, normal + 1, torch.zeros_like(normal), normal.sign()[:, :, :1] * 2):
        assert value(other) > 3 * base


def test_sigreg_is_the_epps_pulley_statistic_of_each_projection() -> None:
    latents = torch.randn(10, 1, 4, generator=torch.Generator().manual_seed(1)) * 1.5
    directions = torch.randn(4, DIRECTIONS, generator=torch.Generator().manual_seed(0)).numpy()
    projected = latents[:, 0].numpy() @ (directions / np.linalg.norm(directions, axis=0))
    knots = np.linspace(0, 3, 17)
    gap = np.abs(np.exp(1j * projected[..., None] * knots).mean(0) - np.exp(-(knots**2) / 2)) ** 2
    both_sides = 2 * np.trapezoid(gap * np.exp(-(knots**2) / 2), knots)
    np.testing.assert_allclose(value(latents), 10 * both_sides.mean(), rtol=1e-4)


def test_sigreg_spreads_latents_that_had_collapsed() -> None:
    latents = (0.01 * torch.randn(64, 1, 8, generator=torch.Generator().manual_seed(1))).requires_grad_()
    optimizer = torch.optim.Adam([latents], 0.05)
    for step in range(150):
        optimizer.zero_grad()
        sigreg(latents, torch.Generator().manual_seed(step)).backward()
        optimizer.step()
    covariance = torch.cov(latents.detach()[:, 0].T)
    torch.testing.assert_close(covariance, torch.eye(8), atol=0.35, rtol=0)


def test_spread_is_vicreg_of_each_token() -> None:
    latents = torch.randn(32, 3, 4, generator=torch.Generator().manual_seed(1)) * 0.5
    variance, covariance = spread(latents)
    flat = latents.flatten(1)
    matrix = torch.cov(flat.T)
    torch.testing.assert_close(variance, (1 - (flat.var(0) + 1e-4).sqrt()).relu().mean())
    torch.testing.assert_close(covariance, (matrix - matrix.diag().diag()).square().sum() / 12)
