"""The settings that a bundle was tuned with."""

from __future__ import annotations

from dataclasses import replace

from robot_wm.actor.level_settings import LevelSettings
from robot_wm.actor.settings import PlannerSettings
from robot_wm.deploy.bundle import INDEX, Bundle


def planner_settings(bundle: Bundle) -> PlannerSettings:
    """Settings of the fast level's search; BundleError for one that is unknown or of the wrong type."""
    return PlannerSettings.from_mapping(bundle.planner, str(bundle.path / INDEX))


def level_settings(bundle: Bundle, recalled: int | None = None) -> LevelSettings | None:
    """Settings of the slow level, None where the bundle has none; `recalled` takes the place of the bundle's own.

    Raises:
        BundleError: A setting is unknown, or of the wrong type or size.
    """
    if bundle.slow is None:
        return None
    settings = LevelSettings.from_mapping(bundle.slow.settings, str(bundle.path / INDEX))
    return settings if recalled is None else replace(settings, recalled=recalled)
