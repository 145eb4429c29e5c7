"""Frames from messages of several topics: the rules, gaps, jumps of the clock, and independence of arrival order."""

from dataclasses import replace

import numpy as np
import pytest

from robot_wm.actions import displacement, integrate
from robot_wm.contract import TABLETOP
from robot_wm.data.alignment import Aligner

MS = 10**6
S = 10**9


def feed(messages, contract=TABLETOP):
    aligner = Aligner(contract)
    frames = [frame for name, stamp_ns in messages for frame in aligner.push(name, stamp_ns, (name, stamp_ns))]
    return frames + aligner.finish(), aligner.losses


def stream(seconds=4.0, camera_hz=30, joints_hz=250, start_ns=S):
    """Messages in the order of their stamps: images, joint states, and a plan 40 ms after its image, at 5 Hz."""
    end_ns = round(seconds * S)
    messages = [(start_ns + at, start_ns + at, "camera") for at in range(0, end_ns, S // camera_hz)]
    messages += [(start_ns + at + 1, start_ns + at + 1, "state") for at in range(0, end_ns, S // joints_hz)]
    messages += [(start_ns + at + 40 * MS, start_ns + at, "action") for at in range(0, end_ns, 200 * MS)]
    return [(name, stamp_ns) for _, stamp_ns, name in sorted(messages)]


def summary(frames):
    return [(frame.stamp_ns, tuple(sorted(frame.values.items())), frame.run) for frame in frames]


def test_frames_come_at_the_step_with_the_nearest_state_and_the_last_plan():
    frames, losses = feed(stream())
    assert len(frames) == 21 and {frame.run for frame in frames} == {0}
    assert np.diff([frame.stamp_ns for frame in frames]) == pytest.approx(200 * MS, abs=1000)
    for frame in frames:
        assert abs(frame.values["state"][1] - frame.stamp_ns) <= 4 * MS
        assert 0 <= frame.stamp_ns - frame.values["action"][1] <= 200 * MS
    assert not losses.missing and not losses.gaps and not losses.jumps


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_arrival_between_topics_does_not_matter(seed):
    rng, messages = np.random.default_rng(seed), stream()
    names = np.array([name for name, _ in messages])
    delays = {name: int(rng.integers(0, 60)) * MS for name in ("camera", "state", "action")}
    arrivals = [stamp_ns + delays[name] + int(rng.integers(0, MS)) for name, stamp_ns in messages]
    for name in delays:  # within a topic the order stays
        ours = names == name
        np.asarray(arrivals)[ours] = np.maximum.accumulate(np.asarray(arrivals)[ours])
    shuffled = [message for _, message in sorted(zip(arrivals, messages, strict=True))]
    assert summary(feed(shuffled)[0]) == summary(feed(messages)[0])


def test_a_camera_that_is_slower_than_the_step_by_jitter_only_is_followed():
    rng = np.random.default_rng(0)
    stamps = S + np.arange(100) * 200 * MS + rng.integers(-30, 30, 100) * MS
    messages = sorted([("camera", int(s)) for s in stamps] + [("action", int(s)) for s in stamps], key=lambda m: m[1])
    messages = sorted(messages + [("state", t) for t in range(S - S // 10, 22 * S, 10 * MS)], key=lambda m: m[1])
    frames, losses = feed(messages)
    assert len(frames) in (99, 100) and not losses.gaps and frames[-1].run == 0


def test_a_gap_of_the_camera_begins_a_new_run_and_is_listed():
    messages = [m for m in stream() if not (m[0] == "camera" and 2 * S < m[1] < 2.7 * S)]
    frames, losses = feed(messages)
    assert {frame.run for frame in frames} == {0, 1} and len(losses.gaps) == 1
    before, after = losses.gaps[0]
    assert before <= 2 * S and after >= 2.7 * S


def test_a_silent_topic_leaves_frames_out_and_says_which():
    messages = [m for m in stream() if not (m[0] == "state" and 2 * S < m[1] < 3 * S)]
    frames, losses = feed(messages)
    assert 3 <= losses.missing["state"] <= 5 and losses.missing["action"] == 0
    assert len(frames) == 21 - losses.missing["state"]
    runs = [frame.run for frame in frames]
    assert runs == sorted(runs) and len(set(runs)) == 2
    assert feed([m for m in stream() if m[0] != "action"])[0] == []


def test_a_clock_that_goes_back_is_marked_and_nothing_crosses_it():
    messages = stream(2.0) + stream(2.0, start_ns=S - S // 2)
    frames, losses = feed(messages)
    assert [jump[0] for jump in losses.jumps].count("camera") == 1
    for frame in frames:
        assert all(abs(stamp_ns - frame.stamp_ns) <= 800 * MS for _, stamp_ns in frame.values.values())
    stamps = [[f.stamp_ns for f in frames if f.run == run] for run in {f.run for f in frames}]
    assert all(np.all(np.diff(run) > 0) for run in stamps) and len(frames) > 10


def test_messages_out_of_order_and_doubles_are_counted_not_used():
    messages = stream()
    messages[100:100] = [messages[99], ("state", messages[99][1] - 5 * MS)]
    assert sum(feed(messages)[1].unordered.values()) >= 1
    assert summary(feed(messages)[0]) == summary(feed(stream())[0])


def test_memory_stays_bounded_when_the_camera_is_silent():
    aligner = Aligner(TABLETOP)
    for number in range(20_000):
        aligner.push("state", S + number * 4 * MS, None)
    assert len(aligner._tracks["state"].stamps) < 500


def test_the_step_may_be_the_cameras_own():
    frames, _ = feed(stream(1.0), replace(TABLETOP, step_s=1 / 30))
    assert len(frames) == 31


def test_displacement_is_what_integrate_undoes():
    rng = np.random.default_rng(0)
    for _ in range(20):
        states = rng.normal(size=(2, 8))
        states[:, 3:7] /= np.linalg.norm(states[:, 3:7], axis=1, keepdims=True)
        action = displacement(*states)
        reached = integrate(states[0], action[None, None])[0, 0]
        np.testing.assert_allclose(reached[[0, 1, 2, 7]], states[1][[0, 1, 2, 7]], atol=1e-6)
        assert abs(reached[3:7] @ states[1][3:7]) == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_array_equal(displacement(states[0], states[0])[:6], np.zeros(6, np.float32))
