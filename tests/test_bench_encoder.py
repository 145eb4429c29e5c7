"""The encoders' benchmark: what it compares, and that it counts operations rightly."""

import json
from pathlib import Path

import pytest

from robot_wm.bench import BenchConfig
from robot_wm.bench import run as bench
from robot_wm.errors import RobotWmError

pytest.importorskip("torch")


def test_published_encoders_stand_beside_the_others(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    out = tmp_path / "bench.json"
    assert bench(BenchConfig(target="encoder", config="tiny", repeats=3, json=out)) == 0
    rows = json.loads(out.read_text())["encoder"]
    assert list(rows) == ["onnxruntime", "torch eager", "transformers"]
    tokens, width, depth, hidden = 8 * 16, 96, 2, 384
    block = 2 * tokens * width * (4 * width + 2 * hidden) + 4 * tokens**2 * width
    operations = depth * block + 2 * tokens * width * 3 * 2 * 16 * 16
    for figures in rows.values():
        assert figures["gflop_per_s"] * figures["p50"] / 1e3 == pytest.approx(operations / 1e9, rel=1e-3)
        assert figures["times_onnxruntime"] == pytest.approx(figures["p50"] / rows["onnxruntime"]["p50"])


def test_bad_repeats_are_refused() -> None:
    with pytest.raises(RobotWmError, match="repeats 0"):
        bench(BenchConfig(target="encoder", repeats=0))
