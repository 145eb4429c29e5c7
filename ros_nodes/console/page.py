"""The page as a whole, painted by threads of its own so that no callback of the node waits for a browser."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import viser

from ros_nodes.console.controls import Controls
from ros_nodes.console.deeds import Deeds
from ros_nodes.console.gate import address_of, open_page
from ros_nodes.console.imagination import Imagination
from ros_nodes.console.judging import Judge
from ros_nodes.console.stage import Stage
from ros_nodes.console.views import Views
from ros_nodes.robot_config import RobotConfig

ARM_S, PICTURES_S, THOUGHT_S = 0.05, 0.1, 0.5
"""Periods of what is painted, seconds."""
BRAND = (34, 139, 230)


class Page:
    """Serves the page until `close`.

    Args:
        port: TCP port on 127.0.0.1.
        token: What the address must hold.
        robot: Whose arm is drawn.
        deeds: What clicks do, and what was heard.
        camera: Topic of the camera that goals are for.
        imagination: None where the bundle has no decoder.
        judge: Takes judgements of clips.
        dataset: Folder of the dataset that clips are offered from.
        goals: Folder of saved goal pictures.
        failed: Called with an exception of a painter.

    Raises:
        ConsoleError: The page cannot be served safely.

    Attributes:
        address: What to open in a browser.
    """

    def __init__(
        self,
        port: int,
        token: str,
        robot: RobotConfig,
        deeds: Deeds,
        *,
        camera: str,
        imagination: Imagination | None,
        judge: Judge,
        dataset: str,
        goals: Path,
        failed: Callable[[str, Exception], None],
    ) -> None:
        self._deeds, self._imagination, self._failed = deeds, imagination, failed
        self._server = open_page(port, token, f"robot_wm · {robot.name}")
        self.address = address_of(self._server, token)
        self._server.gui.configure_theme(dark_mode=True, show_logo=False, show_share_button=False, brand_color=BRAND)
        self._stage = Stage(self._server, robot)
        self._views = Views(self._server, deeds.board, camera, imagination, judge, dataset)
        self._controls = Controls(self._server, deeds, camera, goals)
        self._server.gui.main_panel.dock_right()
        self._take_the_hand()
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(period_s, paint), name=name, daemon=True)
            for name, period_s, paint in (
                ("console arm", ARM_S, self._paint_arm),
                ("console pictures", PICTURES_S, self._paint_pictures),
                ("console imagination", THOUGHT_S, self._imagine),
            )
        ]
        for thread in self._threads:
            thread.start()

    def _take_the_hand(self) -> None:
        """Gizmo to hand: on the server's own thread, in the order of the browser's events."""
        gizmo, hand = self._stage.gizmo, self._deeds.hand

        @gizmo.on_update
        async def _(event: viser.TransformControlsEvent) -> None:
            if event.phase == "end":
                hand.release()
            else:
                hand.drag(self._stage.gizmo_pose(), time.monotonic())
            self._deeds.move()

        @self._controls.turns.on_update
        async def _(_: viser.GuiEvent) -> None:
            self._stage.turn_too(self._controls.turns.value)

        @self._server.on_client_disconnect
        async def _(_: viser.ClientHandle) -> None:
            hand.release()
            self._deeds.move()

    def _repeat(self, period_s: float, paint: Callable[[], None]) -> None:
        while not self._closing.wait(period_s):
            try:
                paint()
            except Exception as error:
                self._failed("the page is not up to date", error)

    def _paint_arm(self) -> None:
        if self._server.get_clients():
            self._stage.follow(self._deeds.board, self._deeds.hand.held(time.monotonic()))

    def _paint_pictures(self) -> None:
        if self._server.get_clients():
            self._stage.draw_plan(self._deeds.board)
            self._views.refresh()
            self._controls.refresh(self._deeds.board)

    def _imagine(self) -> None:
        if self._imagination is None or not self._server.get_clients():
            return
        plan = self._deeds.board.plan
        if plan is not None and len(plan.poses):
            self._imagination.think(plan)
        self._views.refresh_imagined()

    def close(self) -> None:
        """Ends the painters and the server."""
        self._closing.set()
        for thread in self._threads:
            thread.join(5.0)
        self._server.stop()
