"""The action-conditioned predictor computes what its published definition, written out by hand, computes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from robot_wm.errors import ObservationError
from robot_wm.perception.rotary_block import StackConfig
from robot_wm.perception.vjepa2 import VJepa2Encoder
from robot_wm.perception.vjepa2_config import CONFIGS, VJepa2Config
from robot_wm.world_model.published import load_vjepa2_ac
from robot_wm.world_model.vjepa2_ac import ActionPredictor, ActionPredictorConfig

TOLERANCE = 1e-4
HEADS, WIDTH, TOKENS, GRID, DEPTH = 2, 64, 24, 3, 2
CONFIG = VJepa2Config(StackConfig(width=TOKENS, depth=1, heads=1, hidden=48), image_size=16 * GRID, frames=8)


def published_state(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random tensors under the published names, in the published shapes."""
    linears = {
        "predictor_embed": (WIDTH, TOKENS),
        "action_encoder": (WIDTH, 7),
        "state_encoder": (WIDTH, 7),
        "extrinsics_encoder": (WIDTH, 6),
        "predictor_proj": (TOKENS, WIDTH),
    }
    norms = ["predictor_norm"]
    for index in range(DEPTH):
        block = f"predictor_blocks.{index}"
        linears |= {f"{block}.attn.qkv": (3 * WIDTH, WIDTH), f"{block}.attn.proj": (WIDTH, WIDTH)}
        linears |= {f"{block}.mlp.fc1": (4 * WIDTH, WIDTH), f"{block}.mlp.fc2": (WIDTH, 4 * WIDTH)}
        norms += [f"{block}.norm1", f"{block}.norm2"]
    state = {f"{name}.weight": rng.normal(scale=0.2, size=shape) for name, shape in linears.items()}
    state |= {f"{name}.bias": rng.normal(scale=0.2, size=shape[0]) for name, shape in linears.items()}
    state |= {f"{name}.weight": rng.normal(1.0, 0.2, size=WIDTH) for name in norms}
    return state | {f"{name}.bias": rng.normal(scale=0.2, size=WIDTH) for name in norms}


class Reference:
    """The forward pass token by token and channel by channel, in float64, over a state dict."""

    def __init__(self, state: dict[str, np.ndarray]) -> None:
        self.state = state

    def linear(self, name: str, rows: np.ndarray) -> np.ndarray:
        return rows @ self.state[f"{name}.weight"].T + self.state[f"{name}.bias"]

    def norm(self, name: str, rows: np.ndarray) -> np.ndarray:
        centred = rows - rows.mean(-1, keepdims=True)
        unit = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6)
        return unit * self.state[f"{name}.weight"] + self.state[f"{name}.bias"]

    def turned(self, head: np.ndarray, place: tuple[int, int, int] | tuple[int]) -> np.ndarray:
        """One token's query or key of one head; a condition has a time only, and its other channels stay."""
        turned, width = head.copy(), 2 * (len(head) // 3 // 2)
        for axis, position in enumerate(place):
            for channel in range(width):
                angle = position / 10000 ** (channel % (width // 2) / (width / 2))
                at = axis * width + channel
                partner = -head[at + 1] if channel % 2 == 0 else head[at - 1]
                turned[at] = head[at] * np.cos(angle) + partner * np.sin(angle)
        return turned

    def attend(self, name: str, rows: np.ndarray, places: list) -> np.ndarray:
        qkv = self.linear(f"{name}.qkv", rows).reshape(len(rows), 3, HEADS, -1)
        mixed = np.zeros((len(rows), HEADS, WIDTH // HEADS))
        for head in range(HEADS):
            query, key = (
                np.stack([self.turned(*at) for at in zip(qkv[:, i, head], places, strict=True)]) for i in (0, 1)
            )
            for token, place in enumerate(places):
                seen = [other for other, there in enumerate(places) if there[0] <= place[0]]
                score = np.exp(key[seen] @ query[token] / np.sqrt(WIDTH // HEADS))
                mixed[token, head] = score @ qkv[seen, 2, head] / score.sum()
        return self.linear(f"{name}.proj", mixed.reshape(len(rows), -1))

    def __call__(self, tokens: np.ndarray, conditions: list[tuple[str, np.ndarray]]) -> np.ndarray:
        """One sample: tokens (T · n, D) and named conditions (T, 7) or (T, 6)."""
        frames = self.linear("predictor_embed", tokens).reshape(-1, GRID * GRID, WIDTH)
        rows, places = [], []
        for time, frame in enumerate(frames):
            rows += [self.linear(name, values[time]) for name, values in conditions] + list(frame)
            places += [(time,)] * len(conditions) + [(time, cell // GRID, cell % GRID) for cell in range(GRID * GRID)]
        hidden = np.stack(rows)
        for index in range(DEPTH):
            block = f"predictor_blocks.{index}"
            hidden = hidden + self.attend(f"{block}.attn", self.norm(f"{block}.norm1", hidden), places)
            inner = torch.from_numpy(self.linear(f"{block}.mlp.fc1", self.norm(f"{block}.norm2", hidden)))
            hidden = hidden + self.linear(f"{block}.mlp.fc2", (inner * torch.special.ndtr(inner)).numpy())
        kept = hidden[[len(place) == 3 for place in places]]
        return self.linear("predictor_proj", self.norm("predictor_norm", kept))


@pytest.mark.parametrize("extrinsics", [False, True])
def test_predictor_agrees_with_its_definition(tmp_path: Path, extrinsics: bool) -> None:
    rng = np.random.default_rng(0)
    state = published_state(rng)
    wrapped = {f"module.{name}": torch.from_numpy(values).float() for name, values in state.items()}
    encoder = {f"module.backbone.{name}": value for name, value in VJepa2Encoder(CONFIG).state_dict().items()}
    torch.save({"encoder": encoder, "predictor": wrapped, "epoch": 3}, tmp_path / "ac.pt")
    model = load_vjepa2_ac(tmp_path / "ac.pt", CONFIG, heads=HEADS, extrinsics=extrinsics).predictor
    steps = 3
    tokens = rng.normal(size=(2, steps * GRID * GRID, TOKENS))
    actions, states, cameras = (
        rng.normal(size=(2, steps, 7)),
        rng.normal(size=(2, steps, 7)),
        rng.normal(size=(2, 3, 6)),
    )
    inputs = [tokens, actions, states, *([cameras] if extrinsics else [])]
    with torch.no_grad():
        got = model(*(torch.from_numpy(values).float() for values in inputs)).numpy()
    reference = Reference(state)
    for sample in range(2):
        conditions = [("action_encoder", actions[sample]), ("state_encoder", states[sample])]
        conditions += [("extrinsics_encoder", cameras[sample])] if extrinsics else []
        expected = reference(tokens[sample], conditions)
        difference = float(np.abs(expected - got[sample]).max() / np.abs(expected).max())
        print(f"parity of the action-conditioned predictor, extrinsics {extrinsics}: {difference:.1e}")
        assert difference < TOLERANCE


def test_published_names_and_shapes() -> None:
    """The published predictor's size: 24 blocks of 12 tensors, and 12 more around them."""
    with torch.device("meta"):
        state = ActionPredictor(ActionPredictorConfig()).state_dict()
    assert len(state) == 24 * 12 + 12
    assert state["predictor_blocks.23.attn.qkv.weight"].shape == (3072, 1024)
    assert state["extrinsics_encoder.weight"].shape == (1024, 6)
    assert sum(value.numel() for value in state.values()) == pytest.approx(305e6, rel=0.01)


def test_later_steps_do_not_change_earlier_predictions() -> None:
    torch.manual_seed(0)
    stack = StackConfig(width=WIDTH, depth=2, heads=HEADS, hidden=128)
    model = ActionPredictor(ActionPredictorConfig(tokens_width=TOKENS, image_size=16 * GRID, stack=stack)).eval()
    tokens, actions, states = torch.randn(1, 27, TOKENS), torch.randn(1, 3, 7), torch.randn(1, 3, 7)
    with torch.no_grad():
        whole = model(tokens, actions, states)
        torch.testing.assert_close(whole[:, :18], model(tokens[:, :18], actions[:, :2], states[:, :2]))
        actions[:, 1] += 1.0
        changed = model(tokens, actions, states)
    torch.testing.assert_close(changed[:, :9], whole[:, :9])
    assert not torch.allclose(changed[:, 9:18], whole[:, 9:18])


def test_inputs_that_do_not_fit_are_named() -> None:
    model = ActionPredictor(ActionPredictorConfig(tokens_width=96, image_size=CONFIGS["tiny"].image_size))
    with pytest.raises(ObservationError, match=r"expected tokens \(1, 32, 96\)"):
        model(torch.zeros(1, 16, 96), torch.zeros(1, 2, 7), torch.zeros(1, 2, 7))
    with pytest.raises(ObservationError, match="extrinsics"):
        model(torch.zeros(1, 32, 96), torch.zeros(1, 2, 7), torch.zeros(1, 2, 7), torch.zeros(1, 2, 6))
