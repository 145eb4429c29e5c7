"""The small encoder's graph for inference computes what the encoder computes."""

import pytest

torch = pytest.importorskip("torch")

from robot_wm.deploy.encoder_graph import GraphImageEncoder  # noqa: E402
from robot_wm.perception.encoder import Encoder, EncoderConfig  # noqa: E402


def test_rewritten_encoder_agrees_and_leaves_the_encoder_alone() -> None:
    torch.manual_seed(0)
    config = EncoderConfig(image_size=48, stem=8, width=24, depth=2, heads=2, reduced=4, tokens=4, channels=6)
    encoder = Encoder(config).eval()
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    images = torch.randint(0, 256, (3, 48, 48, 3), dtype=torch.uint8)
    with torch.no_grad():
        expected, got = encoder.dense(images), GraphImageEncoder(encoder)(images)
    for true, rewritten in zip(expected, got, strict=True):
        assert (rewritten - true).abs().max() / true.std() < 1e-5
    for name, value in encoder.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
