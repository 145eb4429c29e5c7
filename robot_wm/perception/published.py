"""Published V-JEPA 2 checkpoints as modules: Meta's `.pt` files and the Hugging Face layout."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from robot_wm.errors import CheckpointError
from robot_wm.perception.checkpoint_files import CONFIG, HUB, read_archive, read_json, read_safetensors, resolve_source
from robot_wm.perception.checkpoint_keys import Tensors, depth_of, from_hugging_face, load_strictly, strip_wrappers
from robot_wm.perception.rotary_block import StackConfig
from robot_wm.perception.vjepa2 import VJepa2Encoder, VJepa2Predictor
from robot_wm.perception.vjepa2_config import CONFIGS, PATCH, TUBELET, VJepa2Config

EncoderKey = Literal["encoder", "target_encoder"]
FIXED = {"patch_size": PATCH, "tubelet_size": TUBELET, "in_chans": 3, "hidden_act": "gelu", "qkv_bias": True}
"""Fields of `config.json` of which the published models have one value only."""

MAX_DEPTH, MAX_SIZE = 512, 1 << 16
"""Beyond these a configuration is damaged, and building the model could exhaust the memory."""


@dataclass(frozen=True)
class PublishedVJepa2:
    """A loaded model, in evaluation mode.

    Attributes:
        predictor: None where the checkpoint has none, or an action-conditioned one.
    """

    config: VJepa2Config
    encoder: VJepa2Encoder
    predictor: VJepa2Predictor | None


def load_vjepa2(
    source: str | Path, config: VJepa2Config | None = None, *, encoder_key: EncoderKey = "encoder"
) -> PublishedVJepa2:
    """Loads encoder and masked predictor.

    Args:
        source: A `.pt` file, a directory with `config.json` and safetensors, or `hub:owner/name`.
        config: Sizes; None takes them from `config.json`, or for a `.pt` file the published ones that fit.
        encoder_key: Which of a `.pt` file's encoders: the trained one, or its moving average. The other is taken where
            the file has one only.

    Raises:
        CheckpointError: The files are missing, damaged or unsafe, or tensors do not fit; all of these are listed.
    """
    path = resolve_source(source)
    if path.is_dir():
        config = config or parse_config(read_json(path / CONFIG), str(path / CONFIG))
        encoder, predictor = from_hugging_face(read_safetensors(path))
    else:
        archive = read_archive(path)
        encoder = encoder_tensors(archive, path, encoder_key)
        config = config or config_of(encoder, path)
        predictor = part(archive, "predictor", path) if "predictor" in archive else {}
        if "action_encoder.weight" in predictor:
            predictor = {}
    with torch.device("meta"):
        modules = VJepa2Encoder(config), VJepa2Predictor(config)
    return PublishedVJepa2(
        config,
        load_strictly(modules[0], encoder, f"{path}, encoder"),
        load_strictly(modules[1], predictor, f"{path}, predictor") if predictor else None,
    )


def is_published(source: str | Path) -> bool:
    """Whether `source` looks like a published checkpoint, rather than a directory of one's own training."""
    path = Path(source)
    return str(source).startswith(HUB) or path.is_file() or (path / CONFIG).is_file()


def encoder_tensors(archive: dict[str, Any], path: Path, key: EncoderKey) -> Tensors:
    """The tensors of one of an archive's encoders."""
    keys: tuple[EncoderKey, EncoderKey] = ("encoder", "target_encoder")
    present = [name for name in keys if name in archive]
    if not present:
        raise CheckpointError(f"{path}: holds {sorted(map(str, archive))}, expected 'encoder' or 'target_encoder'")
    return part(archive, key if key in present else present[0], path)


def part(archive: dict[str, Any], key: str, path: Path) -> Tensors:
    """One state dict of an archive, without wrappers' prefixes."""
    if not isinstance(archive[key], dict):
        raise CheckpointError(f"{path}: '{key}' is a {type(archive[key]).__name__}, expected a state dict")
    return strip_wrappers(archive[key], f"{path}, {key}")


def config_of(tensors: Tensors, path: Path) -> VJepa2Config:
    """The published sizes that an encoder's tensors have; the file name tells g from g-384, which share them."""
    projection = tensors.get("patch_embed.proj.weight")
    sizes = None if projection is None else (projection.shape[0], depth_of(tensors, "blocks"))
    names = [n for n, config in CONFIGS.items() if (config.encoder.width, config.encoder.depth) == sizes]
    if not names:
        raise CheckpointError(
            f"{path}: width and depth are {sizes}, which no published model has; give the configuration. "
            f"Published: { {name: (c.encoder.width, c.encoder.depth) for name, c in CONFIGS.items()} }"
        )
    return CONFIGS[next((name for name in reversed(names) if name in path.stem), names[0])]


def parse_config(document: dict[str, Any], source: str) -> VJepa2Config:
    """The sizes in a Hugging Face `config.json`; fields that are absent have the values of ViT-L.

    Raises:
        CheckpointError: It is of another model, or a field is not what the published models have.
    """
    if document.get("model_type") != "vjepa2":
        raise CheckpointError(f"{source}: model_type is {document.get('model_type')!r}, expected 'vjepa2'")
    for name, value in FIXED.items():
        if document.get(name, value) != value:
            raise CheckpointError(f"{source}: {name} is {document[name]!r}, only {value!r} is supported")
    default = CONFIGS["vitl"]
    size = _positive(document, source, "crop_size", default.image_size)
    if size % PATCH:
        raise CheckpointError(f"{source}: crop_size is {size}, expected a multiple of {PATCH}")
    return replace(
        default,
        encoder=_stack(document, source, "", default.encoder),
        predictor=_stack(document, source, "pred_", default.predictor),
        image_size=size,
        frames=_positive(document, source, "frames_per_clip", default.frames),
        mask_tokens=_positive(document, source, "pred_num_mask_tokens", default.mask_tokens),
    )


def _stack(document: dict[str, Any], source: str, prefix: str, default: StackConfig) -> StackConfig:
    width = _positive(document, source, f"{prefix}hidden_size", default.width)
    heads = _positive(document, source, f"{prefix}num_attention_heads", default.heads)
    ratio = document.get(f"{prefix}mlp_ratio", 4.0)
    if width % heads or isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 0 < ratio < 100:
        raise CheckpointError(f"{source}: {prefix}: width {width}, heads {heads} and mlp_ratio {ratio!r} do not fit")
    depth = _positive(document, source, f"{prefix}num_hidden_layers", default.depth, MAX_DEPTH)
    return StackConfig(width=width, depth=depth, heads=heads, hidden=int(width * ratio))


def _positive(document: dict[str, Any], source: str, name: str, default: int, most: int = MAX_SIZE) -> int:
    value = document.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= most:
        raise CheckpointError(f"{source}: {name} is {value!r}, expected an integer from 1 to {most}")
    return value
