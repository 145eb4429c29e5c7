"""The bench of levels on fresh play."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("pybullet")

from robot_wm.bench import BenchConfig, run


def test_it_reports_and_draws_both_levels_at_every_horizon(tiny_bundle: Path, tmp_path: Path) -> None:
    config = BenchConfig(
        target="levels", repeats=3, bundle=tiny_bundle, json=tmp_path / "levels.json", figure=tmp_path / "levels.png"
    )
    assert run(config) == 0
    rows = json.loads((tmp_path / "levels.json").read_text())["levels"]
    assert set(rows) == {f"{level} {steps}" for level in ("fast", "slow") for steps in (4, 8, 12, 16, 20)}
    for row in rows.values():
        assert row["error"] > 0 and 0 <= row["ranking"] <= 1 and row["ee_mm"] > 0 and row["block_mm"] >= 0
    assert (tmp_path / "levels.png").read_bytes()[:4] == b"\x89PNG"
