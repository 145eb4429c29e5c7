"""`robot-wm plan --explain`: one decision as a picture: what was imagined, what was chosen, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console

from robot_wm.actor.plan import Plan, Proposals
from robot_wm.actor.planner import Planner, WorldModel
from robot_wm.agent import Agent
from robot_wm.cost.term import Constraint, Cost, Rollout, Weighted, weighted_energies
from robot_wm.decision import Decision
from robot_wm.deploy.bundle import default_bundle
from robot_wm.errors import RobotWmError
from robot_wm.evaluation import TaskName, episode_seed
from robot_wm.explain_picture import Explanation, draw
from robot_wm.pursuit import Mode


@dataclass(frozen=True)
class PlanConfig:
    """Follows an episode up to one decision, and tells or draws how that was made.

    Attributes:
        task: Task of the episode.
        agent: "flat" or "hierarchical".
        bundle: Model bundle; the one inside the package by default.
        decision: Which decision of the episode, counted from 0.
        seed: Of the episode.
        randomize: Draws looks, light, camera pose and physics.
        explain: Draws the decision to `out`; without it only the figures are printed.
        out: PNG file.
        threads: Threads within an operator.
    """

    task: TaskName = "push"
    agent: Mode = "hierarchical"
    bundle: Path = field(default_factory=default_bundle)
    decision: int = 0
    seed: int = 0
    randomize: bool = False
    explain: bool = False
    out: Path = Path("runs/plan.png")
    threads: int = 2

    def __post_init__(self) -> None:
        if self.decision < 0 or self.threads < 1 or self.agent not in ("flat", "hierarchical"):
            raise RobotWmError(
                f"plan: decision is {self.decision}, threads {self.threads} and agent '{self.agent}'; at least 0 and 1 "
                "are needed, and an agent that searches: flat or hierarchical"
            )
        if self.out.suffix != ".png":
            raise RobotWmError(f"plan: --out is {self.out}; its name must end with .png")


class Watched(Cost):
    """All terms as one, which notes what each said of every candidate.

    Attributes:
        states: (C, H, 8) of each batch of candidates.
        shares: (C,) weighted energies of each batch, by the term's name.
    """

    def __init__(self, terms: Sequence[Cost]) -> None:
        super().__init__(1.0)
        self.terms = terms
        self.states: list[np.ndarray] = []
        self.shares: list[dict[str, np.ndarray]] = []

    def energy(self, rollout: Rollout) -> np.ndarray:
        named: dict[str, np.ndarray] = {}
        total = np.zeros(rollout.actions.shape[:2])
        for name, term in named_terms(self.terms):
            energies = weighted_energies([term], rollout)
            named[name] = named.get(name, 0.0) + energies.sum(axis=1)
            total += energies
        self.states.append(rollout.states)
        self.shares.append(named)
        return total


def named_terms(terms: Sequence[Cost], prefix: str = "") -> list[tuple[str, Cost]]:
    """Terms with their names; a plain sum of terms is taken apart, one that translates latents stays whole."""
    names: list[tuple[str, Cost]] = []
    for term in terms:
        if type(term) is Weighted:
            parts = [Weighted([part], term.weight) for part in term.terms]
            names += [(f"{prefix}{name}", part) for (name, _), part in zip(named_terms(term.terms), parts, strict=True)]
        else:
            names.append((prefix + LABELS.get(type(term).__name__, type(term).__name__), term))
    return names


LABELS = {
    "GoalDistance": "distance to the goal",
    "StepsToGo": "steps to go",
    "Abstracted": "way to the sub-goal",
    "PolicyPrior": "unlike the policy",
    "Uncertainty": "uncertainty",
}


class WatchedPlanner:
    """A planner whose last search can be looked at.

    Attributes:
        watched: What the terms said of the candidates; None before the first search.
    """

    def __init__(self, planner: Planner) -> None:
        self._planner = planner
        self.watched: Watched | None = None

    def plan(
        self,
        model: WorldModel,
        costs: Sequence[Cost],
        constraints: Sequence[Constraint],
        latent: np.ndarray,
        state: np.ndarray,
        proposals: Proposals,
        deadline: float | None,
        rng: np.random.Generator,
    ) -> Plan:
        """See `Planner.plan`."""
        self.watched = Watched(costs)
        return self._planner.plan(model, [self.watched], constraints, latent, state, proposals, deadline, rng)


def run(config: PlanConfig) -> int:
    """Follows the episode, prints the decision, and draws it where `config.explain` says."""
    explanation = explain(config)
    console, decision = Console(), explanation.decision
    console.print(
        f"{config.task}, decision {config.decision}: {decision.status}, {decision.situation}, "
        f"{decision.steps_to_go:.1f} steps to go, energy {decision.energy:.2f} {decision.reason}"
    )
    for name, share in explanation.chosen_shares.items():
        console.print(f"  {name}: {share:.2f}")
    if config.explain:
        draw(explanation, config.out)
        console.print(f"drawn to {config.out}")
    return 0


def explain(config: PlanConfig) -> Explanation:
    """Follows the episode up to the decision.

    Raises:
        RobotWmError: The episode ends before it, or the agent did not search there.
    """
    import gymnasium

    import sim

    watchers: list[WatchedPlanner] = []

    def watch(planner: Planner) -> Planner:
        watchers.append(WatchedPlanner(planner))
        return watchers[-1]

    environment = gymnasium.make(
        sim.environment_id(config.task), randomize=config.randomize, disable_env_checker=True, render_mode="rgb_array"
    )
    agent = Agent.load(config.bundle, mode=config.agent, threads=config.threads, watch=watch)
    try:
        seed = episode_seed(config.seed, 0)
        observation, _ = environment.reset(seed=seed)
        agent.reset(seed)
        agent.set_goal(observation["goal"])
        for number in range(config.decision):
            chosen = agent.act(observation["image"], observation["state"])
            observation, _, ended, cut, _ = environment.step(chosen.actions[0])
            if ended or cut:
                raise RobotWmError(
                    f"plan: the episode ended after decision {number}; lower --decision {config.decision}"
                )
        watchers[-1].watched = None
        decision = agent.act(observation["image"], observation["state"])
        return _explanation(agent, decision, observation, watchers[-1].watched)
    finally:
        environment.close()


def _explanation(
    agent: Agent, decision: Decision, observation: dict[str, np.ndarray], watched: Watched | None
) -> Explanation:
    if watched is None or not watched.states:
        raise RobotWmError(
            f"plan: there was no search here ({decision.reason or decision.status}); try another --decision"
        )
    states = np.concatenate(watched.states)
    shares = {name: np.concatenate([batch[name] for batch in watched.shares]) for name in watched.shares[0]}
    return Explanation(
        decision=decision,
        seen=observation["image"],
        goal=observation["goal"],
        subgoal=_drawn(agent, decision.subgoal),
        expected=_drawn(agent, _end(agent, decision, observation)),
        start=observation["state"],
        states=states,
        shares=shares,
    )


def _end(agent: Agent, decision: Decision, observation: dict[str, np.ndarray]) -> np.ndarray:
    """The latent (N, D) that the chosen chunk should lead to."""
    latent = agent.encode(observation["image"])
    return agent.model.rollout(latent, observation["state"], decision.actions[None])[0, -1]


def _drawn(agent: Agent, latent: np.ndarray | None) -> np.ndarray | None:
    """The decoder's picture (H, W, 3) of a latent, 0 to 1; None without a latent or a decoder."""
    from robot_wm.understanding.optional_graph import OptionalGraph

    if latent is None or "decoder.onnx" not in agent.model.bundle.files:
        return None
    decoder = OptionalGraph(agent.model.bundle, "decoder", "robot-wm imagine --learn")
    return np.clip(decoder(latent[None])[0][0], 0.0, 1.0)
