"""What keeps latents from collapsing: VICReg's variance and covariance, or SIGReg; always over the global batch."""

from __future__ import annotations

import torch
from torch.nn import functional

from robot_wm.training.parallel import ALONE, Group

DIRECTIONS, KNOTS, REACH = 1024, 17, 3.0


def spread(latents: torch.Tensor, group: Group = ALONE) -> tuple[torch.Tensor, torch.Tensor]:
    """Shares of VICReg's variance and covariance terms (arXiv 2105.04906, equations 1 and 3).

    Args:
        latents: (M, N, D), this process's share of the batch; the statistics are per token and over all processes.
    """
    with torch.autocast(latents.device.type, enabled=False):
        latents = latents.float()
        count = group.total(latents.new_tensor(float(len(latents))))
        centred = latents - group.total(latents.sum(0)) / count
        std = (group.total(centred.square().sum(0)) / (count - 1) + 1e-4).sqrt()
        flat = centred.flatten(1)
        covariance = group.total(flat.T @ flat) / (count - 1)
        off_diagonal = covariance - torch.diag(covariance.diagonal())
        variance_term, covariance_term = functional.relu(1.0 - std).mean(), off_diagonal.square().sum() / flat.shape[1]
    return variance_term / group.size, covariance_term / group.size


def sigreg(latents: torch.Tensor, generator: torch.Generator, group: Group = ALONE) -> torch.Tensor:
    """Share of SIGReg: how far random projections of latents are from a standard normal (LeJEPA, arXiv 2511.08544).

    The Epps–Pulley statistic compares characteristic functions at `KNOTS` points of [0, `REACH`], for each of
    `DIRECTIONS` unit vectors. It is taken at each place over the samples of the global batch, and averaged over places.

    Args:
        latents: (B, P, D), this process's share of the batch; P places, each a distribution of its own.
        generator: A CPU generator in the same state in every process.
    """
    with torch.autocast(latents.device.type, enabled=False):
        latents = latents.float()
        count = group.total(latents.new_tensor(float(len(latents))))
        directions = torch.randn(latents.shape[-1], DIRECTIONS, generator=generator)
        directions = (directions / directions.norm(dim=0)).to(latents.device)
        knots = torch.linspace(0.0, REACH, KNOTS, device=latents.device)
        normal = torch.exp(-knots.square() / 2)
        weights = torch.full_like(knots, 2 * REACH / (KNOTS - 1))
        weights[[0, -1]] /= 2
        phases = (latents @ directions)[..., None] * knots
        real, imaginary = (group.total(wave.sum(0)) / count for wave in (phases.cos(), phases.sin()))
        gap = (real - normal).square() + imaginary.square()
        return count * (gap @ (weights * normal)).mean() / group.size
