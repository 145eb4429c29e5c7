"""The planner's view of its situation as a message for the operator."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticStatus

from robot_wm.decision import Decision
from robot_wm.situation import QUESTIONS
from ros_nodes.diagnostics import status


def situation_status(decision: Decision, goals_left: int) -> DiagnosticStatus:
    """What `planner/status` says: the question where there is one (level WARN), else the situation."""
    question = QUESTIONS.get(decision.situation)
    level = DiagnosticStatus.OK if question is None else DiagnosticStatus.WARN
    values = {"situation": decision.situation, "steps_to_go": f"{decision.steps_to_go:.1f}", "goals": str(goals_left)}
    if decision.surprise is not None:
        values["surprise"] = f"{decision.surprise:.3f}"
    if decision.uncertainty is not None:
        values["uncertainty"] = f"{decision.uncertainty:.3f}"
    if decision.novelty is not None:
        values["novelty"] = f"{decision.novelty:.3f}"
    return status("planner", "", level, question or decision.situation, values)


def view_status(refusal: str, goals_left: int) -> DiagnosticStatus:
    """What `planner/status` says when the check before motion refuses."""
    question = f"{refusal} put it right and call planner/start, or start planner_node with check_view:=false"
    values = {"situation": "view refused", "steps_to_go": "inf", "goals": str(goals_left)}
    return status("planner", "", DiagnosticStatus.WARN, question, values)
