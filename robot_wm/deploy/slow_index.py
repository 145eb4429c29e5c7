"""What a bundle says of its slow level, if it has one."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from robot_wm.errors import BundleError

SLOW_PARTS = ("abstraction", "elaboration", "macro", "predictor", "critic", "proposal", "policy")
SLOW_GRAPHS = tuple(f"slow_{part}.onnx" for part in SLOW_PARTS)
_SIZES = ("stride", "channels", "macro")


@dataclass(frozen=True)
class SlowDescription:
    """Sizes and settings of a slow level.

    Attributes:
        stride: Steps of the fast level in one step of it.
        channels: Numbers Y of its latent.
        macro: Numbers M of a macro-action.
        latent_std: Standard deviation of its latents over the training frames.
        settings: Tuned settings, fields of `LevelSettings`.
    """

    stride: int
    channels: int
    macro: int
    latent_std: float
    settings: Mapping[str, Any] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready values, which `parse_slow` reads."""
        sizes = {name: getattr(self, name) for name in _SIZES}
        return sizes | {"std": self.latent_std, "settings": dict(self.settings)}


def parse_slow(plain: Any, listed: Collection[str], source: str) -> SlowDescription | None:
    """The entry "slow" of an index; None when there is none.

    Args:
        listed: Names of the bundle's files.
        source: The index file, for errors.

    Raises:
        BundleError: A field is missing or out of range, or a graph of the slow level is not listed.
    """
    if plain is None:
        return None
    if not isinstance(plain, dict) or not isinstance(plain.get("settings"), dict):
        raise BundleError(f"{source}: 'slow' is {plain!r}, expected an object with 'settings'; export the bundle again")
    sizes = {name: plain.get(name) for name in _SIZES}
    if not all(isinstance(size, int) and not isinstance(size, bool) and 0 < size <= 4096 for size in sizes.values()):
        raise BundleError(f"{source}: sizes of the slow level are {sizes}, expected integers from 1 to 4096")
    std = plain.get("std")
    if not isinstance(std, (int, float)) or not math.isfinite(std) or std <= 0:
        raise BundleError(f"{source}: std of the slow level is {std!r}, expected a positive number")
    missing = [name for name in SLOW_GRAPHS if name not in listed]
    if missing:
        raise BundleError(f"{source}: the slow level needs {missing}, which are not listed; export the bundle again")
    return SlowDescription(plain["stride"], plain["channels"], plain["macro"], float(std), plain["settings"])
