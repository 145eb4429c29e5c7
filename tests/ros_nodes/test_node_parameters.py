"""Parameters of the real nodes over the parameter services: what may change at run time, what not, and why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pinocchio")

from rcl_interfaces.srv import DescribeParameters, GetParameters, SetParameters
from rclpy.parameter import Parameter


def put(peer: Any, name: str, value: Any) -> str:
    """Sets one parameter of planner_node; returns why it was refused, or ''."""
    request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
    (result,) = peer.call(SetParameters, "planner_node/set_parameters", request).results
    return "" if result.successful else result.reason


def test_budget_and_tighter_limits_change_while_active(processes: Any, peer: Any, bundle: Path) -> None:
    processes.start("planner_node", bundle=bundle, max_latent_age_s=0.3)
    peer.until_active("planner_node", what=lambda: processes.log("planner_node"))
    assert put(peer, "deadline_s", 0.2) == ""
    assert put(peer, "max_latent_age_s", 0.1) == "" and put(peer, "max_latent_age_s", 0.3) == ""
    assert "limit that was 0.3 when the node was configured" in put(peer, "max_latent_age_s", 0.5)
    assert "takes effect only when the node is configured" in put(peer, "bundle", "/elsewhere")
    assert "takes effect only" in put(peer, "mode", "random")
    assert "range" in put(peer, "deadline_s", 100.0).lower()
    assert "read-only" in put(peer, "autostart", False)
    assert "deadline_s" in put(peer, "deadline_s", "fast") or "type" in put(peer, "deadline_s", "fast").lower()
    values = peer.call(
        GetParameters, "planner_node/get_parameters", GetParameters.Request(names=["deadline_s", "mode"])
    )
    assert [values.values[0].double_value, values.values[1].string_value] == [0.2, "flat"]


def test_every_parameter_is_described(processes: Any, peer: Any, bundle: Path) -> None:
    processes.start("planner_node", autostart=False, bundle=bundle)
    names = ["bundle", "provider", "robot", "mode", "seed", "deadline_s", "max_latent_age_s", "autostart"]
    request = DescribeParameters.Request(names=names)
    described = peer.call(DescribeParameters, "planner_node/describe_parameters", request).descriptors
    assert [each.name for each in described] == names
    assert all(each.description and each.additional_constraints for each in described)
    by_name = {each.name: each for each in described}
    assert by_name["autostart"].read_only and not by_name["deadline_s"].read_only
    assert by_name["deadline_s"].floating_point_range[0].to_value == 10.0
    assert by_name["seed"].integer_range[0].from_value == 0
    assert put(peer, "mode", "random") == ""
