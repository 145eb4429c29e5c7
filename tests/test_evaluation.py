"""Evaluation against the real simulator, and benchmarks."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from robot_wm.bench import BENCHES, BenchConfig
from robot_wm.bench import run as bench
from robot_wm.deploy.bundle import load_bundle
from robot_wm.errors import BundleError, RobotWmError
from robot_wm.evaluation import (
    EpisodeResult,
    EvalConfig,
    episode_seed,
    run,
    settings_of,
    summarize,
)
from robot_wm.statistics import wilson_interval

KEYS = {"task", "agent", "episodes", "seed", "success_rate", "ci95", "steps_mean", "plan_ms", "encode_ms"}


def test_wilson_interval_of_known_cases() -> None:
    assert wilson_interval(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson_interval(0, 100) == pytest.approx((0.0, 0.0370), abs=1e-4)
    assert wilson_interval(100, 100) == pytest.approx((0.9630, 1.0), abs=1e-4)


def test_every_episode_has_its_own_seed() -> None:
    assert len({episode_seed(seed, index) for seed in range(20) for index in range(100)}) == 2000


def test_the_report_counts_steps_of_successes_only(tiny_bundle: Path) -> None:
    results = [
        EpisodeResult(0, True, 10, 0, (1.0,) * 10, (2.0,) * 10),
        EpisodeResult(1, False, 25, 3, (5.0,) * 25, (2.0,) * 25),
    ]
    report = summarize(EvalConfig(bundle=tiny_bundle), results)
    assert (report["success_rate"], report["steps_mean"], report["holds"]) == (0.5, 10.0, 3)
    assert report["plan_ms"]["p50"] == 5.0 and report["encode_ms"] == {"p50": 2.0, "p99": 2.0}
    assert report["failed_episodes"] == [1]


@pytest.mark.parametrize("task", ["reach", "push"])
def test_evaluates_in_the_simulator(tiny_bundle: Path, tmp_path: Path, task: str) -> None:
    pytest.importorskip("pybullet")
    out = tmp_path / "report" / "eval.json"
    config = EvalConfig(task=task, agent="flat", episodes=2, bundle=tiny_bundle, randomize=True, json=out)
    assert run(config) == 0
    report = json.loads(out.read_text())
    assert set(report) >= KEYS and report["episodes"] == 2 and report["randomize"] is True
    assert 0 <= report["ci95"][0] <= report["success_rate"] <= report["ci95"][1] <= 1


def test_workers_do_not_change_the_episodes(tiny_bundle: Path, tmp_path: Path) -> None:
    pytest.importorskip("pybullet")
    config = EvalConfig(agent="random", episodes=4, bundle=tiny_bundle, json=tmp_path / "1.json", seed=3)
    two = dataclasses.replace(config, workers=2, json=tmp_path / "2.json")
    assert run(config) == run(two) == 0
    reports = [json.loads((tmp_path / name).read_text()) for name in ("1.json", "2.json")]
    for key in ("success_rate", "steps_mean", "failed_episodes", "holds"):
        assert reports[0][key] == reports[1][key]


def test_all_agents_of_a_task_are_cells_of_one_report(tiny_bundle: Path, tmp_path: Path) -> None:
    pytest.importorskip("pybullet")
    config = EvalConfig(task="reach", agent="all", episodes=1, bundle=tiny_bundle, json=tmp_path / "suite.json")
    assert run(config) == 0
    cells = json.loads((tmp_path / "suite.json").read_text())["cells"]
    assert [cell["agent"] for cell in cells] == ["flat", "hierarchical", "policy", "random"]


def test_bad_configurations_are_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(RobotWmError, match="episodes 0"):
        run(EvalConfig(bundle=tiny_bundle, episodes=0))
    with pytest.raises(BundleError, match="no such bundle"):
        run(EvalConfig(bundle=tmp_path / "none", episodes=1))


@pytest.mark.parametrize("target", ["encoder", "planner", "sim"])
def test_benchmarks_write_their_figures(tiny_bundle: Path, tmp_path: Path, target: str) -> None:
    if target == "sim":
        pytest.importorskip("pybullet")
    out = tmp_path / "bench.json"
    assert bench(BenchConfig(target=target, repeats=5, bundle=tiny_bundle, json=out)) == 0
    rows = json.loads(out.read_text())[target]
    assert rows and all(value > 0 for figures in rows.values() for value in figures.values())


def test_what_an_agent_does_without_is_gone_from_its_settings(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    whole, levels = settings_of(EvalConfig(), bundle)
    assert levels is not None and levels.recalled == 0
    without = EvalConfig(without=("critic", "proposals", "uncertainty", "recovery"), recall=3)
    bare, levels = settings_of(without, bundle)
    assert levels is not None and levels.recalled == 3
    assert whole.critic_weight > 0 and whole.prior_weight > 0 and whole.begin == "policy" and whole.retreat > 0
    assert bare.critic_weight == bare.prior_weight == bare.uncertainty_weight == bare.retreat == 0
    assert bare.begin == "last" and bare.samples == whole.samples


def test_evaluates_within_a_robots_limits_and_remembers(tiny_bundle: Path, tmp_path: Path) -> None:
    pytest.importorskip("pybullet")
    pytest.importorskip("pinocchio")
    config = EvalConfig(
        episodes=2,
        bundle=tiny_bundle,
        robot="panda_sim",
        memory=tmp_path / "memory",
        without=("proposals",),
        json=tmp_path / "eval.json",
    )
    assert run(config) == 0
    report = json.loads(config.json.read_text())
    assert (report["robot"], report["without"]) == ("panda_sim", ["proposals"])
    assert len(list((tmp_path / "memory").glob("*/*.safetensors"))) == 2
    with pytest.raises(RobotWmError, match="--workers 1"):
        run(dataclasses.replace(config, workers=2))


def test_a_lewm_plan_takes_far_longer_than_ours(tiny_bundle: Path) -> None:
    pytest.importorskip("torch")
    from robot_wm.bench_lewm import plan_seconds

    figures = plan_seconds(7, threads=2, seed=0, timed=1)
    assert 10 < figures["parameters_m"] < 14 and figures["cpu_s"] > 1


def test_the_planner_bench_draws_its_curves(tiny_bundle: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    config = BenchConfig("planner", repeats=2, bundle=tiny_bundle, curves=True, figure=tmp_path / "c.png", memory=True)
    rows = BENCHES["planner"](config)
    assert {"samples 32", "horizon 16", "levels 1", "levels 2", "process"} <= set(rows)
    assert rows["process"]["peak_memory_mb"] > 30 and config.figure.stat().st_size > 5000
