"""Masks, encoder and masked prediction."""

import numpy as np
import pytest
import torch

from robot_wm.perception.encoder import Encoder, EncoderConfig
from robot_wm.perception.masks import V_JEPA_MASKS, TubeMask, split_indices
from robot_wm.perception.vjepa import MaskedVideoModel

SMALL = EncoderConfig(image_size=48, stem=8, width=24, depth=1, heads=2, reduced=4, tokens=4, channels=6)


@pytest.mark.parametrize("family", V_JEPA_MASKS)
def test_masks_hide_much_and_never_everything(family: TubeMask) -> None:
    hidden = family.sample(64, (8, 8), torch.Generator().manual_seed(0))
    share = hidden.float().mean((1, 2))
    assert share.max() < 1 and share.mean() > 0.5


def test_split_indices_are_tubes_and_do_not_overlap() -> None:
    hidden = TubeMask(2, 0.3).sample(3, (4, 4), torch.Generator().manual_seed(1))
    visible, masked = split_indices(hidden, frames=3)
    for row in range(3):
        assert not set(visible[row].tolist()) & set(masked[row].tolist())
        cells = {index % 16 for index in masked[row].tolist()}
        assert {cell + 16 * frame for cell in cells for frame in range(3)} == set(masked[row].tolist())
        assert all(hidden[row].flatten()[cell] for cell in cells)


def test_hidden_pixels_do_not_leak_into_the_prediction() -> None:
    torch.manual_seed(0)
    model = MaskedVideoModel(Encoder(SMALL).video, momentum=0.9)
    hidden = torch.zeros(1, 4, 4, dtype=torch.bool)
    hidden[:, :, 2:] = True
    clip = torch.randint(0, 255, (1, 4, 48, 48, 3), dtype=torch.uint8)
    other = clip.clone()
    other[:, :, :, 24:] = 255 - other[:, :, :, 24:]
    predictions = []
    model.predictor.register_forward_hook(lambda *hook: predictions.append(hook[2]))
    losses = [model.loss(torch.cat([c, clip]), hidden.expand(2, -1, -1))[0].item() for c in (clip, other)]
    torch.testing.assert_close(predictions[0], predictions[1])
    assert losses[0] != losses[1]


def test_masked_prediction_learns_a_fixed_target() -> None:
    torch.manual_seed(0)
    model = MaskedVideoModel(Encoder(SMALL).video, momentum=1.0)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 3e-3)
    clips = torch.from_numpy(np.stack([np.full((48, 48, 3), 30 * shade, dtype=np.uint8) for shade in range(8)]))
    clips = clips[:, None].expand(-1, 4, -1, -1, -1)
    losses = []
    for step in range(60):
        hidden = TubeMask(2, 0.3).sample(1, (4, 4), torch.Generator().manual_seed(step)).expand(8, -1, -1)
        loss, _ = model.loss(clips, hidden)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.update_target()
        losses.append(loss.item())
    assert np.mean(losses[-10:]) < 0.75 * np.mean(losses[:5])


def test_the_target_follows_the_encoder_by_its_momentum() -> None:
    model = MaskedVideoModel(Encoder(SMALL).video, momentum=0.9)
    before = model.target.norm.weight.clone()
    with torch.no_grad():
        model.encoder.norm.weight.add_(1.0)
    model.update_target()
    torch.testing.assert_close(model.target.norm.weight, before + 0.1)


def test_a_doubled_picture_is_a_still_clip() -> None:
    torch.manual_seed(0)
    video = Encoder(SMALL).video.eval()
    image = torch.randint(0, 255, (2, 48, 48, 3), dtype=torch.uint8)
    still = image[:, None].expand(-1, 2, -1, -1, -1)
    torch.testing.assert_close(video.encode_frames(image), video(still))
