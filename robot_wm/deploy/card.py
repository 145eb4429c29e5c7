"""MODEL_CARD.md: what a bundle was trained on, how, how long, and how good it is, as its checkpoint recorded it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from robot_wm.deploy.index import Description
from robot_wm.training.journal import read

CARD = "MODEL_CARD.md"
UNKNOWN = "not recorded by the run"

_LIMITS = """\
- It knows what it was trained on: this camera, this arm, this table. Another scene needs training of its own.
- A block that the arm hides is not seen, and no memory bridges that: each picture is encoded by itself.
- Distances far beyond an episode's length are not told apart by the critic.
- It holds no notion of people. What keeps a robot from harm is the safety layer, not the model."""


def model_card(description: Description, meta: Mapping[str, Any], checkpoint: Path, note: str = "") -> str:
    """The card of an exported checkpoint, in Markdown.

    Args:
        meta: What training wrote into `checkpoint.json`.
        checkpoint: Its directory, for the last losses in the journals.
        note: Words of whoever exports, added as they are.
    """
    sections = {
        "Data": _data(meta.get("run", {})),
        "Configuration": _configuration(meta, checkpoint),
        "Time and hardware": _effort(meta.get("run", {})),
        "Metrics": _metrics(description.metrics),
        "Known failures": _LIMITS,
    }
    if note:
        sections["Note"] = note
    contract = description.contract
    camera = contract.camera
    card = (
        f"# Model card: {description.name}\n\n"
        f"A V-JEPA encoder, an action-conditioned latent predictor, a critic and a reactive policy for the contract "
        f"`{contract.name}`: one picture of {camera.width}×{camera.height} pixels every {contract.step_s} s becomes a "
        f"latent of {description.tokens}×{description.channels}; imagination reaches {description.horizon} steps.\n"
    )
    for heading, body in sections.items():
        card = with_section(card, heading, body)
    return card


def with_section(card: str, heading: str, body: str) -> str:
    """The card with a section of that heading, put in the place of one that was there or at the end."""
    title = f"## {heading}\n"
    before, found, rest = card.partition(f"\n{title}")
    after = rest.partition("\n## ")
    tail = f"\n## {after[2]}" if found and after[1] else ""
    return f"{before.rstrip()}\n\n{title}\n{body.strip()}\n{tail}".lstrip()


def _data(run: Mapping[str, Any]) -> str:
    if "episodes" not in run:
        return f"Episodes and frames: {UNKNOWN}."
    rows = "\n".join(
        f"| {number} | {episodes} | {frames} |"
        for number, (episodes, frames) in enumerate(zip(run["episodes"], run["frames"], strict=True), 1)
    )
    return f"| dataset | episodes | frames |\n| --- | --- | --- |\n{rows}"


def _configuration(meta: Mapping[str, Any], checkpoint: Path) -> str:
    plan, model = meta.get("plan", {}), meta["model"]
    encoder = ", ".join(f"{name} {value}" for name, value in model["encoder"].items())
    lines = [
        f"- encoder: {encoder}",
        f"- predictor and heads: width {model['width']}, depth {model['depth']}, chunk {model['chunk']}",
        f"- seed {meta.get('seed', UNKNOWN)}; last stage {meta['stage']}, step {meta['step']}",
    ]
    losses = _last_losses(checkpoint)
    if losses:
        weights = ", ".join(f"{name} {value}" for name, value in plan.get("weights", {}).items())
        lines += [
            f"- weights of the losses: {weights or UNKNOWN}",
            "",
            "| stage | steps | last loss |",
            "| --- | --- | --- |",
        ]
        lines += [f"| {stage} | {steps} | {loss} |" for stage, steps, loss in losses]
    return "\n".join(lines)


def _last_losses(checkpoint: Path) -> list[tuple[str, int, str]]:
    """Stage, steps and last loss of every journal, in the order in which they were written."""
    journals = sorted(checkpoint.glob("*.csv"), key=lambda path: path.stat().st_mtime)
    rows = [(path.stem, read(path)) for path in journals]
    return [(stage, int(row[-1]["step"]) + 1, row[-1].get("loss", "")) for stage, row in rows if row]


def _effort(run: Mapping[str, Any]) -> str:
    hours = f"{run['seconds'] / 3600:.2f} h of training" if "seconds" in run else f"Hours: {UNKNOWN}"
    return f"{hours}; hardware: {run.get('hardware', UNKNOWN)}."


def _metrics(metrics: Mapping[str, Any]) -> str:
    plain = {name: value for name, value in metrics.items() if isinstance(value, int | float)}
    if not plain:
        return f"Metrics: {UNKNOWN}."
    rows = "\n".join(f"| {name} | {value:.4g} |" for name, value in plain.items())
    return f"Of the training's monitors, on held-out episodes:\n\n| metric | value |\n| --- | --- |\n{rows}"
