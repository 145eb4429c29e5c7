"""The agent on a real, tiny bundle: what it returns, when it holds and what it refuses."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from robot_wm import agent as agent_module
from robot_wm.actor.level_settings import LevelSettings
from robot_wm.actor.plan import Plan, shifted
from robot_wm.actor.settings import PlannerSettings
from robot_wm.agent import MODES, Agent, Mode
from robot_wm.configurator import Configuration
from robot_wm.contract import TABLETOP, TABLETOP_GRIPPER
from robot_wm.cost.keep_out import KeepOut
from robot_wm.deploy.bundle import load_bundle
from robot_wm.deploy.extend import add_to_bundle
from robot_wm.deploy.session import OnnxWorldModel
from robot_wm.errors import BundleError, ObservationError, RobotWmError
from robot_wm.pursuit import SURPRISED


@pytest.fixture
def agent(tiny_bundle: Path, image: np.ndarray) -> Agent:
    agent = Agent.load(tiny_bundle, seed=5)
    agent.set_goal(image[::-1].copy())
    return agent


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_returns_a_chunk_within_the_contract(
    tiny_bundle: Path, image: np.ndarray, state: np.ndarray, mode: Mode
) -> None:
    agent = Agent.load(tiny_bundle, mode=mode)
    agent.set_goal(image)
    decision = agent.act(image, state)
    assert decision.status == "act" and decision.reason == ""
    assert decision.actions.shape == (3, 7) and decision.poses.shape == (3, 8) and decision.energies.shape == (3,)
    assert np.all(decision.actions >= np.float32(TABLETOP.action_low))
    assert np.all(decision.actions <= np.float32(TABLETOP.action_high))
    assert decision.energy == pytest.approx(decision.energies.sum())
    assert decision.iterations == (2 if mode in ("flat", "hierarchical") else 0)
    assert decision.plan_ms > 0 and decision.encode_ms > 0
    np.testing.assert_allclose(decision.poses[0, :3], state[:3] + decision.actions[0, :3], atol=1e-6)


def test_planning_is_never_worse_than_the_policy(
    tiny_bundle: Path, agent: Agent, image: np.ndarray, state: np.ndarray
) -> None:
    policy = Agent.load(tiny_bundle, mode="policy")
    policy.set_goal(image[::-1].copy())
    latent = agent.encode(image)
    assert agent.decide(latent, state).energy <= policy.decide(latent, state).energy + 1e-4


def test_without_a_goal_it_holds_still(tiny_bundle: Path, image: np.ndarray, state: np.ndarray) -> None:
    state[7] = 0.6
    decision = Agent.load(tiny_bundle).act(image, state)
    assert decision.status == "hold" and "goal" in decision.reason and decision.energies.size == 0
    np.testing.assert_array_equal(decision.actions, np.float32([[0, 0, 0, 0, 0, 0, 0.6]] * 3))
    np.testing.assert_array_equal(decision.poses, [state] * 3)


def test_outside_the_workspace_it_holds_and_says_why(agent: Agent, image: np.ndarray, state: np.ndarray) -> None:
    state[0] = 0.9
    decision = agent.act(image, state)
    assert decision.status == "hold" and "workspace" in decision.reason


def test_holding_is_no_reason_to_back_off(tiny_bundle: Path, image: np.ndarray, state: np.ndarray) -> None:
    agent = Agent.load(tiny_bundle, seed=5, settings=PlannerSettings(patience=1, reached_steps=-1e9))
    agent.set_goal(image[::-1].copy())
    latent, outside = agent.encode(image), state.copy()
    outside[0] = 0.9
    assert all(agent.decide(latent, outside).status == "hold" for _ in range(4))
    assert agent.decide(latent, state).reason == ""


def test_a_passed_deadline_degrades_to_the_last_plan_then_to_the_policy(
    tiny_bundle: Path, agent: Agent, image: np.ndarray, state: np.ndarray
) -> None:
    policy = Agent.load(tiny_bundle, mode="policy")
    policy.set_goal(image[::-1].copy())
    latent = agent.encode(image)
    first = agent.decide(latent, state, deadline_s=0.0)
    assert (first.status, first.fallback, first.iterations) == ("act", "policy", 0)
    np.testing.assert_array_equal(first.actions, policy.decide(latent, state).actions)
    planned = agent.decide(latent, state)
    assert planned.fallback == "" and planned.iterations == 2
    again = agent.decide(latent, state, deadline_s=0.0)
    assert again.fallback == "previous" and "no time" in again.reason and again.energies.shape == (3,)
    np.testing.assert_array_equal(again.actions, shifted(planned.actions))
    agent.decide(latent, state, deadline_s=0.0)
    assert agent.decide(latent, state, deadline_s=0.0).fallback == "policy"  # the last plan is used up
    state[0] = 0.9
    assert agent.decide(latent, state, deadline_s=0.0).fallback == "hold"
    assert agent.misses == {"policy": 2, "previous": 2, "hold": 1, "late": 5}


def test_far_goals_are_pursued_by_subgoals_and_near_ones_are_not(
    tiny_bundle: Path, image: np.ndarray, state: np.ndarray
) -> None:
    far = Agent.load(tiny_bundle, mode="hierarchical", levels=LevelSettings(near_steps=0.0, reached_steps=0.0))
    near = Agent.load(tiny_bundle, mode="hierarchical", levels=LevelSettings(near_steps=1000.0))
    for agent in (far, near):
        agent.set_goal(image[::-1].copy())
    pictures = [far.act(image, state).subgoal for _ in range(5)]
    assert all(picture is not None and picture.shape == far.model.latent_shape for picture in pictures)
    assert all(picture is pictures[0] for picture in pictures[:4])  # replanned at its own, slower rate
    assert pictures[4] is not pictures[0]
    assert near.act(image, state).subgoal is None
    assert near.act(image, state, deadline_s=10.0).fallback == ""


def test_goals_in_a_sequence_follow_each_other_when_reached(
    tiny_bundle: Path, image: np.ndarray, state: np.ndarray
) -> None:
    settings = PlannerSettings(samples=16, elites=4, reached_steps=1000.0)
    agent = Agent.load(tiny_bundle, settings=settings)
    agent.set_goals([image, image[::-1].copy()])
    first = agent.goal
    situations = [agent.act(image, state).situation for _ in range(4)]
    assert situations == ["under way", "reached", "under way", "reached"]
    assert agent.goals_left == 1 and not np.array_equal(agent.goal, first)
    with pytest.raises(ObservationError, match="at least one"):
        agent.set_goals([])


def test_an_agent_that_asks_holds_until_it_is_answered(tiny_bundle: Path, image: np.ndarray, state: np.ndarray) -> None:
    settings = PlannerSettings(samples=16, elites=4, patience=1, retreat=1, reached_steps=0.0)
    agent = Agent.load(tiny_bundle, settings=settings, asks=True)
    agent.set_goal(image[::-1].copy())
    latent = agent.encode(image)
    decisions = [agent.decide(latent, state) for _ in range(20)]
    assert decisions[0].status == "act" and decisions[0].situation == "under way"
    assert decisions[-1].status == "hold" and decisions[-1].situation == "stuck"
    assert decisions[-1].reason.endswith("?")
    agent.go_on()
    assert agent.decide(latent, state).status == "act"


def test_surprise_slows_then_stops_and_asks(
    tiny_bundle: Path, tmp_path: Path, image: np.ndarray, state: np.ndarray
) -> None:
    """Pictures that jump surprise a model with a bound of almost nothing at every decision but the first."""
    shutil.copytree(tiny_bundle, tmp_path / "bundle")
    add_to_bundle(tmp_path / "bundle", {}, {"surprise_bound": 1e-9}, ("Surprise", "For a test."))
    path, never = tmp_path / "bundle", PlannerSettings(reached_steps=0.0)
    agents = [Agent.load(path, mode="policy", settings=never, asks=asks) for asks in (True, False)]
    pictures = [np.roll(image, 20 * step, axis=1) for step in range(4)]
    for agent in agents:
        agent.set_goal(image[::-1].copy())
    asking, careless = ([agent.act(picture, state) for picture in pictures] for agent in agents)
    assert [each.reason for each in careless] == [""] * 4
    assert [each.reason for each in asking[:3]] == ["", SURPRISED, SURPRISED]
    assert [each.status for each in asking] == ["act"] * 3 + ["hold"] and asking[3].situation == "unsure"
    fast, slow = careless[1], asking[1]
    np.testing.assert_allclose(slow.actions[:, :6], np.repeat(fast.actions[:, :6], 2, axis=0)[:3] / 2, atol=1e-6)
    np.testing.assert_allclose(slow.actions[:, 6], np.repeat(fast.actions[:, 6], 2)[:3])
    np.testing.assert_allclose(slow.poses[1, :3], fast.poses[0, :3], atol=1e-6)


@pytest.mark.parametrize("mode", ["flat", "hierarchical", "random"])
def test_reset_restarts_the_same_sequence(tiny_bundle: Path, image: np.ndarray, state: np.ndarray, mode: Mode) -> None:
    agent = Agent.load(tiny_bundle, mode=mode, seed=5)
    agent.set_goal(image[::-1].copy())
    latent = agent.encode(image)
    first = [agent.decide(latent, state).actions for _ in range(3)]
    agent.reset()
    again = [agent.decide(latent, state).actions for _ in range(3)]
    np.testing.assert_array_equal(first, again)
    if mode == "random":
        agent.reset(seed=6)
        assert not np.array_equal(first[0], agent.decide(latent, state).actions)


class Recorder:
    """A planner that remembers what it was given and returns standing still."""

    def __init__(self) -> None:
        self.previous: list[np.ndarray | None] = []

    def plan(self, model, costs, constraints, latent, state, proposals, deadline, rng) -> Plan:
        self.previous.append(proposals.previous)
        actions = np.arange(21, dtype=np.float32).reshape(3, 7)
        return Plan(actions, np.zeros((3, 8)), np.zeros(3), 0.0, 1, 1)


def test_the_last_plan_is_continued_until_goal_or_episode_change(
    agent: Agent, image: np.ndarray, state: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder, latent = Recorder(), agent.encode(image)
    monkeypatch.setattr(agent_module, "configure", lambda *_, **__: Configuration(recorder, (), ()))
    agent.set_goal_latent(latent)
    agent.decide(latent, state)
    np.testing.assert_array_equal(
        shifted(agent.decide(latent, state).actions), recorder_next(agent, recorder, latent, state)
    )
    agent.set_goal_latent(latent)
    assert recorder_next(agent, recorder, latent, state) is None
    agent.reset()
    assert recorder_next(agent, recorder, latent, state) is None


def recorder_next(agent: Agent, recorder: Recorder, latent: np.ndarray, state: np.ndarray) -> np.ndarray | None:
    """The previous plan that the next decision starts from."""
    agent.decide(latent, state)
    return recorder.previous[-1]


@pytest.mark.parametrize("size", [(64, 64, 3), (96, 96, 4), (96, 96)])
def test_images_of_another_size_are_refused(agent: Agent, state: np.ndarray, size: tuple[int, ...]) -> None:
    with pytest.raises(ObservationError, match="expected uint8"):
        agent.act(np.zeros(size, np.uint8), state)
    with pytest.raises(ObservationError, match="goal image"):
        agent.set_goal(np.zeros(size, np.uint8))


def test_bad_latents_and_states_are_refused(agent: Agent, image: np.ndarray, state: np.ndarray) -> None:
    latent = agent.encode(image)
    with pytest.raises(ObservationError, match="state"):
        agent.decide(latent, np.full(8, np.nan))
    with pytest.raises(ObservationError, match="latent"):
        agent.decide(latent[:2], state)
    with pytest.raises(ObservationError, match="latent"):
        agent.decide(np.full_like(latent, np.inf), state)
    with pytest.raises(ObservationError, match="goal latent"):
        agent.set_goal_latent(latent[:2])


def test_unknown_mode_and_missing_bundle(tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(RobotWmError, match="'psychic'"):
        Agent.load(tiny_bundle, mode="psychic")  # type: ignore[arg-type]
    with pytest.raises(BundleError, match="no such bundle"):
        Agent.load(tmp_path / "none")


def test_a_hold_does_not_open_a_hand_that_holds_something(
    tiny_bundle: Path, image: np.ndarray, state: np.ndarray
) -> None:
    model = OnnxWorldModel(load_bundle(tiny_bundle))
    model.bundle = dataclasses.replace(model.bundle, contract=TABLETOP_GRIPPER)
    agent = Agent(model, mode="random")
    agent.set_goal(image)
    commanded = agent.act(image, state).actions[0, 6]
    state[0], state[7] = 0.9, 0.625
    held = agent.act(image, state)
    assert held.status == "hold" and commanded != 0.625
    assert np.all(held.actions[:, 6] == commanded)


def test_further_guardrails_are_kept(tiny_bundle: Path, image: np.ndarray, state: np.ndarray) -> None:
    everywhere = KeepOut((0.0, -1.0, 0.0), (state[0] - 0.01, 1.0, 1.0))
    agent = Agent.load(tiny_bundle, guardrails=[everywhere])
    agent.set_goal(image[::-1].copy())
    for _ in range(3):
        assert np.all(agent.act(image, state).poses[:, 0] >= state[0] - 0.01)
