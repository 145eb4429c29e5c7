"""Export of a trained model: its ONNX graphs, checked against torch, in one hashed bundle directory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from rich.console import Console

from robot_wm.actor.level_settings import LevelSettings
from robot_wm.actor.settings import PlannerSettings
from robot_wm.deploy.bundle import Bundle, default_bundle, load_bundle
from robot_wm.deploy.card import CARD, model_card
from robot_wm.deploy.graphs import OPSET, export_graphs
from robot_wm.deploy.index import INDEX, Description, write_index
from robot_wm.deploy.parity import TOLERANCE, TorchWorldModel, check_parity, random_probe
from robot_wm.deploy.session import OnnxWorldModel, Provider, check_provider
from robot_wm.deploy.slow_graphs import check_slow_parity, export_slow_graphs
from robot_wm.deploy.slow_index import SlowDescription
from robot_wm.deploy.slow_session import OnnxSlowLevel
from robot_wm.deploy.staging import check_replaceable, replacing
from robot_wm.deploy.vjepa2_export import VJepa2Options, run_published
from robot_wm.errors import BundleError
from robot_wm.perception.published import is_published
from robot_wm.training.checkpoint import load_model, load_slow, read
from robot_wm.training.contracts import contract_of
from robot_wm.training.gates import Gates
from robot_wm.world_model.slow import SlowLevel


@dataclass(frozen=True)
class ExportConfig:
    """Writes a trained checkpoint as a model bundle, and fails if onnxruntime and torch disagree.

    A published V-JEPA 2 checkpoint is written as a directory of its encoder, and predictor where it has actions.

    Attributes:
        checkpoint: Directory that `robot-wm train` wrote; or a published checkpoint: a .pt file, a directory in the
            Hugging Face layout, or hub:owner/name.
        out: Directory to write; an earlier export that is there is replaced. A published checkpoint needs one.
        name: Name of the bundle.
        horizon: Steps of the predictor's roll-out, at most the policy's chunk; None takes the whole chunk.
        seed: Of the inputs on which torch and onnxruntime are compared.
        planner: Search settings that the bundle recommends.
        device: Where onnxruntime computes what is compared with torch.
        vjepa2: What holds for published checkpoints only.
        levels: The same of the slow level, where the run has one.
        force: Exports a model that does not pass the collapse gates (`robot_wm.training.gates.Gates`) all the same.
        note: Words for the model card, such as what is known of the data.
    """

    checkpoint: Path
    out: Path = field(default_factory=default_bundle)
    name: str = "tabletop"
    horizon: int | None = None
    seed: int = 0
    planner: PlannerSettings = PlannerSettings()
    device: Provider = "cpu"
    vjepa2: VJepa2Options = VJepa2Options()
    levels: LevelSettings = field(default_factory=LevelSettings)
    force: bool = False
    note: str = ""


def run(config: ExportConfig) -> int:
    """Exports a checkpoint and prints where and how exact; BundleError when the parity gate fails."""
    if is_published(config.checkpoint):
        if config.out == default_bundle():
            raise BundleError("--out: a published checkpoint is not written over the shipped bundle; name a directory")
        return run_published(config.checkpoint, config.out, config.vjepa2, device=config.device, seed=config.seed)
    bundle = export_checkpoint(config)
    console = Console()
    total = sum(entry.size for entry in bundle.files.values())
    console.print(f"bundle '{bundle.name}' in {bundle.path}: {total / 1e6:.1f} MB, sha256 {bundle.sha256[:12]}")
    for graph, difference in bundle.metrics["parity"].items():
        console.print(f"  {graph}: torch and onnxruntime differ by at most {difference:.1e} (limit {TOLERANCE:.0e})")
    return 0


def export_checkpoint(config: ExportConfig) -> Bundle:
    """Exports what `robot-wm train` saved.

    Raises:
        TrainingError: The checkpoint is not usable.
        BundleError: The model does not pass the collapse gates or the parity gate.
    """
    model, slow = load_model(config.checkpoint), load_slow(config.checkpoint)
    _, meta = read(config.checkpoint)
    if "latent_std" not in meta:
        raise BundleError(f"{config.checkpoint}: training has not measured latent_std yet; let `robot-wm train` finish")
    failures = Gates().failures(meta.get("metrics", {}))
    if failures and not config.force:
        raise BundleError(
            f"{config.checkpoint}: this model would not plan: {'; '.join(failures)}. "
            "See docs/training.md; --force exports it all the same"
        )
    description = Description(
        name=config.name,
        contract=contract_of(config.checkpoint),
        tokens=model.config.encoder.tokens,
        channels=model.config.encoder.channels,
        latent_std=float(meta["latent_std"]),
        chunk=model.config.chunk,
        horizon=config.horizon or model.config.chunk,
        metrics=meta.get("metrics", {}),
        planner=asdict(config.planner),
        slow=None if slow is None else _describe_slow(slow, meta["slow"]["latent_std"], config.levels),
    )
    documents = {
        "normalisation.json": {name: values.tolist() for name, values in model.scaling.state_dict().items()},
        "model_config.json": meta["model"],
        "metrics.json": dict(description.metrics),
        CARD: model_card(description, meta, config.checkpoint, config.note),
    }
    return export_bundle(
        model, config.out, description, documents=documents, seed=config.seed, device=config.device, slow=slow
    )


def _describe_slow(slow: SlowLevel, latent_std: float, settings: LevelSettings) -> SlowDescription:
    config = slow.config
    return SlowDescription(config.stride, config.channels, config.macro, float(latent_std), asdict(settings))


def export_bundle(
    model: TorchWorldModel,
    out: Path,
    description: Description,
    *,
    documents: Mapping[str, Any],
    seed: int = 0,
    device: Provider = "cpu",
    slow: SlowLevel | None = None,
) -> Bundle:
    """Exports `model` to the directory `out`, which is replaced only when everything succeeded.

    The horizon of `predictor.onnx` is fixed to `description.horizon`; the number of candidates is free.

    Args:
        documents: Further files of the bundle by name, for example `normalisation.json`: text as it is, all else as
            JSON.
        seed: Of the random inputs of the parity gate.
        device: Where onnxruntime computes what the gate compares.
        slow: The slow level that `description.slow` describes, if there is one.

    Raises:
        ProviderError: The device is not available.
        BundleError: The graphs differ from torch by more than the gate accepts, or `out` holds something else.
    """
    check_provider(device)
    check_replaceable(out, INDEX, "a bundle")
    with replacing(out) as staged:
        export_graphs(model, staged, description)
        if slow is not None:
            export_slow_graphs(slow, staged)
        (staged / "contract.yaml").write_text(description.contract.to_yaml(), encoding="utf-8")
        for name, content in documents.items():
            plain = content if isinstance(content, str) else json.dumps(content, indent=2, allow_nan=False) + "\n"
            (staged / name).write_text(plain, encoding="utf-8")
        _write(staged, description)
        exported = OnnxWorldModel(load_bundle(staged), provider=device)
        rng = np.random.default_rng(seed)
        parity = check_parity(model, exported, random_probe(exported, rng))
        if slow is not None:
            parity |= check_slow_parity(slow, exported, OnnxSlowLevel(exported.bundle), rng)
        _write(staged, replace(description, metrics={**description.metrics, "parity": parity}))
    return load_bundle(out)


def _write(folder: Path, description: Description) -> None:
    versions = {"torch": torch.__version__, "onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}
    write_index(folder, description, opset=OPSET, versions=versions)
