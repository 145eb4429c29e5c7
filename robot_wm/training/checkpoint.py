"""Checkpoints without pickle: tensors in safetensors, the rest in JSON, replaced in one step."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from robot_wm.errors import TrainingError
from robot_wm.perception.encoder import EncoderConfig
from robot_wm.world_model.model import ModelConfig, WorldModel
from robot_wm.world_model.scaling import Scaling
from robot_wm.world_model.slow import SlowConfig, SlowLevel

WEIGHTS, META = "weights.safetensors", "checkpoint.json"


def save(directory: Path, modules: dict[str, nn.Module], optimizer: torch.optim.Optimizer | None, meta: dict) -> None:
    """Writes modules, optimiser moments and `meta`; a kill at any instant leaves the old or the new one whole."""
    directory.mkdir(parents=True, exist_ok=True)
    tensors = {f"{name}/{key}": value for name, module in modules.items() for key, value in module.state_dict().items()}
    if optimizer is not None:
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{index}/{key}": torch.as_tensor(value) for key, value in state.items()}
    name = f"{meta['stage']}-{meta['step']}-{WEIGHTS}"
    save_file({key: value.contiguous().clone() for key, value in tensors.items()}, directory / name)
    _replace(directory / META, json.dumps(meta | {"weights": name}, indent=1))
    for stale in directory.glob(f"*{WEIGHTS}"):
        if stale.name != name:
            stale.unlink()


def _replace(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read(directory: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Reads tensors and meta of a checkpoint.

    Raises:
        TrainingError: It is missing, damaged, no safetensors file (a pickle is never opened), or names a file outside
            its directory.
    """
    try:
        meta = json.loads((directory / META).read_text(encoding="utf-8"))
        name = meta["weights"]
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(WEIGHTS):
            raise ValueError(f"its weights are {name!r}, expected the plain name of a file in the directory")
        if (directory / name).is_symlink():
            raise ValueError(f"{name} is a link, expected a file in the directory")
        return load_file(directory / name), meta
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise TrainingError(f"{directory}: not a usable checkpoint ({error}); train again or name another") from error


def restore(
    tensors: dict[str, torch.Tensor], modules: dict[str, nn.Module], optimizer: torch.optim.Optimizer | None
) -> None:
    """Puts the tensors of `read` back; keys that do not fit the modules raise TrainingError."""
    for name, module in modules.items():
        part = {key.removeprefix(f"{name}/"): value for key, value in tensors.items() if key.startswith(f"{name}/")}
        try:
            module.load_state_dict(part)
        except RuntimeError as error:
            raise TrainingError(f"checkpoint does not fit module '{name}': {error}") from error
    if optimizer is None:
        return
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer/"):
            _, index, field = key.split("/")
            state.setdefault(int(index), {})[field] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def model_to_dict(config: ModelConfig) -> dict[str, Any]:
    """The model's sizes as JSON-ready values."""
    return asdict(config)


def model_from_dict(plain: dict[str, Any]) -> ModelConfig:
    """Reads what `model_to_dict` wrote."""
    return ModelConfig(**(plain | {"encoder": EncoderConfig(**plain["encoder"])}))


def load_model(directory: Path) -> WorldModel:
    """The world model of a checkpoint, in evaluation mode on the CPU."""
    tensors, meta = read(directory)
    model = WorldModel(model_from_dict(meta["model"]))
    restore(tensors, {"model": model}, None)
    return model.eval()


def load_slow(directory: Path) -> SlowLevel | None:
    """The slow level of a checkpoint, in evaluation mode on the CPU; None where none was trained to the end."""
    tensors, meta = read(directory)
    if "slow" not in meta:
        return None
    model, config = model_from_dict(meta["model"]), SlowConfig(**meta["slow"]["model"])
    level = SlowLevel(config, model.encoder.tokens, model.encoder.channels, Scaling(), model.chunk)
    restore(tensors, {"slow": level}, None)
    return level.eval()


def load_weights(directory: Path, model: WorldModel, config: ModelConfig) -> str:
    """Puts the weights of another run into a model and returns the last stage of that run.

    Raises:
        TrainingError: The checkpoint is not usable, or its model has other sizes than `config`.
    """
    tensors, meta = read(directory)
    if model_from_dict(meta["model"]) != config:
        raise TrainingError(f"{directory}: its model is {meta['model']}, the plan has {model_to_dict(config)}")
    restore(tensors, {"model": model}, None)
    return meta["stage"]
