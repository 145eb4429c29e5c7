"""Published V-JEPA 2-AC checkpoints as modules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from robot_wm.errors import CheckpointError
from robot_wm.perception.checkpoint_files import read_archive, resolve_source
from robot_wm.perception.checkpoint_keys import Tensors, depth_of, load_strictly
from robot_wm.perception.published import EncoderKey, config_of, encoder_tensors, part
from robot_wm.perception.rotary_block import StackConfig
from robot_wm.perception.vjepa2 import VJepa2Encoder
from robot_wm.perception.vjepa2_config import VJepa2Config
from robot_wm.world_model.vjepa2_ac import ActionPredictor, ActionPredictorConfig

HEAD_WIDTH = 64
"""Channels of a head in the published predictor; tensors do not tell."""


@dataclass(frozen=True)
class PublishedVJepa2AC:
    """An encoder and the predictor that was trained on its tokens, in evaluation mode."""

    config: VJepa2Config
    encoder: VJepa2Encoder
    predictor: ActionPredictor


def load_vjepa2_ac(
    source: str | Path,
    config: VJepa2Config | None = None,
    *,
    heads: int | None = None,
    extrinsics: bool = False,
    encoder_key: EncoderKey = "encoder",
) -> PublishedVJepa2AC:
    """Loads encoder and action-conditioned predictor from Meta's `.pt` layout.

    Args:
        source: The file.
        config: The encoder's sizes; None takes the published ones that fit.
        heads: The predictor's attention heads; None takes as many as have 64 channels.
        extrinsics: Whether the predictor was trained with the camera's pose as a third token; tensors do not tell.
        encoder_key: See `robot_wm.perception.published.load_vjepa2`.

    Raises:
        CheckpointError: The file is missing, damaged or unsafe, or tensors do not fit; all of these are listed.
    """
    path = resolve_source(source)
    archive = {} if path.is_dir() else read_archive(path)
    if not has_actions(archive):
        raise CheckpointError(f"{path}: holds no predictor with actions; expected a .pt file as vjepa2-ac-vitg.pt is")
    encoder = encoder_tensors(archive, path, encoder_key)
    predictor = part(archive, "predictor", path)
    config = config or config_of(encoder, path)
    stack = _stack(predictor, heads, path)
    sizes = ActionPredictorConfig(
        tokens_width=config.encoder.width,
        image_size=config.image_size,
        actions=predictor["action_encoder.weight"].shape[1],
        extrinsics=extrinsics,
        stack=stack,
    )
    with torch.device("meta"):
        modules = VJepa2Encoder(config), ActionPredictor(sizes)
    return PublishedVJepa2AC(
        config,
        load_strictly(modules[0], encoder, f"{path}, encoder"),
        load_strictly(modules[1], predictor, f"{path}, predictor"),
    )


def has_actions(archive: dict[str, Any]) -> bool:
    """Whether an archive's predictor is conditioned on actions."""
    predictor = archive.get("predictor")
    return isinstance(predictor, dict) and any(str(name).endswith("action_encoder.weight") for name in predictor)


def _stack(tensors: Tensors, heads: int | None, path: Path) -> StackConfig:
    actions, inner = tensors["action_encoder.weight"], tensors.get("predictor_blocks.0.mlp.fc1.weight")
    if actions.ndim != 2 or inner is None or inner.ndim != 2:
        raise CheckpointError(f"{path}, predictor: 'predictor_blocks.0.mlp.fc1.weight' is missing or not a matrix")
    width = actions.shape[0]
    heads = heads or max(1, width // HEAD_WIDTH)
    if width % heads:
        raise CheckpointError(f"{path}, predictor: width {width} does not divide into {heads} heads; give the heads")
    return StackConfig(width=width, depth=depth_of(tensors, "predictor_blocks"), heads=heads, hidden=inner.shape[0])
