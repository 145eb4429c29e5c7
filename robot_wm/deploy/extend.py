"""Adds optional files to a bundle, such as a decoder for the eye; graphs that planning needs come from export alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from robot_wm.deploy.bundle import Bundle, load_bundle
from robot_wm.deploy.card import CARD, with_section
from robot_wm.deploy.index import INDEX, REQUIRED, list_files
from robot_wm.deploy.staging import replacing
from robot_wm.errors import BundleError


def add_to_bundle(
    path: Path,
    contents: Mapping[str, bytes],
    metrics: Mapping[str, Any],
    note: tuple[str, str],
    planner: Mapping[str, Any] | None = None,
) -> Bundle:
    """Puts files into a bundle and lists them with their hashes; the old bundle stays until the new one is whole.

    Args:
        path: Bundle directory.
        contents: Bytes of each file by name; files of that name are replaced.
        metrics: Added to the metrics of the index.
        note: Heading and text of a section of the model card.
        planner: Added to the planner settings of the index.

    Raises:
        BundleError: The bundle is damaged, or a file is one of those that export alone writes.
    """
    bundle = load_bundle(path)
    for name in contents:
        if name in (*REQUIRED, INDEX, CARD):
            raise BundleError(f"{path / name}: is written by `robot-wm export` alone; add files of other names")
        if name != Path(name).name or "\\" in name:
            raise BundleError(f"{path}: file name {name!r} is not a plain name inside the bundle")
    with replacing(path) as staged:
        for name in bundle.files:
            (staged / name).write_bytes(bundle.read(name))
        for name, data in contents.items():
            (staged / name).write_bytes(data)
        card = staged / CARD
        before = card.read_text(encoding="utf-8") if card.is_file() else ""
        card.write_text(with_section(before, *note), encoding="utf-8")
        index = json.loads((path / INDEX).read_bytes())
        index["metrics"] |= metrics
        index["planner"] |= planner or {}
        index["files"] = list_files(staged)
        (staged / INDEX).write_text(json.dumps(index, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        load_bundle(staged)
    return load_bundle(path)


def carry_over(old: Bundle, path: Path) -> Bundle:
    """Gives the bundle at `path` the optional graphs of an older one, which hold as long as the encoder is the same.

    Raises:
        BundleError: A bundle is damaged.
    """
    new = load_bundle(path)
    names = [name for name in old.files if name.endswith(".onnx") and name not in new.files and not _of_slow(name)]
    if not names or old.files["encoder.onnx"].sha256 != new.files["encoder.onnx"].sha256:
        return new
    graphs = [name.removesuffix(".onnx") for name in names]
    metrics = {graph: old.metrics[graph] for graph in graphs if graph in old.metrics}
    note = ("Carried over", f"{', '.join(names)}: of the bundle before, whose encoder is the same.")
    return add_to_bundle(path, {name: old.read(name) for name in names}, metrics, note)


def _of_slow(name: str) -> bool:
    return name.startswith("slow_")
