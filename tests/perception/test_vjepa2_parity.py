"""The published encoder and masked predictor compute what `transformers` computes with the same weights."""

from pathlib import Path

import pytest
import torch

from robot_wm.perception.published import load_vjepa2
from robot_wm.perception.vjepa2 import normalise

TOLERANCE = 1e-4
LAYOUTS = {"small": ("5GB", 64, 3), "sharded": ("200KB", 48, 2)}


@pytest.fixture(scope="module", params=LAYOUTS)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[torch.nn.Module, Path]:
    """A `transformers` model with random weights everywhere, and the directory that it was saved to."""
    transformers = pytest.importorskip("transformers")
    shard, width, heads = LAYOUTS[request.param]
    torch.manual_seed(0)
    config = transformers.VJEPA2Config(
        crop_size=64,
        frames_per_clip=8,
        hidden_size=32 * heads,
        num_attention_heads=heads,
        num_hidden_layers=3,
        mlp_ratio=48 / 11,
        pred_hidden_size=width,
        pred_num_attention_heads=2,
        pred_num_hidden_layers=2,
        pred_num_mask_tokens=3,
    )
    model = transformers.VJEPA2Model(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    folder = tmp_path_factory.mktemp(request.param)
    model.save_pretrained(folder, max_shard_size=shard)
    return model, folder


def relative(expected: torch.Tensor, got: torch.Tensor) -> float:
    return float((expected - got).abs().max() / expected.abs().max())


def test_encoder_and_masked_predictor_agree(saved: tuple[torch.nn.Module, Path]) -> None:
    model, folder = saved
    ours = load_vjepa2(folder)
    pixels = normalise(torch.randint(0, 256, (2, 6, 64, 64, 3), dtype=torch.uint8))
    shuffled = torch.stack([torch.randperm(48) for _ in range(2)])
    visible, masked = shuffled[:, :20], shuffled[:, 20:41]
    with torch.no_grad():
        expected = model(pixels, context_mask=[visible], target_mask=[masked])
        tokens = ours.encoder(pixels)
        context = torch.stack([row[index] for row, index in zip(tokens, visible, strict=True)])
        assert ours.predictor is not None
        predicted = ours.predictor(context, visible, masked)
    differences = {
        "encoder": relative(expected.last_hidden_state, tokens),
        "predictor": relative(expected.predictor_output.last_hidden_state, predicted),
    }
    print(f"parity with transformers, {folder.name}: {differences}")
    assert (folder / "model.safetensors.index.json").exists() == folder.name.startswith("sharded")
    assert max(differences.values()) < TOLERANCE


def test_a_single_frame_is_doubled(saved: tuple[torch.nn.Module, Path]) -> None:
    model, folder = saved
    pixels = normalise(torch.randint(0, 256, (1, 1, 64, 64, 3), dtype=torch.uint8))
    with torch.no_grad():
        expected = model(pixels, skip_predictor=True).last_hidden_state
        assert relative(expected, load_vjepa2(folder).encoder(pixels)) < TOLERANCE


def test_a_video_classifier_gives_its_encoder(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 32, "num_attention_heads": 1, "num_hidden_layers": 1, "num_pooler_layers": 1}
    small = {"pred_hidden_size": 32, "pred_num_attention_heads": 1, "pred_num_hidden_layers": 1, "crop_size": 32}
    model = transformers.VJEPA2ForVideoClassification(transformers.VJEPA2Config(**sizes, **small)).eval()
    model.save_pretrained(tmp_path)
    pixels = torch.randn(1, 2, 3, 32, 32)
    with torch.no_grad():
        expected = model.vjepa2(pixels, skip_predictor=True).last_hidden_state
        assert relative(expected, load_vjepa2(tmp_path).encoder(pixels)) < TOLERANCE


def test_the_encoder_of_visible_tokens_sees_nothing_else() -> None:
    from robot_wm.perception.vjepa2 import VJepa2Encoder
    from robot_wm.perception.vjepa2_config import CONFIGS

    torch.manual_seed(0)
    encoder = VJepa2Encoder(CONFIGS["tiny"]).eval()
    pixels = torch.randn(1, 4, 3, 64, 64)
    changed = pixels.clone()
    changed[:, :, :, 32:] += 1.0
    everything, upper = torch.arange(32)[None], torch.arange(8)[None]
    with torch.no_grad():
        torch.testing.assert_close(encoder(pixels, upper), encoder(changed, upper))
        torch.testing.assert_close(encoder(pixels, everything), encoder(pixels))
