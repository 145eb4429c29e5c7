"""A flood of camera images delays neither a stop nor a change of the lifecycle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pinocchio")

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from trajectory_msgs.msg import MultiDOFJointTrajectory

from ros_nodes.conversions import array_to_image
from ros_nodes.qos import LATCHED, LATEST

ROOT = Path(__file__).parents[2]
FLOOD_HZ = 200.0
LONGEST_STOP_S = 0.5


@pytest.fixture
def flood(domain: int, image: np.ndarray) -> Iterator[subprocess.Popen[str]]:
    """Images and joint states at FLOOD_HZ from a process of their own."""
    command = [sys.executable, str(Path(__file__).with_name("flood_peer.py")), str(FLOOD_HZ), str(len(image))]
    environment = os.environ | {
        "ROS_DOMAIN_ID": str(domain),
        "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}",
    }
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.wait()


def asked(peer: Any, client: Any, request: Any) -> float:
    """Seconds until a service has answered with success."""
    began = time.monotonic()
    future = client.call_async(request)
    peer.until(future.done, 10.0)
    assert future.result().success
    return time.monotonic() - began


def test_stop_comes_through(processes: Any, peer: Any, flood: Any, bundle: Path, image: np.ndarray) -> None:
    plans = peer.watch(MultiDOFJointTrajectory, "planner/plan", LATEST)
    goal = peer.node.create_publisher(Image, "goal/image", LATCHED)
    goal.publish(array_to_image(image, peer.node.get_clock().now().to_msg(), "camera"))
    processes.start("perception_node", bundle=bundle)
    processes.start("planner_node", bundle=bundle, max_latent_age_s=10.0)
    peer.until_active("perception_node", "planner_node", what=lambda: processes.log("planner_node"))
    stop = peer.node.create_client(Trigger, "planner/stop")
    change = peer.node.create_client(ChangeState, "perception_node/change_state")
    assert stop.wait_for_service(10.0) and change.wait_for_service(10.0)
    delays = []
    for _ in range(5):
        assert peer.trigger("planner/start").success
        before = len(plans)
        peer.until(lambda before=before: len(plans) > before + 1, what=lambda: processes.log("planner_node"))
        delays.append(asked(peer, stop, Trigger.Request()))
        peer.until(lambda: plans and not plans[-1][1].points)
    down = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_DEACTIVATE))
    delays.append(asked(peer, change, down))
    flood.send_signal(signal.SIGINT)
    rate = float(flood.communicate(timeout=20.0)[0])
    print(f"stops under {rate:.0f} images a second: {[round(1e3 * delay) for delay in delays]} ms")
    assert max(delays) < LONGEST_STOP_S and rate > 0.75 * FLOOD_HZ
