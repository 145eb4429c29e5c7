"""How the slow level is searched and when; a bundle carries the values tuned for its model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from robot_wm.actor.settings import PlannerSettings
from robot_wm.errors import BundleError


def _search() -> PlannerSettings:
    return PlannerSettings(
        samples=96, iterations=2, correlation_steps=0.0, goal_weight=1.0, critic_weight=1.0, prior_weight=1.0
    )


@dataclass(frozen=True)
class LevelSettings:
    """When the slow level plans, how far, and how the fast level pursues its sub-goals.

    Attributes:
        horizon: Macro-actions K of a plan.
        every: Decisions after which the slow level plans anew, at the latest.
        near_steps: A goal that the critic sees this near is pursued without a sub-goal.
        reached_steps: A sub-goal that the slow critic sees this near is reached.
        share: Of the time to the deadline that the slow level may use.
        imagined_policies: Samples of the level's own policy among the first candidates.
        recalled: Ways of the memory, where there is one, among the first candidates.
        subgoal_weight: Of the distance to the sub-goal in the fast level's energy; steps to it always count.
        subgoal_every: The fast level's energy looks at the last step and every so many before it.
        goal_share: Weight of the goal's own terms beside the sub-goal's.
        search: Samples, iterations and weights of the slow level's search.
    """

    horizon: int = 5
    every: int = 4
    near_steps: float = 10.0
    reached_steps: float = 1.5
    share: float = 0.4
    imagined_policies: int = 16
    recalled: int = 0
    subgoal_weight: float = 1.0
    subgoal_every: int = 2
    goal_share: float = 0.0
    search: PlannerSettings = field(default_factory=_search)

    def __post_init__(self) -> None:
        counts = (self.horizon, self.every, self.subgoal_every)
        if min(counts) < 1 or min(self.imagined_policies, self.recalled) < 0:
            raise BundleError(
                f"level settings: horizon, every and subgoal_every are {counts}, imagined_policies "
                f"{self.imagined_policies} and recalled {self.recalled}; at least 1, 0 and 0 are needed"
            )
        if not 0 < self.share < 1 or self.goal_share < 0:
            raise BundleError(
                f"level settings: share is {self.share} and goal_share {self.goal_share}; "
                "a share of the time lies between 0 and 1, and a weight is not negative"
            )

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], source: str) -> LevelSettings:
        """Settings from a bundle; a key that is unknown or of the wrong type raises BundleError."""
        known = {field.name: type(getattr(cls(), field.name)) for field in fields(cls)}
        plain = dict(values)
        if isinstance(plain.get("search"), Mapping):
            plain["search"] = PlannerSettings.from_mapping(plain["search"], f"{source}: search")
        for key, value in plain.items():
            if key not in known:
                raise BundleError(f"{source}: unknown level setting '{key}'; known are {sorted(known)}")
            accepted = (int, float) if known[key] is float else known[key]
            if not isinstance(value, accepted) or isinstance(value, bool):
                raise BundleError(f"{source}: level setting '{key}' is {value!r}, expected a {known[key].__name__}")
        return cls(**plain)
