"""Pictures that show nothing: black or covered lenses, and cameras that repeat themselves."""

from __future__ import annotations

import numpy as np

from robot_wm.errors import ObservationError

_LEAST_CONTRAST = 2.0
"""Standard deviation of the pixel values, of 255, below which a picture shows nothing."""


def require_view(image: np.ndarray, source: str) -> np.ndarray:
    """Returns `image` uint8 (H, W, 3), or raises ObservationError when it is black or of one colour."""
    contrast = float(image.std(axis=(0, 1)).max())
    if contrast < _LEAST_CONTRAST:
        colour = image.reshape(-1, image.shape[-1]).mean(axis=0).round().astype(int).tolist()
        raise ObservationError(
            f"{source}: the picture is of one colour, {colour}; is the lens covered, the light off, the driver broken?"
        )
    return image


class FrozenView:
    """Notices a camera that sends the same picture while the tool moves.

    Args:
        moved_m: Way of the tool that no picture can fail to show.
    """

    def __init__(self, moved_m: float = 0.02) -> None:
        self._moved_m = moved_m
        self._view, self._place = np.empty(0), np.empty(0)

    def look(self, view: np.ndarray, place: np.ndarray) -> str:
        """Why the view is not to be trusted, or "".

        Args:
            view: What the camera shows, any shape; pixels or a latent.
            place: Position (3,) of the tool at that time, metres.
        """
        if view.shape != self._view.shape or not np.array_equal(view, self._view):
            self._view, self._place = view.copy(), place.copy()
            return ""
        way_m = float(np.linalg.norm(place - self._place))
        return (
            f"the camera is frozen: the tool moved {way_m:.3f} m in an unchanged picture"
            if way_m > self._moved_m
            else ""
        )
