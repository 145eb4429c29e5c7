"""Disagreement as a cost: which steps it looks at, and that the search avoids what is not known."""

from __future__ import annotations

import numpy as np
import pytest

from robot_wm.cost.term import Rollout
from robot_wm.cost.uncertainty import Uncertainty


class Far:
    """Knows the world up to 1 along the latent's first number; counts what it is asked."""

    bound = 0.5

    def __init__(self) -> None:
        self.asked = 0

    def disagreement(self, latents: np.ndarray, states: np.ndarray, actions: np.ndarray) -> np.ndarray:
        assert latents.shape[1:] == (1, 2) and states.shape[1:] == (8,) and actions.shape[1:] == (7,)
        self.asked += len(latents)
        return np.maximum(latents[:, 0, 0] + actions[:, 0] - 1.0, 0.0)


def ways(count: int = 3, horizon: int = 5) -> Rollout:
    """Candidate c goes c units a step."""
    actions = np.zeros((count, horizon, 7))
    actions[..., 0] = np.arange(count)[:, None]
    latents = np.zeros((count, horizon, 1, 2))
    latents[..., 0, 0] = np.cumsum(actions[..., 0], axis=1)
    return Rollout(actions, np.zeros((count, horizon, 8)), latents)


@pytest.mark.parametrize(("every", "steps"), [(1, [1, 1, 2, 3, 4]), (2, [2, 2, 2, 4, 4]), (9, [4] * 5)])
def test_it_judges_each_step_by_where_that_step_starts(every: int, steps: list[int]) -> None:
    doubt, futures = Far(), ways()
    energy = Uncertainty(doubt, every=every).energy(futures)
    ends = futures.latents[:, steps, 0, 0]
    np.testing.assert_allclose(energy, np.maximum(ends - 1.0, 0.0) / 0.5)
    assert doubt.asked == 3 * len(set(steps))


def test_a_single_step_is_left_to_the_caller() -> None:
    doubt = Far()
    np.testing.assert_array_equal(Uncertainty(doubt).energy(ways(horizon=1)), np.zeros((3, 1)))
    assert doubt.asked == 0
