"""Writes what describes a LeRobot v3.0 dataset: tasks, contract, episodes, statistics and totals."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from robot_wm.contract import Contract
from robot_wm.data import lerobot_layout as layout
from robot_wm.data.files import write_atomic
from robot_wm.data.lerobot_resume import Resumed


def write_description(
    root: Path,
    contract: Contract,
    state: Resumed,
    info: Mapping[str, Any],
    names: Mapping[str, int],
    rows: pa.Table,
) -> None:
    """Writes the description of a dataset whose data and videos are on disk already; each file is replaced as a whole.

    Args:
        state: What the dataset holds then.
        info: The constant part of `meta/info.json`.
        names: Chunk and file of the episodes `rows`.
        rows: A row an episode of that file.
    """
    write_atomic(root / layout.TASKS_PATH, parquet([_task_table(list(state.tasks))]))
    write_atomic(root / layout.CONTRACT_PATH, contract.to_yaml().encode())
    write_atomic(root / layout.EPISODES_PATH.format(**names), parquet([rows]))
    write_atomic(root / layout.STATS_PATH, _json({name: part.to_plain() for name, part in state.stats.items()}))
    write_atomic(root / layout.INFO_PATH, _json(dict(info) | _totals(state)))


def _totals(state: Resumed) -> dict[str, Any]:
    counts: dict[str, Any] = {
        "total_episodes": state.episodes - state.first,
        "total_frames": state.frames,
        "total_tasks": len(state.tasks),
        "splits": {"train": f"{state.first}:{state.episodes}"},
    }
    return counts | ({layout.FIRST_EPISODE: state.first} if state.first else {})


def parquet(tables: list[pa.Table]) -> bytes:
    """A Parquet file with one row group a table, so that an episode can be read alone."""
    buffer = io.BytesIO()
    with pq.ParquetWriter(buffer, tables[0].schema, compression="snappy") as writer:
        for table in tables:
            writer.write_table(table)
    return buffer.getvalue()


def _task_table(tasks: list[str]) -> pa.Table:
    """The tasks as pandas would write a frame whose index is the task; LeRobot looks tasks up by that index."""
    types = {"task_index": ("int64", "int64"), "task": ("unicode", "object")}
    columns = [
        {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": numpy_type, "metadata": None}
        for name, (kind, numpy_type) in types.items()
    ]
    pandas = {"index_columns": ["task"], "column_indexes": [], "columns": columns, "pandas_version": "2.0.0"}
    table = pa.table({"task_index": pa.array(range(len(tasks)), pa.int64()), "task": pa.array(tasks)})
    return table.replace_schema_metadata({"pandas": json.dumps(pandas)})


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, indent=2).encode()
