"""Multi-block tube masks of V-JEPA: the same blocks of the picture are hidden in every frame of a clip."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class TubeMask:
    """One family of masks: `blocks` rectangles, each `area` of the picture, aspect ratio within `aspect`.

    V-JEPA 2 draws from two families, 8 blocks of 0.15 and 2 blocks of 0.7 (arXiv 2506.09985, section 2.1).
    """

    blocks: int
    area: float
    aspect: tuple[float, float] = (0.75, 1.5)

    def sample(self, batch: int, grid: tuple[int, int], generator: torch.Generator) -> torch.Tensor:
        """Draws masks, bool (batch, rows, columns), true where hidden; at least one cell stays visible in each."""
        hidden = torch.zeros(batch, *grid, dtype=torch.bool)
        for index in range(batch):
            for _ in range(self.blocks):
                before = hidden[index].clone()
                top, left, height, width = self._block(grid, generator)
                hidden[index, top : top + height, left : left + width] = True
                if hidden[index].all():
                    hidden[index] = before
        return hidden

    def _block(self, grid: tuple[int, int], generator: torch.Generator) -> tuple[int, int, int, int]:
        rows, columns = grid
        low, high = self.aspect
        aspect = low + (high - low) * float(torch.rand(1, generator=generator))
        cells = self.area * rows * columns
        height = min(rows, max(1, round((cells * aspect) ** 0.5)))
        width = min(columns, max(1, round((cells / aspect) ** 0.5)))
        top = int(torch.randint(rows - height + 1, (1,), generator=generator))
        left = int(torch.randint(columns - width + 1, (1,), generator=generator))
        return top, left, height, width


V_JEPA_MASKS = (TubeMask(8, 0.15), TubeMask(2, 0.7))


def split_indices(hidden: torch.Tensor, frames: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Turns masks into token indices of a clip of `frames` tubelets.

    Args:
        hidden: Masks, bool (B, rows, columns).
        frames: Number of tubelets in time.

    Returns:
        Indices of visible and of hidden tokens, int64 (B, V) and (B, M), cut to the smallest count of the batch, as
        the batch needs one length.
    """
    flat = hidden.flatten(1)
    cells = flat.shape[1]
    order = torch.argsort(flat.to(torch.int8), dim=1, stable=True)
    counts = flat.sum(1)
    visible = order[:, : cells - int(counts.max())]
    masked = order.flip(1)[:, : int(counts.min())]
    steps = torch.arange(frames)[None, :, None] * cells
    return (visible[:, None] + steps).flatten(1), (masked[:, None] + steps).flatten(1)
