"""How a planner searches and what it weighs; a bundle carries the values tuned for its model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from robot_wm.errors import BundleError

Method = Literal["cem", "mppi", "cma", "random"]
Begin = Literal["policy", "last"]


@dataclass(frozen=True)
class PlannerSettings:
    """Search and weights of the flat planner; spreads are fractions of half an action's range.

    Attributes:
        method: Cross-entropy method, model-predictive path integral, separable CMA-ES, or random shooting.
        samples: Candidates in each iteration.
        iterations: At most so many; a deadline may end the search earlier.
        elites: Best candidates that CEM refits to.
        kept: Share of the elites that stay in the next iteration.
        wide: Share of the first iteration drawn around standing still with `start_std`.
        start_std: Spread of the wide samples, and around the last plan.
        std_floor: The spread never falls below it.
        correlation_steps: Length over which the noise of neighbouring steps is alike; 0 makes it independent.
        momentum: Share of the old mean and spread in the new one.
        temperature: Of MPPI's weights, in standard deviations of the candidates' energies.
        goal_weight: Of the latent distance to the goal, and `goal_terminal` more at the last step.
        critic_weight: Of the expected steps to go, and `critic_terminal` more at the last step.
        prior_weight: Of the distance from the reactive policy's chunk.
        uncertainty_weight: Of the disagreement about each step, as a share of its bound, where the bundle tells it.
        uncertainty_every: The last step's disagreement counts and that of every so many before it.
        begin: Where the search begins: at the reactive policy's chunk, or at the last plan alone.
        preference_weight: Of the energy that `robot-wm prefer` learned; 0 leaves it out.
        critic_every: The critic sees the last step and every so many before it.
        patience: Decisions without progress after which the arm backs off and tries anew.
        retreat: Decisions that it backs off for; 0 for never.
        reached_steps: A goal that the critic sees this near is reached, and no reason to back off.
    """

    method: Method = "cem"
    samples: int = 128
    iterations: int = 2
    elites: int = 12
    kept: float = 0.5
    wide: float = 0.1
    start_std: float = 0.6
    std_floor: float = 0.05
    correlation_steps: float = 1.0
    momentum: float = 0.0
    temperature: float = 0.2
    goal_weight: float = 0.3
    goal_terminal: float = 0.0
    critic_weight: float = 1.0
    critic_terminal: float = 0.0
    prior_weight: float = 6.0
    uncertainty_weight: float = 0.5
    uncertainty_every: int = 4
    begin: Begin = "policy"
    preference_weight: float = 0.0
    critic_every: int = 1
    patience: int = 8
    retreat: int = 3
    reached_steps: float = 0.5

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise BundleError(f"planner settings: method is {self.method!r}, expected one of {get_args(Method)}")
        if self.begin not in get_args(Begin):
            raise BundleError(f"planner settings: begin is {self.begin!r}, expected one of {get_args(Begin)}")
        if self.patience < 1 or self.retreat < 0:
            raise BundleError(
                f"planner settings: patience is {self.patience} and retreat {self.retreat}; at least 1 and 0 are needed"
            )
        counts = (self.samples, self.iterations, self.elites, self.critic_every, self.uncertainty_every)
        if min(counts) < 1 or self.elites > self.samples:
            raise BundleError(
                f"planner settings: samples, iterations, elites, critic_every and uncertainty_every are "
                f"{counts}; they must be at least 1, and elites at most samples"
            )
        if not (self.std_floor > 0 and self.start_std > 0 and self.temperature > 0):
            raise BundleError("planner settings: std_floor, start_std and temperature must be positive")
        if not (0 <= self.momentum < 1 and 0 <= self.wide <= 1 and 0 <= self.kept <= 1):
            raise BundleError("planner settings: momentum, wide and kept must lie between 0 and 1")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], source: str) -> PlannerSettings:
        """Settings from a bundle's "planner"; a key that is unknown or of the wrong type raises BundleError."""
        defaults = {field.name: field.default for field in fields(cls)}
        for key, value in values.items():
            if key not in defaults:
                raise BundleError(f"{source}: unknown planner setting '{key}'; known are {sorted(defaults)}")
            kind = type(defaults[key])
            accepted: tuple[type, ...] = (int, float) if kind is float else (kind,)
            if not isinstance(value, accepted) or isinstance(value, bool):
                raise BundleError(f"{source}: planner setting '{key}' is {value!r}, expected a {kind.__name__}")
        return cls(**values)
