"""Runs as real processes: two have the losses of one, and one that is killed those of one that is not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from robot_wm.training import journal
from robot_wm.training.compute import Compute
from robot_wm.training.config import TrainingPlan
from robot_wm.training.trainer import Pace, Trainer
from robot_wm.training.windows import Frames

SCRIPT = Path(__file__).with_name("tiny_run.py")
EVERY_STEP = Pace(log_every=1, monitors=1, tensorboard=False)
STAGES = ("pretrain", "joint", "heads")
MONITORS = {"step", "ee_r2", "ee_mm", "block_r2", "block_mm", "ranking", "rank_correlation", "action_sensitivity"}
MONITORS |= {"effective_rank", "channel_std"}


def losses(out: Path, stage: str) -> list[dict[str, float]]:
    rows = journal.read(out / f"{stage}.csv")
    return [{name: float(value) for name, value in row.items() if name not in MONITORS} for row in rows]


@pytest.mark.parametrize("regulariser", ["vicreg", "sigreg"])
def test_two_processes_have_the_losses_of_one(
    frames: Frames, plan: TrainingPlan, tmp_path: Path, regulariser: str
) -> None:
    odd = replace(plan.joint, batch=7)
    plan = replace(plan, regulariser=regulariser, joint=odd)
    torch.set_num_threads(1)
    Trainer(plan, frames, tmp_path / "one", Compute(torch.device("cpu")), 0, pace=EVERY_STEP).run()
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(SCRIPT)]
    changes = {"regulariser": regulariser, "odd": 7}
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([*command, str(tmp_path / "two"), json.dumps(changes)], check=True, env=environment, timeout=100)
    for stage in STAGES:
        one, two = losses(tmp_path / "one", stage), losses(tmp_path / "two", stage)
        assert len(one) == len(two) == 6
        for alone, shared in zip(one, two, strict=True):
            assert shared == pytest.approx(alone, rel=1e-4, abs=1e-6)


def test_a_run_that_is_killed_has_the_losses_of_one_that_is_not(tmp_path: Path) -> None:
    changes = json.dumps({"stages": ["pretrain"], "steps": 40})
    command = [sys.executable, str(SCRIPT)]
    subprocess.run([*command, str(tmp_path / "whole"), changes], check=True, timeout=100)
    killed = subprocess.Popen([*command, str(tmp_path / "cut"), changes])
    deadline = time.monotonic() + 100
    while len(journal.read(tmp_path / "cut" / "pretrain.csv")) < 10:
        assert killed.poll() is None and time.monotonic() < deadline
        time.sleep(0.001)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert len(journal.read(tmp_path / "cut" / "pretrain.csv")) < 40
    subprocess.run([*command, str(tmp_path / "cut"), changes], check=True, timeout=100)
    assert losses(tmp_path / "cut", "pretrain") == losses(tmp_path / "whole", "pretrain")
