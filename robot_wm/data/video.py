"""Lossless H.264 in MP4 through PyAV: exact pixels, because a small object is the first thing that a codec blurs."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np

from robot_wm.errors import DatasetError

CODEC = "h264"
PIXEL_FORMAT = "gbrp"
_ENCODER = "libx264rgb"
_OPTIONS = {"preset": "ultrafast", "crf": "0", "g": "2"}
_INDEX_BYTES, _INDEX_BYTES_A_FRAME = 4096, 64


def encode(images: np.ndarray, fps: Fraction) -> bytes:
    """One MP4 of uint8 images (T, H, W, 3); every second frame is a key frame, so any frame is near one."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream(_ENCODER, rate=fps, options=_OPTIONS)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = images.shape[1:3]
        stream.pix_fmt = "rgb24"
        stream.codec_context.thread_count = 1
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


def concatenate(clips: Sequence[bytes], lengths: Sequence[int], fps: Fraction) -> bytes:
    """Joins MP4s of `encode` or of this function without coding again; `lengths` are their frame counts.

    The index comes before the frames, so that of a file that is cut off the episodes before the cut can be read.
    """
    index = {"moov_size": str(_INDEX_BYTES + _INDEX_BYTES_A_FRAME * sum(lengths))}
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4", options=index) as container:
        target = None
        first = 0
        for clip, length in zip(clips, lengths, strict=True):
            with av.open(io.BytesIO(clip), "r") as source:
                if target is None:
                    target = container.add_stream_from_template(source.streams.video[0])
                for packet in source.demux(video=0):
                    if packet.dts is None or packet.pts is None:
                        continue
                    offset = int(Fraction(first) / fps / packet.time_base)
                    packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
                    packet.stream = target
                    container.mux(packet)
            first += length
    return buffer.getvalue()


class VideoReader:
    """Reads runs of frames of one video; consecutive runs are decoded without seeking.

    Args:
        path: The video file.
        fps: Frames a second, by which a time stamp becomes a frame number.

    Raises:
        DatasetError: The file is missing or no video can be found in it.
    """

    def __init__(self, path: Path, fps: Fraction) -> None:
        self.path = path
        self._fps = fps
        self._next = 0
        try:
            self._container = av.open(str(path), options={"err_detect": "explode"})
            self._stream = self._container.streams.video[0]
        except (OSError, av.error.FFmpegError, IndexError) as error:
            raise DatasetError(f"{path}: no readable video ({error}); restore the file from a copy") from error
        self._stream.codec_context.options = {"err_detect": "explode"}
        self._decoded = self._decode()

    def read(self, first: int, count: int) -> np.ndarray:
        """Frames `first` to `first + count - 1` as uint8 (count, H, W, 3).

        Raises:
            DatasetError: The video ends or is damaged before the last of them.
        """
        images = np.empty((count, self._stream.height, self._stream.width, 3), np.uint8)
        found = 0
        try:
            if first != self._next:
                self._seek(first)
            while found < count:
                number, image = next(self._decoded)
                if number < first:
                    continue
                if number != first + found:
                    raise DatasetError(f"{self.path}: frame {first + found} is missing, the next one is {number}")
                images[found] = image
                found += 1
        except StopIteration:
            self._next = -1
            raise DatasetError(f"{self.path}: the video ends before frame {first + found}; it is cut off") from None
        except (av.error.FFmpegError, DatasetError) as error:
            self._next = -1
            raise DatasetError(f"{self.path}: frame {first + found} cannot be decoded ({error})") from error
        self._next = first + count
        return images

    def _seek(self, first: int) -> None:
        assert self._stream.time_base is not None
        self._container.seek(int(Fraction(first) / self._fps / self._stream.time_base), stream=self._stream)
        self._decoded = self._decode()

    def _decode(self) -> Iterator[tuple[int, np.ndarray]]:
        for frame in self._container.decode(self._stream):
            if frame.is_corrupt or frame.pts is None or frame.time_base is None:
                raise DatasetError(f"the frame at {frame.time} s is damaged")
            yield round(frame.pts * frame.time_base * self._fps), frame.to_ndarray(format="rgb24")

    def close(self) -> None:
        """Closes the file."""
        self._container.close()

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
