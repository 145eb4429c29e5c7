"""What is done when there was no time to plan: the last plan goes on, else the policy acts, else the arm holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from robot_wm.actor.imagine import keep_constraints
from robot_wm.actor.plan import Plan, shifted
from robot_wm.actor.space import SearchSpace
from robot_wm.cost.term import Constraint


def without_planning(
    last: Plan | None,
    policy: Callable[[], Plan],
    constraints: Sequence[Constraint],
    space: SearchSpace,
    state: np.ndarray,
) -> Plan:
    """The best that needs no search: `last` one step on, unless it would break a constraint now, else `policy()`.

    Args:
        last: The plan of the decision before; None when there is none worth going on with.
        policy: The reactive policy's plan, which may be a hold.
    """
    if last is not None:
        actions, states, _ = keep_constraints(constraints, space, state, shifted(last.actions)[None])
        if len(actions):
            energies = np.append(last.energies[1:], last.energies[-1:])
            return Plan(
                actions[0],
                states[0],
                energies,
                float(energies.sum()),
                iterations=0,
                candidates=0,
                reason="no time to plan: the previous plan goes on",
                fallback="previous",
            )
    plan = policy()
    if plan.status == "hold":
        return replace(plan, fallback="hold")
    return replace(plan, reason="no time to plan: the policy acts", fallback="policy")
