"""The contract of the episodes that a run learns from, kept beside its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from robot_wm.contract import TABLETOP, Contract
from robot_wm.data.cache import CachedDataset
from robot_wm.data.files import write_atomic
from robot_wm.errors import TrainingError

CONTRACT = "contract.yaml"


def common_contract(datasets: Mapping[Path, CachedDataset]) -> Contract:
    """The contract of all datasets; TrainingError where they differ, as one model cannot follow two."""
    (first, data), *others = datasets.items()
    for path, other in others:
        if other.contract != data.contract:
            raise TrainingError(
                f"{path}: contract '{other.contract.name}' differs from '{data.contract.name}' of {first}; "
                "train one model with datasets of one contract"
            )
    return data.contract


def note_contract(run: Path, contract: Contract) -> None:
    """Writes the contract into the folder of a run."""
    write_atomic(run / CONTRACT, contract.to_yaml().encode())


def contract_of(run: Path) -> Contract:
    """The contract of a run; one that did not note it is of the plain tabletop."""
    path = run / CONTRACT
    return Contract.load(path) if path.is_file() else TABLETOP
