"""Pictures of videos, bags and datasets: the right ones at the right rate, and bad clips named or left out whole."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from mcap.writer import Writer
from rosbags.typesys import Stores, get_typestore

from robot_wm.contract import TABLETOP
from robot_wm.data import DatasetWriter, Episode, load_cached
from robot_wm.data.clips import Form, on_grid
from robot_wm.data.pictures import load_pictures
from robot_wm.data.video import encode
from robot_wm.errors import DatasetError

FORM = Form(size=48, fps=5.0)
TYPES = get_typestore(Stores.ROS2_JAZZY)


def shades(count: int, height: int = 48, width: int = 48) -> np.ndarray:
    """Pictures (count, height, width, 3) of which each has a shade of its own."""
    return np.arange(count, dtype=np.uint8)[:, None, None, None] * 4 + np.zeros((height, width, 3), np.uint8)


def write_video(path: Path, images: np.ndarray, fps: int) -> Path:
    path.write_bytes(encode(images, Fraction(fps)))
    return path


def write_bag(path: Path, images: list[np.ndarray], times: list[float], *, jpeg: bool = False) -> Path:
    kind = "sensor_msgs/msg/CompressedImage" if jpeg else "sensor_msgs/msg/Image"
    message, header = TYPES.types[kind], TYPES.types["std_msgs/msg/Header"]
    stamp = TYPES.types["builtin_interfaces/msg/Time"]
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start("ros2")
        channel = writer.register_channel("/camera/image_raw", "cdr", writer.register_schema(kind, "ros2msg", b""))
        for number, (image, time) in enumerate(zip(images, times, strict=True)):
            head = header(stamp(int(time), round(time % 1 * 1e9)), "camera")
            if jpeg:
                coder = av.CodecContext.create("mjpeg", "w")
                coder.height, coder.width, coder.pix_fmt = *image.shape[:2], "yuvj420p"
                coder.time_base = Fraction(1, 5)
                frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuvj420p")
                packets = [*coder.encode(frame), *coder.encode(None)]
                data = np.frombuffer(b"".join(bytes(packet) for packet in packets), np.uint8)
                value = message(head, "jpeg", data)
            else:
                height, width = image.shape[:2]
                padded = np.pad(image.reshape(height, -1), ((0, 0), (0, 4)))
                value = message(head, height, width, "bgr8", 0, 3 * width + 4, padded.ravel())
            payload = TYPES.serialize_cdr(value, kind)
            writer.add_message(channel, number, bytes(payload), number)
        writer.finish()
    return path


def test_a_fast_video_is_thinned_to_the_rate_and_cut_to_a_square(tmp_path: Path) -> None:
    images = shades(31, 96, 144).copy()
    images[:, :, :24] = images[:, :, -24:] = 255
    got = load_pictures(write_video(tmp_path / "a.mp4", images, 30), FORM, tmp_path / "cache")
    assert got.images.shape == (6, 48, 48, 3) and got.lengths.tolist() == [6]
    assert np.abs(got.images.astype(int) - shades(31)[::6]).max() <= 1


def test_a_folder_holds_clips_in_order_of_name_and_is_decoded_once(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    write_video(tmp_path / "in" / "b.mp4", shades(3), 5)
    write_video(tmp_path / "in" / "deep" / "c.mp4", shades(2), 5)
    write_bag(tmp_path / "in" / "a.mcap", list(shades(4)), [7.0, 7.2, 7.4, 7.6])
    got = load_pictures(tmp_path / "in", FORM, tmp_path / "cache")
    assert got.lengths.tolist() == [4, 3, 2] and got.starts.tolist() == [0, 4, 7]
    assert np.array_equal(got.images[4:7], shades(3))
    before = [path.stat().st_mtime_ns for path in sorted((tmp_path / "cache").rglob("*"))]
    load_pictures(tmp_path / "in", FORM, tmp_path / "cache")
    assert before == [path.stat().st_mtime_ns for path in sorted((tmp_path / "cache").rglob("*"))]


@pytest.mark.parametrize("jpeg", [False, True])
def test_bags_give_their_pictures_by_header_stamps(tmp_path: Path, jpeg: bool) -> None:
    images = shades(21).copy()
    images[..., 0] += 40
    times = [100 + 0.1 * step + (0.01 if step % 2 else 0.0) for step in range(21)]
    got = load_pictures(write_bag(tmp_path / "a.mcap", list(images), times, jpeg=jpeg), FORM, tmp_path / "cache")
    expected = images[::2] if jpeg else images[::2, ..., ::-1]
    assert np.abs(got.images.astype(int) - expected.astype(int)).max() <= (4 if jpeg else 0)


def test_every_episode_of_a_lerobot_dataset_is_a_clip(tmp_path: Path, make_episode: Callable[..., Episode]) -> None:
    with DatasetWriter(tmp_path / "d", TABLETOP) as writer:
        for seed, frames in enumerate((12, 5, 1, 9)):
            writer.add(make_episode(frames, seed))
    (tmp_path / "d" / "meta" / "contract.yaml").rename(tmp_path / "contract.yaml")
    got = load_pictures(tmp_path / "d", Form(size=96, fps=5.0), tmp_path / "cache")
    (tmp_path / "contract.yaml").rename(tmp_path / "d" / "meta" / "contract.yaml")
    assert got.lengths.tolist() == [12, 5, 1, 9]
    assert np.array_equal(got.images, load_cached(tmp_path / "d", progress=False).images)


def broken(path: Path) -> Path:
    write_video(path, np.random.default_rng(0).integers(0, 255, (20, 48, 48, 3), dtype=np.uint8), 5)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    path.write_bytes(data)
    return path


def varying(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=5)
        stream.height = stream.width = 48
        stream.pix_fmt = "yuvj420p"
        for number, size in enumerate((48, 48, 64)):
            coder = av.CodecContext.create("mjpeg", "w")
            coder.height, coder.width, coder.pix_fmt, coder.time_base = size, size, "yuvj420p", Fraction(1, 5)
            frame = av.VideoFrame.from_ndarray(shades(1, size, size)[0].copy(), "rgb24").reformat(format="yuvj420p")
            for packet in (*coder.encode(frame), *coder.encode(None)):
                packet.stream, packet.pts, packet.dts = stream, number, number
                packet.time_base = Fraction(1, 5)
                container.mux(packet)
    return path


def empty(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def cut_bag(path: Path) -> Path:
    whole = write_bag(path, list(shades(4)), [7.0, 7.2, 7.4, 7.6]).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


BAD = {
    "broken.mp4": (broken, "cannot be decoded|is broken|frames are missing"),
    "varying.mkv": (varying, r"size varies: \(48, 48\), from 0.4 s \(64, 64\)"),
    "empty.mp4": (empty, "cannot be decoded"),
    "slow.mp4": (lambda path: write_video(path, shades(5), 2), "another rate"),
    "gap.mcap": (lambda path: write_bag(path, list(shades(3)), [1.0, 1.2, 1.8]), "frames are missing"),
    "back.mcap": (lambda path: write_bag(path, list(shades(3)), [1.0, 1.4, 1.2]), "frames are missing|increase"),
    "sizes.mcap": (
        lambda path: write_bag(path, [shades(1)[0], shades(1, 64, 64)[0]], [1.0, 1.2]),
        "size varies",
    ),
    "none.mcap": (lambda path: write_bag(path, [], []), "no picture on /camera/image_raw"),
    "cut.mcap": (cut_bag, "damaged or cut off"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_clip_is_named_or_skipped_and_counted(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    make, message = BAD[name]
    bad = make(tmp_path / "in" / name)
    write_video(tmp_path / "in" / "good.mp4", shades(3), 5)
    with pytest.raises(DatasetError, match=message) as raised:
        load_pictures(tmp_path / "in", FORM, tmp_path / "cache")
    assert str(bad) in str(raised.value) and "--skip-bad" in str(raised.value)
    got = load_pictures(tmp_path / "in", FORM, tmp_path / "cache", skip_bad=True)
    assert got.lengths.tolist() == [3] and np.array_equal(got.images, shades(3))
    assert len(got.skipped) == 1 and str(bad) in got.skipped[0]


def test_nothing_good_is_an_error_even_when_bad_clips_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(DatasetError, match="no LeRobot dataset"):
        load_pictures(tmp_path / "in", FORM, tmp_path / "cache")
    empty(tmp_path / "in" / "a.mp4")
    with pytest.raises(DatasetError, match="none of its 1 clips is good"):
        load_pictures(tmp_path / "in", FORM, tmp_path / "cache", skip_bad=True)


def test_the_nearest_of_each_instant_is_taken() -> None:
    times = [0.0, 0.04, 0.21, 0.3, 0.38, 0.43, 0.61]
    assert list(on_grid(((t, t) for t in times), 5.0)) == [0.0, 0.21, 0.38, 0.61]
