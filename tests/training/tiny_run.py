"""A whole tiny run as a process of its own, to be killed or to be one of several: `tiny_run.py OUT [PLAN-AS-JSON]`."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch
from conftest import tiny_frames, tiny_plan

from robot_wm.training.compute import Compute
from robot_wm.training.parallel import join_group, leave_group
from robot_wm.training.trainer import Pace, Trainer


def main() -> None:
    """Trains and leaves the journals in OUT."""
    torch.set_num_threads(1)
    out, changes = Path(sys.argv[1]), json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
    steps, odd = changes.pop("steps", None), changes.pop("odd", None)
    plan = replace(tiny_plan(), **{name: tuple(v) if isinstance(v, list) else v for name, v in changes.items()})
    if steps:
        plan = replace(plan, pretrain=replace(plan.pretrain, schedule=replace(plan.pretrain.schedule, steps=steps)))
    if odd:
        plan = replace(plan, joint=replace(plan.joint, batch=odd))
    device = torch.device("cpu")
    group = join_group(device)
    pace = Pace(log_every=1, monitors=1, save_every_s=0.0, tensorboard=False)
    Trainer(plan, tiny_frames(), out, Compute(device, group), 0, pace=pace).run()
    group.wait()
    leave_group(group)


main()
