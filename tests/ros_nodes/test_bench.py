"""The transport benchmark, between two real processes."""

from __future__ import annotations

import pytest

pytest.importorskip("cyclonedds")

from ros_nodes.bench import SIZES, measure  # noqa: E402


def test_every_size_comes_back() -> None:
    rows = measure(5)
    assert len(rows) == len(SIZES)
    for figures in rows.values():
        assert 0 < figures["p50"] <= figures["p99"] and figures["lost"] <= 0.1
