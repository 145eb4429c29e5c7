"""Observation in, action chunk out, by a deadline: the only thing that simulation, evaluation and ROS call."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from robot_wm.actor.imagine import imagine
from robot_wm.actor.plan import Plan, best_plan, hold, shifted
from robot_wm.actor.policy import propose, random_chunk
from robot_wm.actor.recovery import Recovery
from robot_wm.actor.settings import PlannerSettings
from robot_wm.actor.space import ActionSpace
from robot_wm.configurator import Configuration, configure
from robot_wm.cost.term import Constraint
from robot_wm.deploy.bundle import load_bundle
from robot_wm.deploy.session import OnnxWorldModel
from robot_wm.errors import ObservationError, RobotWmError

Mode = Literal["flat", "policy", "random"]
MODES: tuple[Mode, ...] = ("flat", "policy", "random")


@dataclass(frozen=True)
class Decision:
    """What to do next, and how it was found.

    Attributes:
        actions: (H, 7) the chunk; with status "hold" it keeps the pose and the gripper's last commanded opening.
        poses: (H, 8) predicted states after each action.
        energy: Sum of `energies`; infinite when holding.
        energies: (H,) of each step; empty when holding.
        iterations: Iterations of the search.
        plan_ms: Time that deciding took.
        encode_ms: Time that encoding the image took; 0 where the latent was given.
        status: "act" or "hold".
        reason: Why it holds, or backs off; empty when it moves towards the goal.
    """

    actions: np.ndarray
    poses: np.ndarray
    energy: float
    energies: np.ndarray
    iterations: int
    plan_ms: float
    encode_ms: float
    status: Literal["act", "hold"]
    reason: str


class Agent:
    """A bundle that acts: encodes what it sees, and plans towards the goal it was given.

    Modes: "flat" searches the world model, "policy" takes the reactive policy's chunk, "random" is the baseline. In
    every mode the chunk keeps the guardrails, or the agent holds.
    """

    def __init__(
        self,
        model: OnnxWorldModel,
        *,
        mode: Mode = "flat",
        seed: int = 0,
        settings: PlannerSettings | None = None,
        guardrails: Sequence[Constraint] = (),
    ) -> None:
        if mode not in MODES:
            raise RobotWmError(f"agent mode '{mode}' is unknown; choose one of {MODES}")
        bundle = model.bundle
        self.model = model
        self.contract = bundle.contract
        self.mode = mode
        self.settings = settings or PlannerSettings.from_mapping(bundle.planner, str(bundle.path / "bundle.json"))
        self._space = ActionSpace(self.contract)
        self._recovery = Recovery(self.settings)
        self._seed, self._guardrails = seed, tuple(guardrails)
        self._goal: np.ndarray | None = None
        self._configuration: Configuration | None = None
        self.reset()

    @classmethod
    def load(
        cls,
        bundle: Path,
        *,
        mode: Mode = "flat",
        provider: str = "cpu",
        seed: int = 0,
        settings: PlannerSettings | None = None,
        guardrails: Sequence[Constraint] = (),
        threads: int = 2,
    ) -> Agent:
        """Verifies a bundle and opens it on `provider`; `guardrails` come on top of the workspace.

        Raises:
            BundleError: A file is missing or altered, or a setting is unknown.
            ProviderError: The provider is not available.
        """
        model = OnnxWorldModel(load_bundle(bundle), provider=provider, threads=threads)
        return cls(model, mode=mode, seed=seed, settings=settings, guardrails=guardrails)

    @property
    def goal(self) -> np.ndarray | None:
        """The goal's latent (N, D), or None before one was set."""
        return self._goal

    def reset(self, seed: int | None = None) -> None:
        """Forgets the last plan and restarts the random numbers, from `seed` if given; the goal stays."""
        self._rng = np.random.default_rng(self._seed if seed is None else seed)
        self._last: np.ndarray | None = None
        self._opening: float | None = None
        self._recovery.reset()

    def encode(self, image: np.ndarray) -> np.ndarray:
        """Latent (N, D) of an image uint8 (height, width, 3); ObservationError if it is not what the contract says."""
        return self.model.encode(self.contract.check_image(image)[None])[0]

    def set_goal(self, image: np.ndarray) -> None:
        """Sets the goal to what `image` shows."""
        self.set_goal_latent(self.encode(self.contract.check_image(image, "goal image")))

    def set_goal_latent(self, latent: np.ndarray) -> None:
        """Sets the goal to a latent (N, D) and forgets the last plan."""
        if latent.shape != self.model.latent_shape or not np.all(np.isfinite(latent)):
            raise ObservationError(f"goal latent: got shape {latent.shape}, expected finite {self.model.latent_shape}")
        self._goal = np.asarray(latent, dtype=np.float32)
        self._configuration = configure(self.model, self.contract, self._goal, self.settings, self._guardrails)
        self._last = None
        self._recovery.reset()

    def act(self, image: np.ndarray, state: np.ndarray, deadline_s: float | None = None) -> Decision:
        """Encodes and decides; `deadline_s` seconds are for both together."""
        began = time.monotonic()
        latent = self.encode(image)
        encode_s = time.monotonic() - began
        decision = self.decide(latent, state, None if deadline_s is None else deadline_s - encode_s)
        return replace(decision, encode_ms=1e3 * encode_s)

    def decide(self, latent: np.ndarray, state: np.ndarray, deadline_s: float | None = None) -> Decision:
        """The next chunk from a latent (N, D) and a measured state (8,), found within `deadline_s` seconds from now.

        Raises:
            ObservationError: The latent or the state has the wrong shape or is not finite.
        """
        began = time.monotonic()
        state = self.contract.check_state(state)
        if self._goal is None or self._configuration is None:
            plan = hold(state, self.model.horizon, "no goal was set")
        else:
            deadline = None if deadline_s is None else began + deadline_s
            plan = self._plan(self._goal, self._configuration, latent, state, deadline)
        plan = self._with_grip(plan)
        self._last = plan.actions if plan.status == "act" else None
        return _decision(plan, time.monotonic() - began)

    def _plan(
        self, goal: np.ndarray, active: Configuration, latent: np.ndarray, state: np.ndarray, deadline: float | None
    ) -> Plan:
        if self.mode == "random":
            chunk = random_chunk(self._space, self.model.horizon, self._rng)
            return self._single(active, latent, state, chunk)
        opening = float(state[7]) if self._opening is None else self._opening
        retreat = self._recovery.chunk(self.model.horizon, opening)
        if retreat is not None:
            plan = self._single(active, latent, state, self._space.clip(retreat))
            return replace(plan, reason=plan.reason or "backing off: no progress towards the goal")
        plan = self._towards(goal, active, latent, state, deadline)
        self._recovery.notice(plan.actions[0, :3], float(self.model.critic(latent[None], goal)[0]), self._rng)
        return plan

    def _with_grip(self, plan: Plan) -> Plan:
        """Makes a hold keep the opening that was commanded: a hand around a thing measures wider, and would let go."""
        if not self._space.frees_gripper:
            return plan
        if plan.status == "hold" and self._opening is not None:
            actions = plan.actions.copy()
            actions[:, 6] = self._opening
            plan = replace(plan, actions=actions)
        self._opening = float(plan.actions[0, 6])
        return plan

    def _towards(
        self, goal: np.ndarray, active: Configuration, latent: np.ndarray, state: np.ndarray, deadline: float | None
    ) -> Plan:
        previous = None if self._last is None else shifted(self._last)
        proposals = propose(self.model, self._space, latent, goal, state, horizon=self.model.horizon, previous=previous)
        if self.mode == "policy":
            assert proposals.mean is not None
            return self._single(active, latent, state, proposals.mean)
        costs = active.costs_beside(proposals)
        return active.planner.plan(self.model, costs, active.constraints, latent, state, proposals, deadline, self._rng)

    def _single(self, active: Configuration, latent: np.ndarray, state: np.ndarray, chunk: np.ndarray) -> Plan:
        judged = imagine(self.model, active.costs, active.constraints, self._space, latent, state, chunk[None])
        return best_plan(judged, state, self.model.horizon, iterations=0, candidates=len(judged))


def _decision(plan: Plan, seconds: float) -> Decision:
    return Decision(
        actions=plan.actions,
        poses=plan.states,
        energy=plan.energy,
        energies=plan.energies,
        iterations=plan.iterations,
        plan_ms=1e3 * seconds,
        encode_ms=0.0,
        status=plan.status,
        reason=plan.reason,
    )
