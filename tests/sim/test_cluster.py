import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from robot_wm.data import Dataset
from robot_wm.errors import DatasetError
from sim.cluster import cluster
from sim.collect import CollectConfig, play

EPISODES, SHARD, STEPS = 24, 12, 4
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
"""127.0.0.1, the same within IPv6, and ::1, as /proc/net writes them."""

needs_ray = pytest.mark.skipif(
    subprocess.run([sys.executable, "-c", "import ray"], capture_output=True).returncode != 0,
    reason="Ray is not installed; pip install 'robot_wm[cluster]'",
)


def below(driver: int) -> dict[int, bytes]:
    """Command lines of all processes that `driver` started, directly or not."""
    parents, names = {}, {}
    for folder in Path("/proc").iterdir():
        try:
            process = int(folder.name)
            parents[process] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            names[process] = (folder / "cmdline").read_bytes()
        except (ValueError, FileNotFoundError, ProcessLookupError):
            continue
    found = {driver}
    while more := {process for process, parent in parents.items() if parent in found} - found:
        found |= more
    return {process: names[process] for process in found if process in names}


def listening(processes: set[int]) -> set[str]:
    """Addresses at which the processes listen, as /proc/net writes them."""
    inodes = set()
    for process in processes:
        for file in Path(f"/proc/{process}/fd").iterdir():
            try:
                inodes |= set(re.findall(r"socket:\[(\d+)\]", os.readlink(file)))
            except FileNotFoundError:
                continue
    rows = [line.split() for kind in ("tcp", "tcp6") for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}


def committed(root: Path) -> list[int]:
    """Episodes of each unfinished shard that are on the storage for good."""
    files = sorted((root / ".shards").glob("*/*/meta/info.json"))
    return [json.loads(file.read_text())["total_episodes"] for file in files]


@needs_ray
def test_a_killed_worker_is_replaced_and_only_its_unfinished_episode_is_played_again(tmp_path):
    root, log = tmp_path / "d", tmp_path / "log"
    command = [sys.executable, "-m", "robot_wm.cli", "collect", "--ray", "local", "--out", str(root)]
    command += ["--episodes", str(EPISODES), "--shard", str(SHARD), "--steps", str(STEPS)]
    with log.open("wb") as out:
        driver = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 90
        while len(committed(root)) < 2 or min(committed(root)) < 2:
            assert driver.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.01)
        processes = below(driver.pid)
        addresses = listening(set(processes))
        victim = next(process for process, name in processes.items() if name.startswith(b"ray::_work"))
        before = min(committed(root))
        os.kill(victim, signal.SIGKILL)
        assert driver.wait(90) == 0, log.read_text()
    finally:
        driver.kill()
        driver.wait()
    assert addresses and addresses <= LOOPBACK
    (taken_up,) = re.findall(r"shard (\d+)-\d+: went on with episode (\d+)", log.read_text())
    assert int(taken_up[1]) - int(taken_up[0]) >= before
    dataset, config = Dataset.open(root), CollectConfig(root, steps=STEPS)
    assert len(dataset) == EPISODES and not (root / ".shards").exists()
    for number, got in enumerate(dataset):
        expected = play(config, number)
        np.testing.assert_array_equal(got.images, expected.images)
        np.testing.assert_array_equal(got.actions, expected.actions)
        assert got.task == expected.task


@needs_ray
def test_a_cluster_whose_token_is_not_known_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(DatasetError, match="no token is known here"), cluster("10.0.0.1:6379", 1, Console()):
        pass


def test_storage_without_a_cluster_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="give --ray"):
        CollectConfig(tmp_path, storage="s3://bucket/x")
