"""Observation in, action chunk out, by a deadline: the only thing that simulation, evaluation and ROS call."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from robot_wm.actor.level_settings import LevelSettings
from robot_wm.actor.plan import Plan, hold
from robot_wm.actor.planner import Planner
from robot_wm.actor.settings import PlannerSettings
from robot_wm.actor.space import ActionSpace
from robot_wm.configurator import configure
from robot_wm.cost.joints import JointGuardrail
from robot_wm.cost.term import Constraint
from robot_wm.cost.uncertainty import Doubt
from robot_wm.decision import Decision
from robot_wm.deploy.bundle import Bundle, load_bundle
from robot_wm.deploy.ensemble_session import OnnxEnsemble, has_ensemble
from robot_wm.deploy.preference_session import OnnxPreference
from robot_wm.deploy.session import OnnxWorldModel
from robot_wm.deploy.slow_session import OnnxSlowLevel
from robot_wm.errors import ObservationError, RobotWmError
from robot_wm.pursuit import Mode, Move, Pursuit
from robot_wm.situation import QUESTIONS
from robot_wm.tuned import level_settings, planner_settings

if TYPE_CHECKING:
    from robot_wm.memory.diary import Diary

MODES: tuple[Mode, ...] = ("flat", "hierarchical", "policy", "random")


class Agent:
    """A bundle that acts: encodes what it sees, and plans towards the goal it was given.

    Modes: "flat" searches the world model, "hierarchical" searches the slow level for sub-goals and the fast one for
    the way to them, "policy" takes the reactive policy's chunk, "random" is the baseline. In every mode the chunk keeps
    the guardrails, or the agent holds.

    Args:
        guardrails: Constraints beside the workspace; those of the joints need `observe_joints` before each decision.
        asks: Moves at half the speed when it is surprised, and holds when it is stuck or unsure, until `go_on` or a new
            goal.
        doubt: What tells how unsure the model is; None where nothing does.
        slow: The slow level, which mode "hierarchical" needs.
        levels: Settings of the slow level; None takes the bundle's.
        memory: Where the agent's own steps are kept until `remember`, and ways are recalled from.
        watch: Takes the planner of each goal and gives one that does the same, for who wants to look on.

    Attributes:
        misses: How often a decision came after its deadline ("late"), another stood in for its plan ("previous",
            "policy", "hold"), or there was no time for a slow plan ("slow").
    """

    def __init__(
        self,
        model: OnnxWorldModel,
        *,
        mode: Mode = "flat",
        seed: int = 0,
        settings: PlannerSettings | None = None,
        guardrails: Sequence[Constraint] = (),
        asks: bool = False,
        doubt: Doubt | None = None,
        slow: OnnxSlowLevel | None = None,
        levels: LevelSettings | None = None,
        memory: Diary | None = None,
        watch: Callable[[Planner], Planner] | None = None,
    ) -> None:
        if mode not in MODES:
            raise RobotWmError(f"agent mode '{mode}' is unknown; choose one of {MODES}")
        if mode == "hierarchical" and slow is None:
            raise RobotWmError("agent mode 'hierarchical' needs the slow level of a bundle; use Agent.load")
        bundle = model.bundle
        self.model = model
        self.contract = bundle.contract
        self.mode = mode
        self.settings = settings or planner_settings(bundle)
        self.misses: Counter[str] = Counter()
        self.memory, self._watch = memory, watch
        self._slow, self._levels, self._doubt = slow, levels or level_settings(bundle), doubt
        self._space = ActionSpace(self.contract)
        self._seed, self._asks, self._guardrails = seed, asks, tuple(guardrails)
        self._preference = OnnxPreference(bundle) if self.settings.preference_weight else None
        self._goals: list[np.ndarray] = []
        self._pursuit: Pursuit | None = None
        self.reset()

    @classmethod
    def load(
        cls,
        bundle: Path | Bundle,
        *,
        mode: Mode = "flat",
        provider: str = "cpu",
        seed: int = 0,
        settings: PlannerSettings | None = None,
        guardrails: Sequence[Constraint] = (),
        threads: int = 2,
        asks: bool = False,
        levels: LevelSettings | None = None,
        memory: Path | None = None,
        watch: Callable[[Planner], Planner] | None = None,
    ) -> Agent:
        """Opens a bundle on `provider`, and verifies it first where a directory is given.

        Args:
            guardrails: They come on top of the workspace.
            memory: Folder of the agent's memory, which is made when it is missing.

        Raises:
            EpisodicMemoryError: The memory is in use or cannot be written.
            BundleError: A file is missing or altered, a setting is unknown, or the slow level that the mode needs is
                not there.
            ProviderError: The provider is not available.
        """
        opened = bundle if isinstance(bundle, Bundle) else load_bundle(bundle)
        model = OnnxWorldModel(opened, provider=provider, threads=threads)
        slow = OnnxSlowLevel(opened, provider=provider, threads=threads) if mode == "hierarchical" else None
        doubt = OnnxEnsemble(opened, provider=provider, threads=threads) if has_ensemble(opened) else None
        return cls(
            model,
            mode=mode,
            seed=seed,
            settings=settings,
            guardrails=guardrails,
            asks=asks,
            doubt=doubt,
            slow=slow,
            levels=levels,
            memory=None if memory is None else _open_memory(memory, opened),
            watch=watch,
        )

    @property
    def goal(self) -> np.ndarray | None:
        """The goal's latent (N, D), or None before one was set."""
        return self._goals[0] if self._goals else None

    @property
    def goals_left(self) -> int:
        """Goals of the sequence that are not reached yet, or the last one."""
        return len(self._goals)

    def reset(self, seed: int | None = None) -> None:
        """Forgets the last plan and restarts the random numbers, from `seed` if given; the goal stays."""
        self._rng = np.random.default_rng(self._seed if seed is None else seed)
        self._opening: float | None = None
        if self.memory is not None:
            self.memory.discard()
        self.go_on()

    def go_on(self) -> None:
        """Begins anew towards the same goal; also the operator's answer to a question."""
        if self._pursuit is not None:
            self._pursuit.reset()

    def encode(self, image: np.ndarray) -> np.ndarray:
        """Latent (N, D) of an image uint8 (height, width, 3); ObservationError if it is not what the contract says."""
        return self.model.encode(self.contract.check_image(image)[None])[0]

    def set_goal(self, image: np.ndarray) -> None:
        """Sets the goal to what `image` shows."""
        self.set_goals([image])

    def set_goals(self, images: Sequence[np.ndarray]) -> None:
        """Sets a sequence of goals: when what one image shows is reached, the next becomes the goal."""
        self._pursue([self.encode(self.contract.check_image(image, "goal image")) for image in images])

    def set_goal_latent(self, latent: np.ndarray) -> None:
        """Sets the goal to a latent (N, D) and forgets the last plan."""
        if latent.shape != self.model.latent_shape or not np.all(np.isfinite(latent)):
            raise ObservationError(f"goal latent: got shape {latent.shape}, expected finite {self.model.latent_shape}")
        self._pursue([np.asarray(latent, dtype=np.float32)])

    def _pursue(self, goals: list[np.ndarray]) -> None:
        if not goals:
            raise ObservationError("goals: got none, expected at least one")
        self._goals = goals
        active = configure(
            self.model,
            self.contract,
            goals[0],
            self.settings,
            self._guardrails,
            doubt=self._doubt,
            slow=self._slow,
            levels=self._levels,
            memory=self.memory,
            preference=self._preference,
        )
        if self._watch is not None:
            active = replace(active, planner=self._watch(active.planner))
        bound, settings = self.model.bundle.metrics.get("surprise_bound"), self.settings
        self._pursuit = Pursuit(
            self.model, self._space, goals[0], active, self.mode, settings, bound, self._doubt, self.misses
        )
        self._pursuit.slows = self._asks

    def observe_joints(self, joints: np.ndarray) -> None:
        """Takes the measured joint positions (n,), radians, for the guardrails that look at joints.

        Raises:
            ObservationError: A position is not finite.
        """
        for guardrail in self._guardrails:
            if isinstance(guardrail, JointGuardrail):
                guardrail.observe(joints)

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
        deadline = None if deadline_s is None else began + deadline_s
        state = self.contract.check_state(state)
        if self._pursuit is None:
            move = Move(hold(state, self.model.horizon, "no goal was set"), "under way", float("inf"), None, None, None)
        else:
            opening = float(state[7]) if self._opening is None else self._opening
            move = self._pursuit.move(latent, state, opening, deadline, self._rng)
        move = self._judged(move, state)
        move = replace(move, plan=self._with_grip(move.plan))
        novelty = None
        if self.memory is not None:
            novelty = self.memory.novelty(latent)
            self.memory.note(latent, move.plan.actions[0])
        now = time.monotonic()
        self.misses["late"] += deadline is not None and now > deadline
        return _decision(move, now - began, novelty)

    def remember(self, task: str, success: bool) -> None:
        """Keeps what happened since the last `reset` or `remember` in the memory, if there is one.

        Raises:
            EpisodicMemoryError: The disk is full.
        """
        if self.memory is not None:
            self.memory.finish(task, success)

    def _judged(self, move: Move, state: np.ndarray) -> Move:
        """Goes on to the next goal where one is reached, and holds with a question where the agent asks."""
        if move.situation == "reached" and len(self._goals) > 1:
            self._pursue(self._goals[1:])
        question = QUESTIONS.get(move.situation)
        if not self._asks or question is None:
            return move
        return replace(move, plan=hold(state, self.model.horizon, question), subgoal=None)

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


def _open_memory(folder: Path, bundle: Bundle) -> Diary:
    from robot_wm.memory.diary import Diary  # here, because a robot without a memory needs no safetensors

    return Diary(folder, bundle)


def _decision(move: Move, seconds: float, novelty: float | None) -> Decision:
    plan = move.plan
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
        fallback=plan.fallback,
        situation=move.situation,
        steps_to_go=move.steps_to_go,
        surprise=move.surprise,
        uncertainty=move.uncertainty,
        novelty=novelty,
        subgoal=move.subgoal,
    )
