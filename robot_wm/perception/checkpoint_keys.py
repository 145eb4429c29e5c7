"""Names of tensors in published checkpoints: prefixes of wrappers, the Hugging Face layout, and strict loading."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

import torch
from torch import nn

from robot_wm.errors import CheckpointError

Tensors = dict[str, torch.Tensor]
Module = TypeVar("Module", bound=nn.Module)

WRAPPERS = ("module.", "backbone.")
UNUSED = ("pos_embed", "predictor_pos_embed")
"""Fixed sine-cosine positions, which checkpoints carry and models with rotary positions never read."""

_LAYERS = {
    "encoder": {
        "encoder.embeddings.patch_embeddings.proj": "patch_embed.proj",
        "encoder.layer": "blocks",
        "encoder.layernorm": "norm",
    },
    "predictor": {
        "predictor.embeddings.predictor_embeddings": "predictor_embed",
        "predictor.layer": "predictor_blocks",
        "predictor.layernorm": "predictor_norm",
        "predictor.proj": "predictor_proj",
    },
}
_MASK_TOKENS = "predictor.embeddings.mask_tokens"


def strip_wrappers(tensors: Mapping[str, object], source: str) -> Tensors:
    """Tensors without leading `module.` and `backbone.`, in any order and number, nor positions that are not read.

    Raises:
        CheckpointError: Something is not a tensor, or two names become one.
    """
    stripped: Tensors = {}
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            raise CheckpointError(f"{source}: {name!r} is a {type(tensor).__name__}, expected a tensor")
        short = re.sub(r"^(?:module\.|backbone\.)+", "", name)
        if short in stripped:
            raise CheckpointError(f"{source}: two tensors are called '{short}' without {' and '.join(WRAPPERS)}")
        if short not in UNUSED:
            stripped[short] = tensor
    return stripped


def from_hugging_face(tensors: Tensors) -> tuple[Tensors, Tensors]:
    """Encoder's and predictor's tensors of a `VJEPA2Model` under the names of Meta's layout.

    A video classifier's tensors begin with `vjepa2.`; its pooler and classifier are left out.
    """
    tensors = {
        name.removeprefix("vjepa2."): tensor
        for name, tensor in tensors.items()
        if not name.startswith(("pooler.", "classifier."))
    }
    predictor = {name: tensor for name, tensor in tensors.items() if name.startswith("predictor.")}
    encoder = {name: tensor for name, tensor in tensors.items() if name not in predictor}
    return _renamed(encoder, _LAYERS["encoder"]), _renamed(_split_mask_tokens(predictor), _LAYERS["predictor"])


def _split_mask_tokens(tensors: Tensors) -> Tensors:
    split = {name: tensor for name, tensor in tensors.items() if name != _MASK_TOKENS}
    for index, token in enumerate(tensors.get(_MASK_TOKENS, ())):
        split[f"mask_tokens.{index}"] = token
    return split


def _renamed(tensors: Tensors, layers: Mapping[str, str]) -> Tensors:
    renamed = {}
    for name, tensor in tensors.items():
        old = next((prefix for prefix in layers if name.startswith(prefix + ".")), None)
        new = name if old is None else layers[old] + name.removeprefix(old)
        renamed[new.replace(".attention.", ".attn.")] = tensor
    for name in [name for name in renamed if ".attn.query." in name]:
        parts = [name.replace(".query.", f".{part}.") for part in ("query", "key", "value")]
        if all(part in renamed for part in parts):
            renamed[name.replace(".query.", ".qkv.")] = torch.cat([renamed.pop(part) for part in parts])
    return renamed


def depth_of(tensors: Iterable[str], stack: str) -> int:
    """Different blocks of the stack `blocks` or `predictor_blocks`."""
    pattern = re.compile(rf"{stack}\.(\d+)\.")
    return len({match[1] for name in tensors if (match := pattern.match(name))})


def load_strictly(module: Module, tensors: Tensors, source: str) -> Module:
    """Fills all of the module's parameters with copies of `tensors`, as float32.

    The module may be on the meta device, so that its own random weights cost neither time nor memory.

    Raises:
        CheckpointError: Tensors are missing, extra, mis-shaped, not of floating point or not finite; all are listed.
    """
    wanted = module.state_dict()
    faults = [f"missing: {name} {tuple(wanted[name].shape)}" for name in wanted if name not in tensors]
    faults += [f"extra: {name} {tuple(tensors[name].shape)}" for name in tensors if name not in wanted]
    for name in wanted.keys() & tensors.keys():
        got, expected = tensors[name], wanted[name]
        if got.shape != expected.shape:
            faults.append(f"mis-shaped: {name} is {tuple(got.shape)}, expected {tuple(expected.shape)}")
        elif not got.is_floating_point() or not bool(torch.isfinite(got).all()):
            faults.append(f"not finite or not of floating point: {name} {got.dtype}")
    if faults:
        listed = "\n  ".join(sorted(faults))
        raise CheckpointError(
            f"{source}: does not fit {type(module).__name__}, {len(faults)} tensors differ; "
            f"is it of another size or of another model?\n  {listed}"
        )
    copies = {name: tensors[name].to(torch.float32, copy=True) for name in wanted}
    module.load_state_dict(copies, strict=True, assign=True)
    return module.eval().requires_grad_(False)
