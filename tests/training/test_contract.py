"""One model learns from episodes of one contract."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from robot_wm.contract import TABLETOP, TABLETOP_GRIPPER
from robot_wm.data import DatasetWriter, Episode, load_cached
from robot_wm.errors import TrainingError
from robot_wm.training.contracts import common_contract, contract_of, note_contract


def dataset(root: Path, contract) -> Path:
    frames = 3
    with DatasetWriter(root, contract) as writer:
        writer.add(
            Episode(
                images=np.zeros((frames, 96, 96, 3), dtype=np.uint8),
                states=np.zeros((frames, 8), dtype=np.float32),
                actions=np.zeros((frames, 7), dtype=np.float32),
                stamps=np.arange(frames) * contract.step_s,
                task="reach",
            )
        )
    return root


def test_datasets_of_two_contracts_are_refused(tmp_path: Path) -> None:
    plain, gripper = dataset(tmp_path / "a", TABLETOP), dataset(tmp_path / "b", TABLETOP_GRIPPER)
    assert common_contract({gripper: load_cached(gripper)}) == TABLETOP_GRIPPER
    with pytest.raises(TrainingError, match="'tabletop_gripper' differs from 'tabletop'"):
        common_contract({path: load_cached(path) for path in (plain, gripper)})


def test_a_run_remembers_its_contract(tmp_path: Path) -> None:
    assert contract_of(tmp_path) == TABLETOP
    note_contract(tmp_path, TABLETOP_GRIPPER)
    assert contract_of(tmp_path) == TABLETOP_GRIPPER
