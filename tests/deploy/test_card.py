"""The model card says what the checkpoint recorded, and says so where it recorded nothing."""

from dataclasses import replace
from pathlib import Path

from robot_wm.contract import TABLETOP
from robot_wm.deploy.card import model_card, with_section
from robot_wm.deploy.index import Description

DESCRIPTION = Description(
    "toy",
    TABLETOP,
    2,
    3,
    latent_std=1.0,
    chunk=2,
    horizon=2,
    metrics={"block_r2": 0.91234, "parity": {"encoder": 1e-6}},
)
META = {
    "stage": "heads",
    "step": 40,
    "seed": 3,
    "model": {"encoder": {"width": 8}, "width": 16, "depth": 1, "chunk": 2},
}


def test_it_tells_what_was_recorded(tmp_path: Path) -> None:
    (tmp_path / "joint.csv").write_text("step,loss\n49,0.5\n99,0.25\n")
    run = {"episodes": [30, 10], "frames": [1500, 500], "hardware": "2 CPU cores", "seconds": 5400.0}
    card = model_card(DESCRIPTION, META | {"run": run}, tmp_path, note="Made for a test.")
    for words in ("| 1 | 30 | 1500 |", "1.50 h", "2 CPU cores", "| joint | 100 | 0.25 |", "0.9123", "Made for a test."):
        assert words in card
    assert "not recorded" not in card.replace("weights of the losses: not recorded by the run", "")
    assert "parity" not in card


def test_what_is_unknown_is_called_so(tmp_path: Path) -> None:
    card = model_card(replace(DESCRIPTION, metrics={}), META, tmp_path)
    assert card.count("not recorded by the run") == 4


def test_a_section_replaces_its_namesake_alone() -> None:
    card = with_section(with_section("# Card\n", "One", "first"), "Two", "second")
    changed = with_section(card, "One", "other")
    assert changed == "# Card\n\n## One\n\nother\n\n## Two\n\nsecond\n"
