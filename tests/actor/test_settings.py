"""Planner settings from a bundle."""

from __future__ import annotations

import pytest

from robot_wm.actor.settings import PlannerSettings
from robot_wm.errors import BundleError


def test_known_keys_are_taken_and_the_rest_are_defaults() -> None:
    settings = PlannerSettings.from_mapping({"samples": 64, "goal_weight": 2}, "bundle.json")
    assert (settings.samples, settings.goal_weight, settings.method) == (64, 2, "cem")


@pytest.mark.parametrize(
    "values",
    [
        {"sample": 64},
        {"samples": "64"},
        {"samples": 0},
        {"samples": 4, "elites": 5},
        {"std_floor": 0.0},
        {"momentum": 1.0},
        {"method": "magic"},
        {"samples": True},
    ],
)
def test_bad_settings_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(BundleError, match=str(next(iter(values)))):
        PlannerSettings.from_mapping(values, "bundle.json")
