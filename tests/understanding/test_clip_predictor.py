"""The clip predictor never looks ahead, and remembers what was hidden for a while."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from robot_wm.training.config import Schedule  # noqa: E402
from robot_wm.understanding.clip_predictor import HORIZONS, WINDOW, ClipPredictor  # noqa: E402
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
    assert before.shape == (2, WINDOW, len(HORIZONS), PLACES, CHANNELS)
    assert model(tokens)[2].shape == before.shape[:-1]
    assert torch.equal(before[:, :7], after[:, :7])
    assert not torch.allclose(before[:, 7], after[:, 7])


def test_it_learns_to_expect_what_was_covered() -> None:
    rng = np.random.default_rng(0)
    schedule = Schedule(steps=250, batch=32, rate=5e-3, warmup=20)
    model, losses = train_clip_predictor(hidden_for_a_while(400, rng), schedule, seed=0)
    assert losses["held_out_loss"] < 0.35
    fresh = torch.from_numpy(hidden_for_a_while(64, rng))
    with torch.inference_mode():
        target, expected, _ = model(fresh)
    assert (expected[:, 8, 0].sign() == target[:, 9].sign()).float().mean() > 0.9


def test_it_learns_where_it_errs() -> None:
    rng = np.random.default_rng(0)
    tokens = 0.01 * rng.standard_normal((200, WINDOW, PLACES, CHANNELS)).astype(np.float32)
    tokens[:, :, 0] = rng.standard_normal((200, WINDOW, CHANNELS))  # noise that nobody can foresee
    model, _ = train_clip_predictor(tokens, Schedule(steps=120, batch=16, rate=5e-3, warmup=20), seed=0)
    with torch.inference_mode():
        spread = model(torch.from_numpy(tokens[:16]))[2].mean((0, 1, 2))
    assert spread[0] > 3 * spread[1:].max()
