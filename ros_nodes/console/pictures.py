"""Goal pictures in a folder, and pictures that are large enough to be looked at."""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from ros_nodes.console.gate import ConsoleError

LARGEST_BYTES = 16 << 20


class GoalFolder:
    """PNG files that can be goals; the folder is made with the first of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> tuple[str, ...]:
        """Names of the pictures, the newest first."""
        files = sorted(self.folder.glob("*.png"), key=lambda file: file.stat().st_mtime, reverse=True)
        return tuple(file.stem for file in files)

    def save(self, pixels: np.ndarray) -> str:
        """Saves uint8 (H, W, 3) under the present time; returns its name."""
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"{datetime.now():%Y-%m-%d_%H-%M-%S}"
        Image.fromarray(pixels).save(self.folder / f"{name}.png")
        return name

    def load(self, name: str) -> np.ndarray:
        """Reads one of `names`; ConsoleError when it is not there or no picture."""
        if name not in self.names():
            raise ConsoleError(f"{self.folder}: no picture '{name}' there; save the view first")
        return read_picture((self.folder / f"{name}.png").read_bytes(), name)


def read_picture(data: bytes, name: str) -> np.ndarray:
    """Pixels uint8 (H, W, 3) of a PNG or JPEG file; ConsoleError when it is none."""
    if len(data) > LARGEST_BYTES:
        raise ConsoleError(f"{name}: {len(data)} bytes are too many for a goal; at most {LARGEST_BYTES} are read")
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as picture:
            return np.asarray(picture.convert("RGB"))
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise ConsoleError(f"{name}: not a PNG or JPEG picture: {error}") from error


def enlarged(pixels: np.ndarray, width: int) -> np.ndarray:
    """Pixels uint8 (H, W, 3) as large as fits `width` in whole multiples, so that small pictures stay sharp."""
    times = max(1, width // pixels.shape[1])
    return pixels.repeat(times, 0).repeat(times, 1)
