"""The clip predictor never looks ahead, and remembers what was hidden for a while."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from robot_wm.training.config import Schedule  # noqa: E402
from robot_wm.understanding.clip_predictor import WINDOW, ClipPredictor  # noqa: E402
from robot_wm.understanding.learn_physics import train_clip_predictor  # noqa: E402

PLACES, CHANNELS = 4, 4


def hidden_for_a_while(clips: int, rng: np.random.Generator) -> np.ndarray:
    """A random pattern that is covered in frames 4 to 8, tokens (clips, WINDOW, PLACES, CHANNELS)."""
    tokens = np.repeat(rng.choice([-1.0, 1.0], (clips, 1, PLACES, CHANNELS)), WINDOW, axis=1).astype(np.float32)
    tokens[:, 4:9] = 0.0
    return tokens


def test_it_does_not_look_ahead() -> None:
    torch.manual_seed(0)
    model = ClipPredictor(PLACES, CHANNELS, width=16, heads=2).eval()
    tokens = torch.randn(2, WINDOW, PLACES, CHANNELS)
    changed = tokens.clone()
    changed[:, 7:] += 1.0
    with torch.inference_mode():
        before, after = model(tokens)[1], model(changed)[1]
    assert before.shape == (2, WINDOW, PLACES, CHANNELS)
    assert torch.equal(before[:, :7], after[:, :7])
    assert not torch.allclose(before[:, 7], after[:, 7])


def test_it_learns_to_expect_what_was_covered() -> None:
    rng = np.random.default_rng(0)
    schedule = Schedule(steps=250, batch=32, rate=5e-3, warmup=20)
    model, losses = train_clip_predictor(hidden_for_a_while(400, rng), schedule, seed=0)
    assert losses["held_out_loss"] < 0.35
    fresh = torch.from_numpy(hidden_for_a_while(64, rng))
    with torch.inference_mode():
        target, expected = model(fresh)
    assert (expected[:, 8].sign() == target[:, 9].sign()).float().mean() > 0.9


def test_it_learns_to_expect_where_a_moving_thing_comes_to() -> None:
    side, rng = 8, np.random.default_rng(0)

    def moving(clips: int) -> np.ndarray:
        tokens = np.zeros((clips, WINDOW, side, side, CHANNELS), np.float32)
        rows, columns, right = rng.integers(side, size=clips), rng.integers(side, size=clips), rng.integers(1, 4, clips)
        for frame in range(WINDOW):
            tokens[np.arange(clips), frame, rows, (columns + frame * right) % side] = 1.0
        return tokens.reshape(clips, WINDOW, -1, CHANNELS)

    schedule = Schedule(steps=150, batch=16, rate=5e-3, warmup=20)
    model, _ = train_clip_predictor(moving(400), schedule, seed=0)
    with torch.inference_mode():
        target, expected = model(torch.from_numpy(moving(64)))
    came_to = target[:, 3:, :, 0].argmax(-1)
    assert (expected[:, 2:-1, :, 0].argmax(-1) == came_to).float().mean() > 0.9
