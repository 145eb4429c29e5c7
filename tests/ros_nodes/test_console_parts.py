"""The parts of the console that need no browser: the gate, the hand, words, goals, imagination, judging."""

from __future__ import annotations

import http.client
import json
import socket
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("viser", reason="the console needs viser: pip install 'robot_wm[teleop]'")
sys.path.insert(0, str(Path(__file__).parent))

from small_dataset import make_dataset

from robot_wm.actions import integrate
from robot_wm.errors import DatasetError
from ros_nodes.console.board import Board, Shot, Word
from ros_nodes.console.gate import ConsoleError, address_of, open_page
from ros_nodes.console.hand import LEASH_M, LONGEST_STILL_S, NUDGE_S, Hand
from ros_nodes.console.imagination import Dream, actions_of, side_by_side
from ros_nodes.console.judging import Judge
from ros_nodes.console.pictures import GoalFolder, enlarged, read_picture
from ros_nodes.console.standing import as_html, nodes_as_html, standing
from ros_nodes.conversions import Plan

TOKEN = "a-token_for-the-test"
TOOL = np.array([0.5, 0.0, 0.2, 1.0, 0.0, 0.0, 0.0])


@pytest.fixture(scope="module")
def port():
    page = open_page(0, TOKEN, "test")
    yield page.get_port()
    page.stop()


def _status(port: int, path: str, **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10.0)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def _handshake(port: int, path: str, origin: str | None) -> int:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Protocol": "viser-v0",
    }
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *(f"{k}: {v}" for k, v in upgrade.items())]
    lines += [] if origin is None else [f"Origin: {origin}"]
    with socket.create_connection(("127.0.0.1", port), timeout=10.0) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return int(connection.recv(64).split()[1])


def test_only_the_token_opens_the_page(port: int) -> None:
    assert _status(port, f"/{TOKEN}/") == 200
    assert _status(port, f"/{TOKEN}") == 200
    for path in ("/", "/index.html", f"/{TOKEN}x/", f"/?{TOKEN}", f"//x/{TOKEN}", "/%61-token_for-the-test/"):
        assert _status(port, path) == 403, path


def test_another_name_of_this_computer_is_refused(port: int) -> None:
    assert _status(port, f"/{TOKEN}/", Host=f"rebound.example:{port}") == 403
    assert _status(port, f"/{TOKEN}/", Host=f"localhost:{port}") == 200


def test_the_websocket_needs_token_and_origin(port: int) -> None:
    own = f"http://127.0.0.1:{port}"
    assert _handshake(port, f"/{TOKEN}", own) == 101
    assert _handshake(port, "/", own) == 403
    assert _handshake(port, f"/{TOKEN}", "http://evil.example") == 403
    assert _handshake(port, f"/{TOKEN}", None) == 403


def test_the_server_listens_on_loopback_only_and_is_never_shared() -> None:
    page = open_page(0, TOKEN, "test")
    try:
        assert page.get_host() == "127.0.0.1" and address_of(page, TOKEN).endswith(f"/{TOKEN}/")
        assert page.request_share_url() is None
    finally:
        page.stop()


def test_a_viser_that_answers_without_a_token_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ros_nodes.console.gate.refusal", lambda *_: "")
    with pytest.raises(ConsoleError, match="without the token"):
        open_page(0, TOKEN, "test")


def test_a_dragged_gizmo_that_says_nothing_more_is_let_go() -> None:
    hand = Hand()
    hand.drag(TOOL, 10.0)
    assert hand.held(10.0 + LONGEST_STILL_S - 0.1) and not hand.held(10.0 + LONGEST_STILL_S + 0.1)
    hand.drag(TOOL, 20.0)
    hand.release()
    assert not hand.held(20.0)


def test_nudges_add_up_as_far_as_the_leash() -> None:
    hand, step = Hand(), np.array([0.0, 0.0, 0.01])
    for tick in range(20):
        hand.nudge(TOOL, step, 0.05 * tick)
    assert hand.pose is not None and hand.pose[2] == pytest.approx(TOOL[2] + LEASH_M)
    assert not hand.held(0.05 * 19 + NUDGE_S + 0.01)
    hand.nudge(TOOL, step, 9.0)
    assert hand.pose[2] == pytest.approx(TOOL[2] + 0.01), "a new nudge begins at the tool"


def _board(state: str, reason: str = "", source: str = "planner: started") -> Board:
    return Board(safety={"message": state, "reason": reason}, safety_heard_s=99.0, source=Word(source, 99.0))


def test_the_page_says_who_is_in_control_and_why_the_arm_stands() -> None:
    assert standing(Board(), 100.0).headline == "No word from safety_node"
    moving = standing(_board("following"), 100.0)
    assert (moving.colour, moving.reason, moving.control) == ("green", "", "The planner")
    stopped = standing(_board("stopped", "emergency stop: button", "none: safety"), 100.0)
    assert stopped.colour == "red" and "emergency stop: button" in stopped.reason and stopped.control == "Nobody"
    waiting = _board("holding", "no command yet")
    waiting.health["planner_node"] = {"message": "waiting for goal/image", "level": "1"}
    assert standing(waiting, 100.0).reason == "waiting for goal/image"
    by_hand = _board("holding", "no command yet", "person: teleop")
    by_hand.teleop = Word("refused: 0.2 m from the tool", 99.0)
    assert standing(by_hand, 100.0).reason == "refused: 0.2 m from the tool"


def test_what_others_say_is_text_never_markup() -> None:
    board = _board("stopped", "<script>alert(1)</script>")
    board.health["evil"] = {"message": '"><img src=x>', "level": "2"}
    board.health_heard_s["evil"] = 100.0
    html = as_html(standing(board, 100.0)) + nodes_as_html(board, 100.0)
    assert "<script>" not in html and "<img" not in html


def test_goal_pictures_come_back_as_they_were_saved(tmp_path: Path) -> None:
    folder = GoalFolder(tmp_path / "goals")
    assert folder.names() == ()
    pixels = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    name = folder.save(pixels)
    assert folder.names() == (name,) and np.array_equal(folder.load(name), pixels)
    with pytest.raises(ConsoleError, match="no picture"):
        folder.load("../secret")
    with pytest.raises(ConsoleError, match="not a PNG or JPEG"):
        read_picture(b"<svg/>", "a.png")


def test_enlarging_repeats_pixels() -> None:
    assert enlarged(np.zeros((96, 196, 3), np.uint8), 400).shape == (192, 392, 3)
    assert enlarged(np.zeros((240, 320, 3), np.uint8), 300).shape == (240, 320, 3)


def test_the_actions_of_a_plan_lead_along_its_poses() -> None:
    actions = np.zeros((1, 4, 7), np.float32)
    actions[0, :, :3] = [[0.01, 0.02, 0.0], [0.0, 0.01, -0.01], [0.03, 0.0, 0.0], [0.0, 0.0, 0.02]]
    actions[0, :, 6] = [1.0, 0.5, 0.5, 0.0]
    state = np.append(TOOL, 1.0).astype(np.float32)
    states = integrate(state, actions)[0]
    plan = Plan(5.0, 0.2 * np.arange(1, 5), states[:, :7].astype(float), states[:, 7].astype(float))
    assert np.allclose(actions_of(plan, state), actions[0], atol=1e-6)


def test_imagined_pictures_stand_above_those_of_their_time() -> None:
    pictures = np.arange(8, dtype=np.uint8)[:, None, None, None] * np.ones((8, 4, 4, 3), np.uint8)
    dream = Dream(10.0 + 0.2 * np.arange(1, 9), pictures)
    shots = [Shot(10.0 + 0.2 * step + 0.01, np.full((4, 4, 3), 100 + step, np.uint8)) for step in (1, 3)]
    strip = side_by_side(dream, shots, 0.1)
    columns = strip[:, ::8, 0]
    assert columns[0].tolist() == [0, 2, 5, 7]
    assert columns[-1].tolist() == [101, 103, 60, 60], "what has not happened yet is grey"


def test_judgements_are_lines_of_json_that_name_both_clips(tmp_path: Path) -> None:
    judge = Judge(tmp_path / "out" / "preferences.jsonl", np.random.default_rng(0))
    with pytest.raises(DatasetError, match="no pair"):
        judge.prefer(left=True)
    root = make_dataset(tmp_path / "set", 3)
    pair = judge.draw(root)
    assert pair.left.episode != pair.right.episode and pair.frame(7).shape == (96, 198, 3)
    judge.prefer(left=False)
    (line,) = (tmp_path / "out" / "preferences.jsonl").read_text().splitlines()
    judged = json.loads(line)
    assert set(judged) == {"better", "worse"} and judged["better"]["episode"] == pair.right.episode
    assert judged["worse"] == {"dataset": str(root), "episode": pair.left.episode, "start": 0, "length": 6}
    with pytest.raises(DatasetError, match="two are needed"):
        judge.draw(make_dataset(tmp_path / "one", 1))
