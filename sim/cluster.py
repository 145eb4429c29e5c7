"""Collects on a Ray cluster: workers fill shards on shared storage, and the shards become one dataset."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from robot_wm.data import lerobot_layout as layout
from robot_wm.data.lerobot_merge import Merger
from robot_wm.data.shards import Shard, Store, cut, fill
from robot_wm.errors import DatasetError
from sim.collect import CollectConfig, ctrl_c, drawn, play

REPLACEMENTS = 3
"""Times that the worker of one shard may die, and another takes its place."""
_POLL_S = 0.5
_RUNNING = Path("/tmp/ray/ray_current_cluster")
"""Where `ray start --head` leaves the address of the cluster that runs on this machine."""


@dataclass(frozen=True)
class Filled:
    """What a worker says of a shard that is whole.

    Attributes:
        started: Number of the first episode that it played itself; those before are of a worker that died.
    """

    shard: Shard
    started: int


def collect_on_cluster(config: CollectConfig, console: Console) -> tuple[int, bool]:
    """Adds the missing episodes of `config` to its dataset.

    Returns:
        How many episodes the dataset has, and whether Ctrl-C came before the last.

    Raises:
        DatasetError: There is no such cluster, a shard's workers died too often, or something cannot be written.
    """
    with cluster(config.ray or "auto", config.workers, console):
        return collect(config, console)


def collect(config: CollectConfig, console: Console) -> tuple[int, bool]:
    """As `collect_on_cluster`, on the cluster that this process is connected to."""
    merger = Merger(config.out, config.contract)
    storage = _storage(config)
    store = Store(storage)
    _drop_stale(store, merger.episodes)
    shards = _missing(config, merger.episodes)
    if not shards:
        return merger.episodes, False
    waiting: dict[int, Filled] = {}
    columns = (TextColumn("collecting"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("", total=config.episodes, completed=merger.episodes)
        with ctrl_c() as pressed:
            for filled in _filled(config, shards, storage, pressed):
                if filled.started > filled.shard.first:
                    console.print(f"shard {filled.shard.name}: went on with episode {filled.started}")
                waiting[filled.shard.first] = filled
                progress.advance(bar, filled.shard.count)
                while merger.episodes in waiting:
                    _take_in(merger, store, waiting.pop(merger.episodes).shard)
    if merger.episodes >= config.episodes:
        shutil.rmtree(config.out / layout.SHARDS, ignore_errors=True)
    return merger.episodes, merger.episodes < config.episodes


def _storage(config: CollectConfig) -> str:
    """Where the shards of this collection lie; another recipe has another place, so that the two never mix."""
    recipe = hashlib.sha256(json.dumps(config.recipe, sort_keys=True).encode()).hexdigest()[:12]
    return f"{config.storage or (config.out / layout.SHARDS).resolve()}/{recipe}"


def _missing(config: CollectConfig, first: int) -> list[Shard]:
    tasks = dict.fromkeys(drawn(config, number)[0] for number in range(config.episodes))
    return cut(first, config.episodes, config.shard, config.steps, tasks)


def _filled(config: CollectConfig, shards: list[Shard], storage: str, pressed: list[bool]) -> Iterator[Filled]:
    """Shards as they become whole, in any order; ends early after Ctrl-C."""
    import ray

    remote = ray.remote(num_cpus=1, max_retries=REPLACEMENTS)(_work)
    pending = [remote.remote(config, shard, storage) for shard in shards]
    try:
        while pending and not pressed:
            done, pending = ray.wait(pending, num_returns=1, timeout=_POLL_S)
            yield from (ray.get(future) for future in done)
    except ray.exceptions.RayTaskError as error:
        raise DatasetError(f"a worker of the cluster failed: {error.cause}") from error
    except ray.exceptions.RayError as error:
        raise DatasetError(
            f"the workers of a shard died {REPLACEMENTS + 1} times, or the cluster is gone ({type(error).__name__}: "
            f"{str(error).splitlines()[0]}); run the same command again to go on, with fewer workers if memory is short"
        ) from error
    finally:
        for future in pending:
            ray.cancel(future, force=True)


def _work(config: CollectConfig, shard: Shard, storage: str) -> Filled:
    """Runs in a worker."""
    with tempfile.TemporaryDirectory(prefix="robot_wm_shard_") as scratch:
        started = fill(shard, storage, config.contract, partial(play, config), Path(scratch))
    return Filled(shard, started)


def _take_in(merger: Merger, store: Store, shard: Shard) -> None:
    folder = store.folder(shard.name) or store.fetch(shard.name, merger.root / layout.SHARDS)
    merger.add(folder)
    store.remove(shard.name)


def _drop_stale(store: Store, episodes: int) -> None:
    """Removes shards that were taken in right before a kill."""
    for name in store.names():
        first, _, stop = name.partition("-")
        if first.isdigit() and stop.isdigit() and int(stop) <= episodes:
            store.remove(name)


@contextmanager
def cluster(address: str, workers: int, console: Console) -> Iterator[None]:
    """A connection to the cluster at `address`, or to one of `workers` processes on this machine while the block runs.

    A local cluster listens on the loopback interface alone, without a dashboard, and with a token of its own.

    Args:
        address: "local", "auto", or host:port.

    Raises:
        DatasetError: There is no such cluster, or no token for it.
    """
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    found = os.environ.get("RAY_ADDRESS") or (_RUNNING.read_text().strip() if _RUNNING.is_file() else "")
    wanted = found if address == "auto" else "" if address == "local" else address
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if wanted:
        _check_token(wanted)
    else:
        options |= _local(workers)
    import ray

    try:
        ray.init(address=wanted or "local", **options)
    except (ConnectionError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        raise DatasetError(
            f"Ray cluster {wanted or 'local'}: no connection ({error}); give --ray local for one on this machine, or "
            "the address that `ray start --head` printed"
        ) from error
    try:
        where = (
            f"Ray cluster {wanted}" if wanted else f"local Ray cluster, {workers} workers; docs/data.md: more machines"
        )
        console.print(where, highlight=False, soft_wrap=True)
        yield
    finally:
        ray.shutdown()


def _local(workers: int) -> dict[str, Any]:
    """Options of a local cluster. The switch for other systems makes Ray choose the loopback interface here too."""
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    if not _has_token():
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    return {"num_cpus": workers, "include_dashboard": False, "object_store_memory": 100 << 20}


def _has_token() -> bool:
    named = os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH")
    return bool(named) or (Path.home() / ".ray/auth_token").is_file()


def _check_token(address: str) -> None:
    if os.environ["RAY_AUTH_MODE"] == "token" and not _has_token():
        raise DatasetError(
            f"Ray cluster {address}: no token is known here; copy ~/.ray/auth_token from the machine where "
            "`ray get-auth-token --generate` made it, or set RAY_AUTH_TOKEN_PATH to that file"
        )
