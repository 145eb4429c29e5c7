"""`robot-wm dataset`: looks at, checks, mends and converts recordings and datasets."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from robot_wm.contract import TABLETOP, Contract
from robot_wm.data import dataset_report
from robot_wm.data.bag import Bag
from robot_wm.data.bag_report import BagReport, report
from robot_wm.data.cli_config import Export, Import, Info, Repair, Split, Stats, Verify, View
from robot_wm.data.lerobot_reader import Dataset

FAULTY = 1
"""Exit code of `verify` where something is damaged."""


def run(config: Info | Verify | Repair | Export | Import | Stats | Split | View) -> int:
    """Runs one of the verbs; returns the exit code."""
    verbs = {
        Info: show_info,
        Verify: verify,
        Repair: mend,
        Export: export,
        Import: take_over,
        Stats: show_stats,
        Split: divide,
        View: view,
    }
    return verbs[type(config)](config)  # type: ignore[operator]


def show_info(config: Info) -> int:
    """Prints what is in a recording or a dataset."""
    if Bag.is_one(config.path):
        _print_bag(report(Bag.open(config.path)))
    else:
        for name, value in dataset_report.summary(Dataset.open(config.path)).items():
            print(f"{name:<10} {value}")
    return 0


def verify(config: Verify) -> int:
    """Prints what is wrong, and what to do about it."""
    if Bag.is_one(config.path):
        found = report(Bag.open(config.path))
        problems = list(found.problems())
        print(f"{config.path}: {found.messages} messages are whole")
        remedy = f"; save what is whole: robot-wm dataset repair {config.path}" if found.damages else ""
    else:
        dataset = Dataset.open(config.path)
        problems, remedy = list(dataset_report.faults(dataset)), "; the other episodes can still be read"
        print(f"{config.path}: {len(dataset)} episodes, {dataset.frames} frames")
    for problem in problems:
        print(f"  {problem}")
    print("no damage was found" if not problems else f"{len(problems)} problems{remedy}")
    return FAULTY if problems else 0


def mend(config: Repair) -> int:
    """Repairs a recording."""
    from robot_wm.data.bag_repair import repair

    name = config.path.stem if config.path.is_file() else config.path.name
    done = repair(config.path, config.out or config.path.with_name(f"{name}_repaired"))
    for damage in done.damages:
        print(f"  {damage}")
    print(f"{done.folder}: {done.messages} messages were saved")
    return 0


def export(config: Export) -> int:
    """Exports recordings."""
    exporter = importlib.import_module("ros_nodes.bag_export")
    robot = importlib.import_module("ros_nodes.robot_config").RobotConfig.load(config.robot)
    contract = _contract(config.contract)
    if config.fps is not None:
        contract = replace(contract, step_s=1.0 / config.fps)
    keep = tuple("" if outcome == "unmarked" else outcome for outcome in config.keep)
    options = exporter.ExportOptions(config.task, keep, config.longest_s, config.namespace, config.measured_actions)
    for path in config.paths:
        done = exporter.export(path, config.out, contract, robot, options)
        for words in done.left_out:
            print(f"  {words}")
        print(f"{path}: {done.episodes} episodes, {done.frames} frames of {done.recorded_s:.1f} s are in {config.out}")
    return 0


def take_over(config: Import) -> int:
    """Imports a foreign dataset."""
    from robot_wm.data import foreign, foreign_import

    options = foreign_import.ImportOptions(
        config.state, config.action, config.cameras, config.resize, config.open_value, config.task
    )
    source = foreign.open_foreign(config.path, config.fps)
    count = foreign_import.take_over(source, config.out, _contract(config.contract), options)
    print(f"{count} episodes are in {config.out}")
    return 0


def show_stats(config: Stats) -> int:
    """Prints statistics."""
    table = Table("column", "minimum", "maximum", "mean", "std")
    for name, stats in dataset_report.statistics(Dataset.open(config.path)).items():
        for number, values in enumerate(zip(stats.min, stats.max, stats.mean, stats.std, strict=True)):
            label = f"{name}[{number}]" if len(stats.min) > 1 else name
            table.add_row(label, *(f"{float(value):.5g}" for value in values))
    Console().print(table)
    return 0


def divide(config: Split) -> int:
    """Splits a dataset."""
    from robot_wm.data.split import split

    for name, count in split(config.path, config.out, config.val, config.seed).items():
        print(f"{config.out / name}: {count} episodes")
    return 0


def view(config: View) -> int:
    """Makes a page."""
    from robot_wm.data import view_page, view_series

    if Bag.is_one(config.path):
        series, name = view_series.of_bag(config.path, config.frames), f"{config.path.stem}.html"
    else:
        series = view_series.of_episode(Dataset.open(config.path), config.episode, config.frames)
        name = f"{config.path.name}_episode_{config.episode}.html"
    out = config.out or config.path.with_name(name)
    view_page.write(series, out)
    print(out)
    if config.rerun is not None:
        importlib.import_module("robot_wm.data.view_rerun").write(series, config.rerun)
        print(config.rerun)
    return 0


def _contract(path: Path | None) -> Contract:
    return TABLETOP if path is None else Contract.load(path)


def _print_bag(found: BagReport) -> None:
    seconds = (found.last_ns - found.first_ns) * 1e-9
    print(f"{found.messages} messages in {seconds:.1f} s from {found.first_ns * 1e-9:.3f}")
    table = Table("topic", "type", "messages", "Hz", "MiB", "longest gap, s")
    for name, topic in sorted(found.topics.items()):
        mib, gap = f"{topic.bytes / 2**20:.1f}", f"{topic.longest_gap_s:.3f}"
        table.add_row(name, topic.type, str(topic.count), f"{topic.rate_hz:.1f}", mib, gap)
    Console().print(table)
    for line in _events(found):
        print(line)


def _events(found: BagReport) -> Iterator[str]:
    for number, span in enumerate(found.episodes):
        length_s, note = (span.stop_ns - span.start_ns) * 1e-9, f" ({span.note})" if span.note else ""
        yield f"episode {number}: {length_s:.1f} s, {span.outcome or 'not judged'}, task '{span.task}'{note}"
    yield from found.problems()
