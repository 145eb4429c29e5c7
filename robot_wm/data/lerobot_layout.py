"""Where a LeRobot v3.0 dataset keeps what: paths, features and the description in `meta/info.json`.

The layout is that of the `lerobot` package, format v3.0. Beyond it, each frame has its true `stamp` beside the
regular `timestamp` of the format, columns named `monitor.*`, `meta/contract.yaml` holds the robot's contract, and each
episode has the CRC-32 of its decoded images. A shard is a dataset whose episodes and rows count from where it will
stand in a larger one, `first_episode` in `meta/info.json`; the unfinished shards of a dataset lie in its folder
`.shards`.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa

from robot_wm.contract import ACTION_NAMES, STATE_NAMES, Camera, Contract
from robot_wm.data.video import CODEC, PIXEL_FORMAT

VERSION = "v3.0"
FILES_PER_CHUNK = 1000
INFO_PATH = "meta/info.json"
STATS_PATH = "meta/stats.json"
TASKS_PATH = "meta/tasks.parquet"
CONTRACT_PATH = "meta/contract.yaml"
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
STATE, ACTION, STAMP, MONITOR = "observation.state", "action", "stamp", "monitor."
CHECKSUM = "crc32"
FIRST_EPISODE = "first_episode"
SHARDS = ".shards"
INDEX_COLUMNS = ("frame_index", "episode_index", "index", "task_index")


def video_key(camera: str) -> str:
    """The name of a camera's video feature."""
    return f"observation.images.{camera}"


def chunk_and_file(number: int) -> dict[str, int]:
    """The two indices that name the `number`-th file."""
    return {"chunk_index": number // FILES_PER_CHUNK, "file_index": number % FILES_PER_CHUNK}


def features(contract: Contract, fps: Fraction, monitor: Mapping[str, np.ndarray]) -> dict[str, dict[str, Any]]:
    """The features of `meta/info.json`, in the order of the columns."""
    described = {video_key(camera.name): _video_feature(camera, fps) for camera in contract.cameras}
    described |= {
        STATE: _feature("float32", len(STATE_NAMES), list(STATE_NAMES)),
        ACTION: _feature("float32", len(ACTION_NAMES), list(ACTION_NAMES)),
        STAMP: _feature("float64", 1, None),
    }
    for name, column in sorted(monitor.items()):
        described[MONITOR + name] = _feature(column.dtype.name, column[0].size, None)
    described["timestamp"] = _feature("float32", 1, None)
    described.update({name: _feature("int64", 1, None) for name in INDEX_COLUMNS})
    return described


def info(described: Mapping[str, Any], fps: Fraction, robot: str, file_mib: int) -> dict[str, Any]:
    """The constant part of `meta/info.json`."""
    return {
        "codebase_version": VERSION,
        "robot_type": robot,
        "chunks_size": FILES_PER_CHUNK,
        "data_files_size_in_mb": file_mib,
        "video_files_size_in_mb": file_mib,
        "fps": number(fps),
        "data_path": DATA_PATH,
        "video_path": VIDEO_PATH,
        "features": dict(described),
    }


def to_arrow(columns: Mapping[str, np.ndarray], described: Mapping[str, Any]) -> pa.Table:
    """A table of the features that are no videos; vectors become lists of fixed size."""
    arrays = {}
    for name, feature in described.items():
        if feature["dtype"] == "video":
            continue
        flat = pa.array(np.ascontiguousarray(columns[name]).ravel())
        size = feature["shape"][0]
        arrays[name] = flat if size == 1 else pa.FixedSizeListArray.from_arrays(flat, size)
    return pa.table(arrays)


def to_numpy(table: pa.Table, name: str) -> np.ndarray:
    """A column as (T,) or, for vectors, (T, n)."""
    column = table.column(name).combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0)
    if pa.types.is_fixed_size_list(column.type) or pa.types.is_list(column.type):
        return column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)
    return column.to_numpy(zero_copy_only=False)


def number(fps: Fraction) -> int | float:
    """A rate as JSON has it: whole where it is whole, as the format wants it."""
    return int(fps) if fps.denominator == 1 else float(fps)


def _feature(dtype: str, size: int, names: list[str] | None) -> dict[str, Any]:
    return {"dtype": dtype, "shape": [size], "names": names}


def _video_feature(camera: Camera, fps: Fraction) -> dict[str, Any]:
    return {
        "dtype": "video",
        "shape": [camera.height, camera.width, 3],
        "names": ["height", "width", "channels"],
        "info": {
            "video.height": camera.height,
            "video.width": camera.width,
            "video.codec": CODEC,
            "video.pix_fmt": PIXEL_FORMAT,
            "video.is_depth_map": False,
            "video.fps": number(fps),
            "video.channels": 3,
            "has_audio": False,
        },
    }
