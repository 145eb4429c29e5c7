import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from robot_wm.actor.settings import PlannerSettings
from robot_wm.agent import Agent
from robot_wm.contract import TABLETOP
from robot_wm.data import DatasetWriter, Episode
from robot_wm.data.judgements import Clip, Judgement, clip_images, read_judgements, write_judgements
from robot_wm.deploy.bundle import default_bundle, load_bundle
from robot_wm.errors import BundleError, DatasetError, RobotWmError
from robot_wm.preference import PreferConfig, run

pytest.importorskip("torch")
from robot_wm.training.config import Schedule
from robot_wm.training.preference import accuracy, fit

CLIP = {"dataset": "d", "episode": 0, "start": 0, "length": 2}
FRAMES = 6


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two dark and two bright episodes, and 24 pairs in which the dark clip is the better one."""
    folder, rng = tmp_path_factory.mktemp("judged"), np.random.default_rng(0)
    with DatasetWriter(folder / "d", TABLETOP) as writer:
        for level in (20, 30, 200, 220):
            images = rng.integers(level, level + 20, (FRAMES, 96, 96, 3), dtype=np.uint8)
            states = np.zeros((FRAMES, 8), np.float32)
            writer.add(Episode(images, states, np.zeros((FRAMES, 7), np.float32), 0.2 * np.arange(FRAMES), "push"))
    pairs = [
        Judgement(Clip("d", int(dark), int(starts[0]), 3), Clip("d", int(bright), int(starts[1]), 2))
        for dark, bright, starts in zip(
            rng.integers(0, 2, 24), rng.integers(2, 4, 24), rng.integers(0, 3, (24, 2)), strict=True
        )
    ]
    write_judgements(folder / "pairs.jsonl", pairs)
    return folder / "pairs.jsonl"


def test_a_preference_becomes_a_term_that_counts_when_it_has_a_weight(judged, tmp_path, state):
    shutil.copytree(default_bundle(), tmp_path / "bundle")
    with pytest.raises(BundleError, match="robot-wm prefer"):
        Agent.load(tmp_path / "bundle", settings=PlannerSettings(preference_weight=1.0))
    assert run(PreferConfig(judged, bundle=tmp_path / "bundle", steps=60)) == 0
    bundle = load_bundle(tmp_path / "bundle")
    assert bundle.metrics["preference"]["held_out_accuracy"] > 0.7
    plain = PlannerSettings.from_mapping(bundle.planner, "bundle")
    assert plain.preference_weight == 0.0
    dark, bright = (np.full((96, 96, 3), level, np.uint8) for level in (25, 210))
    for mode in ("flat", "hierarchical"):
        energies = []
        for weight in (0.0, 5.0):
            agent = Agent.load(
                tmp_path / "bundle", mode=mode, settings=replace(plain, preference_weight=weight), threads=1
            )
            agent.set_goal(dark)
            energies.append(agent.act(bright, state).energy)
        assert energies[0] < energies[1] < np.inf


def test_a_bundle_can_recommend_a_weight(judged, tmp_path):
    shutil.copytree(default_bundle(), tmp_path / "bundle")
    assert run(PreferConfig(judged, test=judged, bundle=tmp_path / "bundle", steps=5, weight=2.0)) == 0
    assert load_bundle(tmp_path / "bundle").planner["preference_weight"] == 2.0


def test_an_energy_is_learned_that_orders_pairs_it_has_not_seen():
    rng = np.random.default_rng(0)

    def pair() -> tuple[np.ndarray, np.ndarray]:
        one, other = rng.normal(size=(2, 5, 4, 8)).astype(np.float32)
        one[:, 1, 3], other[:, 1, 3] = rng.normal(size=2)
        return (one, other) if one[0, 1, 3] < other[0, 1, 3] else (other, one)

    head = fit([pair() for _ in range(100)], Schedule(200, 50, 3e-3, warmup=20), seed=0)
    assert accuracy(head, [pair() for _ in range(200)]) > 0.8


def test_clips_are_those_of_the_episodes(judged):
    pairs = read_judgements(judged)
    images = clip_images([pairs[0].better, pairs[0].worse])
    assert len(images[pairs[0].better]) == 3 and images[pairs[0].better].max() < 60
    assert len(images[pairs[0].worse]) == 2 and images[pairs[0].worse].min() > 190
    with pytest.raises(DatasetError, match="has 6 frames"):
        clip_images([replace(pairs[0].better, start=5)])


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "[]",
        "not json",
        json.dumps({"better": CLIP}),
        json.dumps({"better": CLIP, "worse": CLIP | {"start": -1}}),
        json.dumps({"better": CLIP, "worse": CLIP | {"length": 1.5}}),
        json.dumps({"better": CLIP, "worse": CLIP | {"more": 1}}),
    ],
)
def test_a_line_that_is_no_judged_pair_is_named(tmp_path, line):
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps({"better": CLIP, "worse": CLIP}) + "\n" + line + "\n")
    with pytest.raises(DatasetError, match="line 2: not a judged pair"):
        read_judgements(path)


def test_too_few_pairs_are_refused(judged):
    few = judged.parent / "few.jsonl"
    few.write_text("\n".join(judged.read_text().splitlines()[:5]))
    with pytest.raises(RobotWmError, match="judge more"):
        run(PreferConfig(few, bundle=default_bundle()))
    with pytest.raises(RobotWmError, match="--pairs"):
        PreferConfig()
