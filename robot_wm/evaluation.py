"""Success rates: the agent against the simulated tasks, episode by episode."""

from __future__ import annotations

import importlib
import json
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from robot_wm.actor.level_settings import LevelSettings
from robot_wm.actor.settings import PlannerSettings
from robot_wm.agent import Agent, Mode
from robot_wm.contract import ACTION_NAMES, Contract
from robot_wm.cost.term import Constraint
from robot_wm.deploy.bundle import Bundle, default_bundle, load_bundle
from robot_wm.deploy.session import Provider, check_provider
from robot_wm.errors import RobotWmError
from robot_wm.situation import QUESTIONS
from robot_wm.statistics import percentiles, wilson_interval
from robot_wm.tuned import level_settings, planner_settings

AGENTS = ("flat", "hierarchical", "policy", "random")
Ablation = Literal["critic", "proposals", "uncertainty", "recovery"]
ABLATIONS: dict[Ablation, dict[str, Any]] = {
    "critic": {"critic_weight": 0.0, "critic_terminal": 0.0, "goal_weight": 1.0},
    "proposals": {"begin": "last", "prior_weight": 0.0},
    "uncertainty": {"uncertainty_weight": 0.0},
    "recovery": {"retreat": 0},
}
"""Settings of the fast level that take a part away; without the critic the distance to the goal counts in full."""

TaskName = Literal["reach", "push", "grasp", "pick_place", "drawer", "two_block", "far_push"]
Teacher = Literal["script", "flat", "hierarchical"]
"""Who corrects a policy in collected episodes: scripted play, or a planner."""


@dataclass(frozen=True)
class EvalConfig:
    """Measures how often an agent succeeds at a simulated task.

    Attributes:
        task: Name of the task.
        agent: "flat" plans in the world model, "hierarchical" on two levels of it, "policy" is the reactive policy
            alone, "random" the baseline, "scripted" knows where things are and shows what is possible; "all" is each
            of the first four.
        episodes: Number of episodes; episode i depends on (seed, i) alone.
        bundle: Model bundle: a directory, or the name of one that ships; the one inside the package by default.
        goal_steps: Difficulty: distance of the goal in steps of scripted play; the task's own range by default.
        randomize: Draws colours, light, camera pose and physics anew in each episode.
        provider: Execution provider of onnxruntime.
        threads: Threads of each worker within an operator.
        robot: Robot configuration (a name or a file) whose joint speeds and margins, keep-out boxes and workspace the
            plans keep; without it they keep the contract's workspace alone.
        memory: Folder in which the agent keeps its episodes, and which it recalls ways from; one worker only.
        recall: So many remembered ways the slow level tries beside its own proposals.
        without: What the agent does without: the critic, the policy's proposals, the uncertainty term, or backing off.
        workers: Processes that share the episodes; more than one makes the times meaningless.
        json: File for the result.
        suite: All tasks of a suite in one table, in place of `task`.
    """

    task: TaskName = "reach"
    agent: Mode | Literal["scripted", "all"] = "flat"
    episodes: int = 100
    seed: int = 0
    bundle: Path = field(default_factory=default_bundle)
    goal_steps: int | None = None
    randomize: bool = False
    provider: Provider = "cpu"
    threads: int = 2
    robot: str | None = None
    memory: Path | None = None
    recall: int = 0
    without: tuple[Ablation, ...] = ()
    workers: int = 1
    json: Path | None = None
    suite: Literal["tabletop"] | None = None


@dataclass(frozen=True)
class EpisodeResult:
    """One episode: whether and after how many steps it succeeded, holds, and the times of each step in ms.

    Attributes:
        subgoals: Steps towards a sub-goal of the slow level.
        asking: Whether the agent was stuck or unsure at any step.
    """

    index: int
    success: bool
    steps: int
    holds: int
    plan_ms: tuple[float, ...]
    encode_ms: tuple[float, ...]
    subgoals: int = 0
    asking: bool = False


def run(config: EvalConfig) -> int:
    """Evaluates, prints the result and writes it where `config.json` says."""
    if config.episodes < 1 or config.workers < 1:
        raise RobotWmError(f"eval: episodes {config.episodes} and workers {config.workers} must be at least 1")
    if config.memory is not None and config.workers > 1:
        raise RobotWmError(f"eval: --workers {config.workers} cannot share one --memory; use --workers 1")
    if config.suite or config.agent == "all":
        report = run_suite(config)
    else:
        report = measure(config)
        Console().print_json(json.dumps(report))
    if config.json is not None:
        config.json.parent.mkdir(parents=True, exist_ok=True)
        config.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def run_suite(config: EvalConfig) -> dict[str, Any]:
    """Measures several tasks, several agents or both, and prints one table.

    Returns:
        {"cells": reports as of `summarize`, "left_out": the action dimensions that the bundle lacks, by task}.
    """
    from sim.tasks import TASKS

    able = load_bundle(config.bundle).contract
    tasks: tuple[TaskName, ...] = get_args(TaskName) if config.suite else (config.task,)
    agents: tuple[Any, ...] = AGENTS if config.agent == "all" else (config.agent,)
    table = Table("task", *agents)
    cells: list[dict[str, Any]] = []
    left_out: dict[str, list[str]] = {}
    for task in tasks:
        lacking = _lacking(able, TASKS[task].contract)
        if lacking:
            left_out[task] = lacking
            table.add_row(task, f"needs {', '.join(lacking)}")
            continue
        row = [measure(replace(config, task=task, agent=agent, suite=None)) for agent in agents]
        table.add_row(task, *("{:.2f} ({:.2f}-{:.2f})".format(cell["success_rate"], *cell["ci95"]) for cell in row))
        cells += row
    Console().print(table)
    return {"cells": cells, "left_out": left_out}


def measure(config: EvalConfig) -> dict[str, Any]:
    """Plays all episodes of one task with one agent, behind a progress bar; the report of `summarize`."""
    console = Console()
    if config.agent != "scripted":
        console.print(f"bundle {config.bundle} on {check_provider(config.provider)}, {config.threads} threads")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    results: list[EpisodeResult] = []
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(f"{config.task}, {config.agent}", total=config.episodes)
        for result in evaluate(config):
            results.append(result)
            rate = sum(r.success for r in results) / len(results)
            progress.update(bar, advance=1, description=f"{config.task}, {config.agent}: success {rate:.2f}")
    return summarize(config, results)


def evaluate(config: EvalConfig) -> Iterator[EpisodeResult]:
    """Yields the episodes' results as they finish, in any order when there are several workers."""
    chunks = [list(range(start, config.episodes, config.workers)) for start in range(config.workers)]
    if config.workers == 1:
        yield from play_episodes(config, chunks[0])
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(config.workers, mp_context=context) as pool:
        for future in as_completed([pool.submit(_play_all, config, chunk) for chunk in chunks if chunk]):
            yield from future.result()


def _play_all(config: EvalConfig, indices: list[int]) -> list[EpisodeResult]:
    return list(play_episodes(config, indices))


def play_episodes(config: EvalConfig, indices: list[int]) -> Iterator[EpisodeResult]:
    """Plays the given episodes in one environment with one agent."""
    import gymnasium

    import sim

    environment = gymnasium.make(
        sim.environment_id(config.task),
        goal_steps=config.goal_steps,
        randomize=config.randomize,
        disable_env_checker=True,
    )
    with ExitStack() as stack:
        stack.callback(environment.close)
        agent = _agent(config, environment)
        if isinstance(agent, Agent) and agent.memory is not None:
            stack.callback(agent.memory.close)
        for index in indices:
            yield _play(agent, environment, index, episode_seed(config.seed, index))


def _agent(config: EvalConfig, environment: Any) -> Any:
    """Who plays: something with `Agent`'s reset, set_goal and act."""
    if config.agent == "scripted":
        from sim.scripted import ScriptedAgent

        return ScriptedAgent(environment.unwrapped)
    assert config.agent != "all", "each agent is measured by itself"
    bundle = load_bundle(config.bundle)
    settings, levels = settings_of(config, bundle)
    agent = Agent.load(
        bundle,
        settings=settings,
        levels=levels,
        mode=config.agent,
        provider=config.provider,
        threads=config.threads,
        guardrails=_guardrails(config, bundle.contract),
        memory=config.memory,
    )
    able, lacking = agent.contract, _lacking(agent.contract, environment.unwrapped.task.contract)
    if lacking:
        raise RobotWmError(
            f"eval: task {config.task} needs action dimension '{lacking[0]}', but contract '{able.name}' of bundle "
            f"{config.bundle} fixes it; train with `robot-wm collect --task {config.task}`"
        )
    return agent


def settings_of(config: EvalConfig, bundle: Bundle) -> tuple[PlannerSettings, LevelSettings | None]:
    """The bundle's settings, less what the agent shall do without, and with what it shall recall."""
    settings = planner_settings(bundle)
    for ablation in config.without:
        settings = replace(settings, **ABLATIONS[ablation])
    return settings, level_settings(bundle, config.recall or None)


def _guardrails(config: EvalConfig, contract: Contract) -> list[Constraint]:
    if config.robot is None:
        return []
    load = importlib.import_module("ros_nodes.robot_guardrails").load_guardrails
    guardrails: list[Constraint] = load(config.robot, contract.step_s)
    return guardrails


def _lacking(able: Contract, needed: Contract) -> list[str]:
    """Action dimensions that a task needs free and a bundle holds fixed."""
    dimensions = zip(ACTION_NAMES, _free(needed), _free(able), strict=True)
    return [name for name, needs, has in dimensions if needs and not has]


def _free(contract: Contract) -> np.ndarray:
    return np.subtract(contract.action_high, contract.action_low) > 0


def episode_seed(seed: int, index: int) -> int:
    """The seed of episode `index`, unlike that of any other (seed, index) but for chance."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])


def _play(agent: Any, environment: Any, index: int, seed: int) -> EpisodeResult:
    observation, _ = environment.reset(seed=seed)
    agent.reset(seed)
    agent.set_goal(observation["goal"])
    plan_ms, encode_ms, holds, subgoals, asking = [], [], 0, 0, False
    terminated = truncated = False
    info: dict[str, Any] = {"success": False}
    while not (terminated or truncated):
        if isinstance(agent, Agent):
            agent.observe_joints(environment.unwrapped.world.joint_positions())
        decision = agent.act(observation["image"], observation["state"])
        observation, _, terminated, truncated, info = environment.step(decision.actions[0])
        plan_ms.append(decision.plan_ms)
        encode_ms.append(decision.encode_ms)
        holds += decision.status == "hold"
        subgoals += decision.subgoal is not None
        asking |= decision.situation in QUESTIONS
    if isinstance(agent, Agent):
        agent.remember(environment.unwrapped.task.name, bool(info["success"]))
    success, times = bool(info["success"]), (tuple(plan_ms), tuple(encode_ms))
    return EpisodeResult(index, success, len(plan_ms), holds, *times, subgoals, asking)


def summarize(config: EvalConfig, results: list[EpisodeResult]) -> dict[str, Any]:
    """The report of `robot-wm eval`; `steps_mean` is over the successful episodes, null when there is none."""
    successes = [result for result in results if result.success]
    return {
        "task": config.task,
        "agent": config.agent,
        "episodes": len(results),
        "seed": config.seed,
        "randomize": config.randomize,
        "goal_steps": config.goal_steps,
        "without": sorted(config.without),
        "recall": config.recall,
        "robot": config.robot,
        "bundle_sha256": None if config.agent == "scripted" else load_bundle(config.bundle).sha256,
        "success_rate": len(successes) / len(results),
        "ci95": list(wilson_interval(len(successes), len(results))),
        "steps_mean": float(np.mean([result.steps for result in successes])) if successes else None,
        "holds": sum(result.holds for result in results),
        "subgoal_share": sum(result.subgoals for result in results) / sum(result.steps for result in results),
        "asking_episodes": sorted(result.index for result in results if result.asking),
        "plan_ms": percentiles([ms for result in results for ms in result.plan_ms]),
        "encode_ms": percentiles([ms for result in results for ms in result.encode_ms]),
        "failed_episodes": sorted(result.index for result in results if not result.success),
    }
