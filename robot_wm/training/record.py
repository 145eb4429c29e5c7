"""What a run was made of: data, hardware and time, kept in the checkpoint for the model card."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from robot_wm.training.windows import Frames


class RunRecord:
    """Counts the seconds of a run over all its interruptions.

    Args:
        parts: The datasets.
        device: Where it computes.
        before: What a checkpoint kept of the run so far, `plain` of its record.
    """

    def __init__(self, parts: Sequence[Frames], device: torch.device, before: Mapping[str, Any] | None) -> None:
        self._began = time.monotonic() - float((before or {}).get("seconds", 0.0))
        self._fixed = {
            "episodes": [len(part.starts) for part in parts],
            "frames": [int(part.lengths.sum()) for part in parts],
            "hardware": hardware(device),
        }

    def plain(self) -> dict[str, Any]:
        """Episodes and frames of each dataset, hardware in words, and seconds so far."""
        return self._fixed | {"seconds": round(time.monotonic() - self._began, 1)}


def hardware(device: torch.device) -> str:
    """The processor that computes, in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    model = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        named = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = named[0] if named else model
    return f"{os.cpu_count()} CPU cores ({model})"
