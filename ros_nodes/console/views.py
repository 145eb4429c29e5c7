"""The panel of pictures and curves, and the one where clips are judged."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import viser

from robot_wm.errors import RobotWmError
from ros_nodes.console.board import Board
from ros_nodes.console.imagination import Imagination
from ros_nodes.console.judging import Judge
from ros_nodes.console.pictures import enlarged

WIDTH, SPAN_S = 396, 30.0
BLANK = np.full((96, 96, 3), 40, np.uint8)
GREY = "#868e96"


class Views:
    """Widgets of the left panel.

    Args:
        page: The server.
        board: What was heard.
        camera: Topic of the picture that is shown beside the goal.
        imagination: None where the bundle has no decoder.
        judge: Takes judgements of clips.
        dataset: Folder of the dataset that clips are offered from.
    """

    def __init__(
        self,
        page: viser.ViserServer,
        board: Board,
        camera: str,
        imagination: Imagination | None,
        judge: Judge,
        dataset: str,
    ) -> None:
        self._gui, self._board, self._camera = page.gui, board, camera
        self._imagination, self._judge = imagination, judge
        self._shown: dict[int, object] = {}
        self._clip_frame = 0
        panel = self._gui.add_panel()
        with panel.add_tab("Live", viser.Icon.EYE):
            self._live_tab()
        with panel.add_tab("Judge", viser.Icon.SCALE):
            self._judge_tab(dataset)
        panel.dock_left()
        panel.set_width(WIDTH + 24)

    def _live_tab(self) -> None:
        self._pair = self._gui.add_image(_beside(BLANK, BLANK), label="Camera now · goal", format="jpeg")
        self._overview = self._gui.add_image(BLANK, label="Overview", format="jpeg", visible=False)
        self._strip = self._gui.add_image(BLANK, label="Imagined · happened", format="jpeg", visible=False)
        self._subgoal = self._gui.add_image(BLANK, label="Sub-goal as imagined", format="jpeg", visible=False)
        self._energy = self._curve("Energy of the plan", "#4dabf7")
        self._surprise = self._curve("Surprise, standard deviations", "#ffa94d")

    def _curve(self, label: str, colour: str) -> viser.GuiUplotHandle:
        empty = np.array([-SPAN_S, 0.0])
        axis: dict = {"stroke": GREY, "size": 24, "font": "10px sans-serif", "grid": {"stroke": "#86868633"}}
        return self._gui.add_uplot(
            (empty, np.zeros(2)),
            (viser.uplot.Series(), viser.uplot.Series(stroke=colour, width=2, points={"show": False})),
            title=label,
            legend=viser.uplot.Legend(show=False),
            scales={"x": viser.uplot.Scale(time=False)},
            axes=(viser.uplot.Axis(**axis), viser.uplot.Axis(**(axis | {"size": 44}))),
            height=130,
        )

    def _judge_tab(self, dataset: str) -> None:
        self._gui.add_markdown("Which clip comes nearer to what you want? Each answer teaches the preference cost.")
        folder = self._gui.add_text("Dataset", dataset)
        self._clips = self._gui.add_image(_beside(BLANK, BLANK), format="jpeg")
        answer = self._gui.add_button_group("Better", ("The left one", "The right one"))
        answer.on_click(lambda event: self._judged(event.target.value == "The left one", Path(folder.value)))
        self._gui.add_button("Next pair").on_click(lambda _: self._draw_pair(Path(folder.value)))

    def _judged(self, left: bool, root: Path) -> None:
        try:
            self._board.says(self._judge.prefer(left))
        except (RobotWmError, OSError) as error:
            self._board.says(str(error))
        else:
            self._draw_pair(root)

    def _draw_pair(self, root: Path) -> None:
        try:
            self._judge.draw(root)
        except (RobotWmError, OSError) as error:
            self._board.says(str(error))

    def refresh(self) -> None:
        """Shows what is new."""
        board = self._board
        now, goal = board.views.get(self._camera), board.goal
        picture, target = BLANK if now is None else now.pixels, BLANK if goal is None else goal
        if self._is_new(self._pair, (id(now), id(goal))) and picture.shape == target.shape:
            self._pair.image = _beside(picture, target)
        overview = board.views.get("overview/image_raw")
        if overview is not None and self._is_new(self._overview, overview):
            self._overview.image, self._overview.visible = overview.pixels, True
        self._refresh_curves()
        pair = self._judge.pair
        if pair is not None:
            self._clip_frame += 1
            self._clips.image = enlarged(pair.frame(self._clip_frame), WIDTH)

    def refresh_imagined(self) -> None:
        """Shows what was imagined, as far as it has happened."""
        if self._imagination is None:
            return
        strip = self._imagination.strip()
        if strip is not None:
            self._strip.image, self._strip.visible = strip, True
        subgoal = self._board.subgoal
        if subgoal is not None and self._is_new(self._subgoal, subgoal):
            self._subgoal.image, self._subgoal.visible = enlarged(self._imagination.draw(subgoal[None])[0], 192), True

    def _refresh_curves(self) -> None:
        for plot, values in ((self._energy, self._board.energies), (self._surprise, self._board.surprises)):
            if values and self._is_new(plot, values[-1]):
                plot.data = _recent(list(values))

    def _is_new(self, widget: object, content: object) -> bool:
        """Whether a widget shows something else; all but tuples are compared by identity."""
        before, self._shown[id(widget)] = self._shown.get(id(widget)), content
        return before != content if isinstance(content, tuple) else before is not content


def _recent(values: Iterable[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Seconds before now and values of the last `SPAN_S`."""
    table, now_s = np.array(list(values)), time.monotonic()
    recent = table[table[:, 0] > now_s - SPAN_S]
    return np.append(recent[:, 0] - now_s, 0.0), np.append(recent[:, 1], table[-1, 1])


def _beside(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    gap = np.full_like(left[:, :4], 30)
    return enlarged(np.concatenate([left, gap, right], axis=1), WIDTH)
