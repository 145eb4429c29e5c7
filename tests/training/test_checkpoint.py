"""Checkpoints that are not what they seem are refused before anything in them is used."""

import json
import os
import pickle
from pathlib import Path

import pytest
import torch

from robot_wm.errors import TrainingError
from robot_wm.training import checkpoint

META = {"stage": "joint", "step": 3}


class Bomb:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    checkpoint.save(tmp_path / "run", {"model": torch.nn.Linear(2, 2)}, None, META)
    return tmp_path / "run"


def test_a_pickle_is_never_opened(run: Path, tmp_path: Path) -> None:
    weights = next(run.glob("*.safetensors"))
    for content in (pickle.dumps(Bomb(tmp_path / "boom")), b"", weights.read_bytes()[:40]):
        weights.write_bytes(content)
        with pytest.raises(TrainingError, match="not a usable checkpoint"):
            checkpoint.read(run)
    assert not (tmp_path / "boom").exists()


@pytest.mark.parametrize("name", ["../other.safetensors", "/tmp/x-weights.safetensors", "a/b-weights.safetensors", 3])
def test_weights_outside_the_directory_are_refused(run: Path, name: object) -> None:
    meta = json.loads((run / checkpoint.META).read_text())
    (run / checkpoint.META).write_text(json.dumps(meta | {"weights": name}))
    with pytest.raises(TrainingError, match="plain name of a file"):
        checkpoint.read(run)


def test_a_link_to_weights_elsewhere_is_refused(run: Path, tmp_path: Path) -> None:
    weights = next(run.glob("*.safetensors"))
    weights.rename(tmp_path / "elsewhere")
    weights.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TrainingError, match="is a link"):
        checkpoint.read(run)


@pytest.mark.parametrize("text", ["[]", "{}", "{", "null", '{"weights": null}'])
def test_a_damaged_description_is_refused(run: Path, text: str) -> None:
    (run / checkpoint.META).write_text(text)
    with pytest.raises(TrainingError, match="not a usable checkpoint"):
        checkpoint.read(run)
