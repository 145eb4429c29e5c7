"""The main panel: who is in control, the emergency stop, planner, hand, goal and recording."""

from __future__ import annotations

import time
from collections.abc import Callable
from html import escape
from pathlib import Path

import numpy as np
import viser

from robot_wm.errors import RobotWmError
from ros_nodes.console.board import Board
from ros_nodes.console.deeds import Deeds
from ros_nodes.console.pictures import GoalFolder, read_picture
from ros_nodes.console.standing import as_html, nodes_as_html, standing

NOTE_S = 8.0
NUDGE_HZ, NUDGE_M_S = 20.0, 0.08
ROWS = {
    "Planner": {"Start": "planner/start", "Stop": "planner/stop"},
    "Control": {"Take over": "control/take", "Give back": "control/give_back"},
    "After a stop": {"Reset": "safety/reset"},
}
VERDICTS = {"Success": "episode/success", "Failure": "episode/failure", "Discard": "episode/discard"}
AXES = {"+x": (0, 1), "−x": (0, -1), "+y": (1, 1), "−y": (1, -1), "+z": (2, 1), "−z": (2, -1)}


class Controls:
    """Widgets of the main panel.

    Args:
        page: The server.
        deeds: What clicks do.
        camera: Topic of the pictures that can be goals.
        goals: Folder of saved goal pictures.
    """

    def __init__(self, page: viser.ViserServer, deeds: Deeds, camera: str, goals: Path) -> None:
        self._gui, self._deeds, self._camera, self._goals = page.gui, deeds, camera, GoalFolder(goals)
        self._standing = self._gui.add_html("")
        self._estop()
        self._rows()
        self._note = self._gui.add_html("")
        with self._gui.add_folder("Hand"):
            self._hand_folder()
        with self._gui.add_folder("Goal"):
            self._goal_folder()
        with self._gui.add_folder("Recording"):
            self._recording_folder()
        self._scene = self._gui.add_folder("Simulated scene", visible=False)
        with self._scene:
            self._scene_folder()
        with self._gui.add_folder("Nodes", expand_by_default=False):
            self._nodes = self._gui.add_html("")

    def _estop(self) -> None:
        """Both ways run on the server's own thread: they wait for no other click."""
        button = self._gui.add_button("EMERGENCY STOP", color="red", icon=viser.Icon.HAND_STOP, hint="Esc")
        key = self._gui.add_command("Emergency stop", hotkey="escape")

        @button.on_click
        async def _(_: viser.GuiEvent) -> None:
            self._deeds.estop()

        @key.on_trigger
        async def _(_: viser.CommandEvent) -> None:
            self._deeds.estop()

    def _rows(self) -> None:
        for label, names in ROWS.items():
            row = self._gui.add_button_group(label, tuple(names))

            @row.on_click
            async def _(event: viser.GuiEvent, names: dict[str, str] = names) -> None:
                self._deeds.trigger(names[event.target.value])

    def _hand_folder(self) -> None:
        self.turns = self._gui.add_checkbox("Turn too", False, hint="The gizmo turns the tool, not only moves it")
        grip = self._gui.add_slider("Gripper", 0.0, 1.0, 0.05, 1.0, hint="0 is closed, 1 is open")

        @grip.on_update
        async def _(_: viser.GuiEvent) -> None:
            self._deeds.grip(float(grip.value))

        with self._gui.add_folder("Nudge: hold a button", expand_by_default=False):
            for label, (axis, sign) in AXES.items():
                self._nudge(label, np.eye(3)[axis] * sign * NUDGE_M_S / NUDGE_HZ)

    def _nudge(self, label: str, step: np.ndarray) -> None:
        button = self._gui.add_button(label)

        @button.on_hold(callback_hz=NUDGE_HZ)
        async def _(_: viser.GuiEvent) -> None:
            tool = self._deeds.board.pose
            if tool is not None:
                self._deeds.hand.nudge(tool, step, time.monotonic())
                self._deeds.move()

    def _goal_folder(self) -> None:
        take = self._gui.add_button("Take this view as goal", icon=viser.Icon.CAMERA)
        take.on_click(lambda _: self._guarded(self._take_view))
        save = self._gui.add_button("Save this view", icon=viser.Icon.DEVICE_FLOPPY)
        save.on_click(lambda _: self._guarded(self._save_view))
        self._saved = self._gui.add_dropdown("Saved", ("–", *self._goals.names()))
        self._saved.on_update(lambda _: self._guarded(self._use_saved))
        upload = self._gui.add_upload_button("Take a file", icon=viser.Icon.UPLOAD, mime_type="image/*")
        upload.on_upload(
            lambda _: self._guarded(
                lambda: self._deeds.send_goal(read_picture(upload.value.content, upload.value.name))
            )
        )

    def _guarded(self, deed: Callable[[], None]) -> None:
        """Notes a RobotWmError instead of raising it in viser's threads."""
        try:
            deed()
        except RobotWmError as error:
            self._deeds.board.says(str(error))

    def _take_view(self) -> None:
        shot = self._deeds.board.views.get(self._camera)
        if shot is None:
            self._deeds.board.says(f"no picture came on {self._camera} yet")
        else:
            self._deeds.send_goal(shot.pixels)

    def _save_view(self) -> None:
        shot = self._deeds.board.views.get(self._camera)
        if shot is None:
            self._deeds.board.says(f"no picture came on {self._camera} yet")
            return
        name = self._goals.save(shot.pixels)
        self._saved.options = ("–", *self._goals.names())
        self._deeds.board.says(f"saved {self._goals.folder / name}.png")

    def _use_saved(self) -> None:
        if self._saved.value != "–":
            self._deeds.send_goal(self._goals.load(self._saved.value))

    def _recording_folder(self) -> None:
        self._task = self._gui.add_text("Task", "", hint="What is done, in words; needed for training")
        self._record = self._gui.add_button("Record", color="red", icon=viser.Icon.PLAYER_RECORD)
        self._record.on_click(lambda _: self._deeds.record(not self._is_recording(), self._task.value.strip()))
        self._begin = self._gui.add_button("Begin episode", icon=viser.Icon.FLAG, disabled=True)
        self._begin.on_click(lambda _: self._deeds.trigger("episode/start"))
        self._verdicts = [self._verdict(label, service) for label, service in VERDICTS.items()]

    def _verdict(self, label: str, service: str) -> viser.GuiButtonHandle:
        button = self._gui.add_button(label, disabled=True)
        button.on_click(lambda _: self._deeds.trigger(service))
        return button

    def _is_recording(self) -> bool:
        return self._deeds.board.health.get("recorder_node", {}).get("lifecycle") == "active"

    def _scene_folder(self) -> None:
        task = self._gui.add_dropdown("Task", ("reach", "push"), hint="Tasks that the shipped bundle has learned")
        seed = self._gui.add_number("Seed", 0, min=0, max=2**31 - 1, step=1)
        self._gui.add_button("Set up").on_click(lambda _: self._deeds.set_up(task.value, int(seed.value)))
        self._gui.add_button("Take its goal picture").on_click(lambda _: self._take_sim_goal())

    def _take_sim_goal(self) -> None:
        goal = self._deeds.board.sim_goal
        if goal is None:
            self._deeds.board.says("sim/goal_image: no picture came yet")
        else:
            self._deeds.send_goal(goal)

    def refresh(self, board: Board) -> None:
        """Shows what was heard."""
        now_s = time.monotonic()
        said = board.note.text if now_s - board.note.heard_s < NOTE_S else ""
        _show(self._standing, as_html(standing(board, now_s)))
        _show(self._note, f'<div style="font-size:12px;margin:0 0.5em;min-height:1.4em">{escape(said)}</div>')
        _show(self._nodes, nodes_as_html(board, now_s))
        is_recording = self._is_recording()
        label = "End recording" if is_recording else "Record"
        if self._record.label != label:
            self._record.label = label
            for button in (self._begin, *self._verdicts):
                button.disabled = not is_recording
        if self._scene.visible != bool(board.sim_task.text):
            self._scene.visible = bool(board.sim_task.text)


def _show(html: viser.GuiHtmlHandle, content: str) -> None:
    if html.content != content:
        html.content = content
