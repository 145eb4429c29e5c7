"""Who is in control, and why the robot stands still: in words, from what was heard."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Literal

from ros_nodes.console.board import Board

SILENT_S = 3.0
Colour = Literal["green", "amber", "red", "grey"]
SHADES: dict[Colour, str] = {"green": "#2f9e44", "amber": "#e8890c", "red": "#e03131", "grey": "#868e96"}
WHO = {"planner": "The planner", "person": "A person", "none": "Nobody"}


@dataclass(frozen=True)
class Standing:
    """What the top of the page says.

    Attributes:
        colour: How it looks.
        headline: In a word or two.
        reason: Why the robot stands still; empty while it moves.
        control: Who is in control.
        why: Why they are.
    """

    colour: Colour
    headline: str
    reason: str
    control: str
    why: str


def standing(board: Board, now_s: float) -> Standing:
    """What to say at `now_s`, monotonic seconds."""
    who, _, why = board.source.text.partition(":")
    control = WHO.get(who.strip(), "Unknown")
    if now_s - board.safety_heard_s > SILENT_S:
        return Standing("grey", "No word from safety_node", "is it running? `robot-wm doctor` says", control, "")
    state, reason = board.safety.get("message", ""), board.safety.get("reason", "")
    if state == "stopped":
        return Standing("red", "Stopped", f"{reason}. Mend it, then Reset", control, why.strip())
    if state == "following":
        return Standing("green", "Moving", "", control, why.strip())
    return Standing("amber", "Holding", _why_holding(board, who.strip(), reason), control, why.strip())


def _why_holding(board: Board, who: str, reason: str) -> str:
    """The nearest cause: the guard's own, then what the source of the commands says of itself."""
    planner = board.health.get("planner_node", {}).get("message", "")
    if who == "person":
        return board.teleop.text or reason
    if who == "none":
        return "nobody is in control: hold the gizmo, or Give back"
    if board.situation.text and board.health.get("planner_node", {}).get("running") == "true":
        return f"{planner}; {board.situation.text}" if planner else board.situation.text
    return planner or reason


def as_html(said: Standing) -> str:
    """The top of the page."""
    shade = SHADES[said.colour]
    reason = f'<div style="margin-top:2px">{escape(said.reason)}</div>' if said.reason else ""
    why = f' <span style="opacity:.7">({escape(said.why)})</span>' if said.why else ""
    return (
        f'<div style="border-left:6px solid {shade};background:{shade}22;padding:8px 10px;border-radius:4px;'
        f'font-size:13px;line-height:1.4;margin:0 0.5em 0.3em 0.5em">'
        f'<div style="font-size:17px;font-weight:700;color:{shade}">{escape(said.headline)}</div>{reason}'
        f'<div style="margin-top:4px">In control: <b>{escape(said.control)}</b>{why}</div></div>'
    )


def nodes_as_html(board: Board, now_s: float) -> str:
    """A line for each node that was ever heard: a light, its name and what it says."""
    rows = []
    for name, values in sorted(board.health.items()):
        silent = now_s - board.health_heard_s.get(name, -1e9) > SILENT_S
        colour: Colour = "grey" if silent else {"0": "green", "1": "amber"}.get(values["level"], "red")  # type: ignore[assignment]
        words = "silent" if silent else values["message"]
        rows.append(
            f'<div style="white-space:nowrap;overflow:hidden;text-overflow:ellipsis" title="{escape(words)}">'
            f'<span style="color:{SHADES[colour]}">●</span> {escape(name)} '
            f'<span style="opacity:.65">{escape(words)}</span></div>'
        )
    body = "".join(rows) or "no node was heard"
    return f'<div style="font-size:12px;line-height:1.5;margin:0 0.5em">{body}</div>'
