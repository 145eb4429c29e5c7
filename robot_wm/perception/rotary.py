"""Rotary positions in time, height and width, exactly as the published V-JEPA 2 weights were trained with.

A third of each head's channels turns with each axis, and the few that remain do not turn. The published form pairs
neighbouring channels (2k, 2k+1) but gives channel c of an axis the frequency of index c modulo half the axis' width, so
that two partners turn by different angles: no rotation in the strict sense, but the one that the weights know
(facebookresearch/vjepa2 pull request 15).
"""

from __future__ import annotations

import torch

BASE = 10_000.0


def coordinates(frames: int, rows: int, columns: int) -> torch.Tensor:
    """Time, row and column of each token of a clip in raster order, float64 (frames · rows · columns, 3)."""
    axes = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in (frames, rows, columns)), indexing="ij")
    return torch.stack([axis.flatten() for axis in axes], dim=1)


def axis_width(head_width: int) -> int:
    """Channels of a head that turn with one axis: the largest even number that fits three times."""
    return head_width // 3 // 2 * 2


def tables(places: torch.Tensor, head_width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """What `rotate` multiplies with at each place.

    Args:
        places: Time, row and column of each token, (N, 3).
        head_width: Channels of one head.

    Returns:
        Cosines and signed sines, float32 (N, head_width).
    """
    width = axis_width(head_width)
    half = torch.arange(width // 2, dtype=torch.float64, device=places.device)
    frequency = (BASE ** (-half / (width / 2))).repeat(2)
    angles = (places.double()[..., None] * frequency).flatten(-2)
    angles = torch.nn.functional.pad(angles, (0, head_width - 3 * width))
    sign = torch.tensor([-1.0, 1.0], dtype=torch.float64, device=places.device).repeat(head_width // 2)
    return angles.cos().float(), (angles.sin() * sign).float()


def rotate(heads: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
    """Turns queries or keys.

    Args:
        heads: (B, N, heads, head_width).
        cosines: (N, head_width), or (B, N, head_width) where each sample has its own places.
        sines: Signed sines of the same shape.

    Returns:
        The turned queries or keys, of the same shape.
    """
    partners = heads.unflatten(-1, (-1, 2)).flip(-1).flatten(-2)
    return heads * cosines.unsqueeze(-2).to(heads.dtype) + partners * sines.unsqueeze(-2).to(heads.dtype)
