"""`robot-wm dataset`: every verb on a real dataset and a real recording, sound and damaged."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("mcap")

from robot_wm.cli import main
from robot_wm.contract import TABLETOP, Camera
from robot_wm.data import Dataset, DatasetWriter
from robot_wm.data.bag_file import BagTopic
from robot_wm.data.bag_writer import BagWriter

TWO = replace(TABLETOP, cameras=(*TABLETOP.cameras, Camera("wrist", "wrist/image_raw", 32, 48, "rgb8", "wrist")))


def with_view(episode):
    view = np.random.default_rng(len(episode)).integers(0, 255, (len(episode), 32, 48, 3), dtype=np.uint8)
    return replace(episode, views={"wrist": view})


@pytest.fixture
def root(tmp_path, make_episode):
    with DatasetWriter(tmp_path / "d", TWO) as writer:
        for seed, task in enumerate(("push", "push", "reach", "push")):
            writer.add(with_view(make_episode(6 + seed, seed, task)))
    return tmp_path / "d"


@pytest.fixture
def bag(tmp_path):
    bag = BagWriter(tmp_path / "bag", 1)
    topic = bag.add_topic(BagTopic("/word", "std_msgs/msg/String", "string data\n"))
    marks = bag.add_topic(BagTopic("/episode/mark", "std_msgs/msg/String", "string data\n"))
    for number in range(200):
        bag.write(topic, b"\0\1\0\0\2\0\0\0a\0", 10**9 + number * 10**7, 10**9)
        if number in (20, 150):
            words = b"start push\0" if number == 20 else b"success\0"
            payload = b"\0\1\0\0" + len(words).to_bytes(4, "little") + words
            bag.write(marks, payload, 10**9 + number * 10**7, 10**9)
            bag.flush()
    bag.close()
    return tmp_path / "bag"


def test_several_cameras_come_back_to_the_bit(root, make_episode, assert_equal):
    dataset = Dataset.open(root)
    for index in (2, 0, 3, 1):
        expected = with_view(make_episode(6 + index, index))
        got = dataset.read(index)
        np.testing.assert_array_equal(got.views["wrist"], expected.views["wrist"])
        np.testing.assert_array_equal(got.images, expected.images)
    features = json.loads((root / "meta/info.json").read_text())["features"]
    assert features["observation.images.wrist"]["shape"] == [32, 48, 3]


def test_info(root, bag, capsys):
    assert main(["dataset", "info", str(root)]) == 0
    said = capsys.readouterr().out
    assert "4 of 6 to 9 frames" in said and "push (3), reach (1)" in said and "wrist 48x32" in said
    assert main(["dataset", "info", str(bag)]) == 0
    said = capsys.readouterr().out
    assert "202 messages in 2.0 s" in said and "episode 0: 1.3 s, success, task 'push'" in said and "100.0" in said


def test_verify_and_repair_a_recording(bag, tmp_path, capsys):
    assert main(["dataset", "verify", str(bag)]) == 0
    assert "no damage was found" in capsys.readouterr().out
    file = bag / "bag_0.mcap"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    before = file.read_bytes()
    assert main(["dataset", "verify", str(bag)]) == 1
    said = capsys.readouterr().out
    assert "cut off" in said and f"robot-wm dataset repair {bag}" in said
    assert main(["dataset", "repair", str(bag)]) == 0
    assert file.read_bytes() == before
    assert main(["dataset", "verify", str(tmp_path / "bag_repaired")]) == 0
    assert main(["dataset", "repair", str(bag)]) == 2
    assert "never writes into something" in capsys.readouterr().err


def test_verify_a_dataset(root, capsys):
    assert main(["dataset", "verify", str(root)]) == 0
    video = root / "videos/observation.images.wrist/chunk-000/file-000.mp4"
    data = bytearray(video.read_bytes())
    data[len(data) // 2] ^= 0x55
    video.write_bytes(data)
    stats = root / "meta/stats.json"
    stats.write_text(stats.read_text().replace('"mean": [', '"mean": [1e3,', 1))
    capsys.readouterr()
    assert main(["dataset", "verify", str(root)]) == 1
    assert re.search(r"episode \d cannot be read: .*wrist", capsys.readouterr().out)


def test_stats(root, capsys):
    assert main(["dataset", "stats", str(root)]) == 0
    said = capsys.readouterr().out
    column = np.concatenate([episode.actions for episode in Dataset.open(root)])[:, 0]
    assert "action[0]" in said and f"{column.max():.5g}" in said


def test_split_divides_episodes_once(root, tmp_path, capsys):
    assert main(["dataset", "split", str(root), "--out", str(tmp_path / "s"), "--val", "0.25"]) == 0
    parts = {name: list(Dataset.open(tmp_path / "s" / name)) for name in ("train", "val")}
    assert (len(parts["train"]), len(parts["val"])) == (3, 1)
    stamps = [episode.stamps[0] for part in parts.values() for episode in part]
    assert sorted(stamps) == sorted(episode.stamps[0] for episode in Dataset.open(root))
    assert main(["dataset", "split", str(root), "--out", str(tmp_path / "s")]) == 2


def test_the_page_of_an_episode_holds_everything_itself(root, tmp_path, capsys):
    assert main(["dataset", "view", str(root), "-e", "2", "--out", str(tmp_path / "p.html")]) == 0
    text = (tmp_path / "p.html").read_text()
    content = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])
    assert {name: len(frames) for name, frames in content["frames"].items()} == {"camera": 8, "wrist": 8}
    assert content["frames"]["wrist"][0][1].startswith("data:image/jpeg;base64,/9j/")
    assert {curve["group"] for curve in content["curves"]} == {"state", "action", "monitor"}
    assert "http" not in re.sub(r"data:[^\"]*", "", text) and "episode 2: reach" in text


def test_the_page_of_a_recording_shows_its_marks(bag, capsys):
    assert main(["dataset", "view", str(bag)]) == 0
    content = json.loads(re.search(r'id="data">(.*?)</script>', bag.with_name("bag.html").read_text(), re.S)[1])
    assert content["events"] == [[0.2, "start push"], [1.5, "success"]]


def test_nothing_there(tmp_path, capsys):
    assert main(["dataset", "info", str(tmp_path / "no.mcap")]) == 2
    assert "does not exist" in capsys.readouterr().err
    assert main(["dataset", "info", str(tmp_path)]) == 2
    assert "no dataset there" in capsys.readouterr().err
