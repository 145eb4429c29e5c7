"""`robot-wm imagine`: pictures of what the model expects beside what happens."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console

from robot_wm.deploy.bundle import default_bundle, load_bundle
from robot_wm.deploy.session import OnnxWorldModel
from robot_wm.errors import RobotWmError
from robot_wm.understanding.episodes import Episodes, dataset_episodes, fresh_episodes
from robot_wm.understanding.features import bundle_features
from robot_wm.understanding.optional_graph import OptionalGraph

ENLARGED = 2
GAP = 4
GIF_MS = 400
ROWS = ("happened", "drawn from what was seen", "drawn from what was expected")


@dataclass(frozen=True)
class ImagineConfig:
    """Imagines what follows from one picture and the actions of an episode, and draws it.

    Attributes:
        bundle: Model bundle with `decoder.onnx`.
        dataset: LeRobot v3 dataset; a fresh episode from the simulator when there is none.
        episode: Number of the episode.
        start: Frame that is imagined from.
        steps: Steps to imagine; roll-outs are chained where this is more than the bundle's horizon.
        seed: Of fresh episodes and of learning.
        out: Picture (`.png`) or animation (`.gif`).
        learn: First trains the decoder on fresh or given episodes and puts it into the bundle.
        episodes: Episodes to learn from.
        learning_steps: Steps of learning.
        workers: Processes that simulate.
    """

    bundle: Path = field(default_factory=default_bundle)
    dataset: Path | None = None
    episode: int = 0
    start: int = 5
    steps: int = 8
    seed: int = 0
    out: Path = Path("runs/imagine.png")
    learn: bool = False
    episodes: int = 120
    learning_steps: int = 1000
    workers: int = 2

    def __post_init__(self) -> None:
        lows = (("episode", 0), ("start", 0), ("steps", 1), ("seed", 0), ("episodes", 2), ("learning_steps", 1))
        for name, low in (*lows, ("workers", 1)):
            if getattr(self, name) < low:
                raise RobotWmError(f"imagine: {name} is {getattr(self, name)}; at least {low} is needed")
        if self.out.suffix not in (".png", ".gif"):
            raise RobotWmError(f"imagine: --out is {self.out}; its name must end with .png or .gif")


@dataclass(frozen=True)
class Imagined:
    """Pictures uint8 (T, H, W, 3), the first of the frame that was imagined from.

    Attributes:
        happened: What the camera saw.
        seen: The decoder's drawing of what the encoder made of it: what the decoder can show at best.
        expected: The decoder's drawing of the predicted latents.
        error: Mean L1 between predicted and true latents at each step (T,), in standard deviations of the latent.
    """

    happened: np.ndarray
    seen: np.ndarray
    expected: np.ndarray
    error: np.ndarray


def run(config: ImagineConfig) -> int:
    """Imagines, and writes the picture or animation."""
    console = Console()
    if config.learn:
        _learn(config)
    bundle = load_bundle(config.bundle)
    model = OnnxWorldModel(bundle)
    decoder = OptionalGraph(bundle, "decoder", f"robot-wm imagine --learn --bundle {bundle.path}")
    imagined = imagine(model, decoder, _episode(config), config.start, config.steps)
    config.out.parent.mkdir(parents=True, exist_ok=True)
    (write_gif if config.out.suffix == ".gif" else write_strip)(config.out, imagined)
    errors = " ".join(f"{error:.2f}" for error in imagined.error[1:])
    console.print(f"{config.out}: error of the predicted latent after each step, in standard deviations: {errors}")
    return 0


def _learn(config: ImagineConfig) -> None:
    from robot_wm.training.config import Schedule
    from robot_wm.understanding.learn_decoder import learn

    if config.dataset is None:
        episodes = fresh_episodes(config.episodes, config.seed + 1, randomize=0.3, workers=config.workers)
    else:
        episodes = dataset_episodes(config.dataset, config.episodes)
    encode = bundle_features(OnnxWorldModel(load_bundle(config.bundle)))
    schedule = Schedule(config.learning_steps, batch=32, rate=2e-3, warmup=50)
    learn(config.bundle, encode, episodes, schedule, config.seed)


def _episode(config: ImagineConfig) -> Episodes:
    """The one episode that is asked for."""
    if config.dataset is None:
        return fresh_episodes(1, config.seed * 1000 + config.episode, randomize=0.0)
    from robot_wm.data.lerobot_reader import Dataset

    dataset = Dataset.open(config.dataset)
    if config.episode >= len(dataset):
        raise RobotWmError(f"{config.dataset}: has {len(dataset)} episodes, number {config.episode} is asked for")
    played = dataset.read(config.episode)
    dataset.close()
    length = np.array([len(played)])
    return Episodes(played.images, played.states, played.actions, np.zeros(1, int), length, played.monitor)


def imagine(model: OnnxWorldModel, decoder: OptionalGraph, episode: Episodes, start: int, steps: int) -> Imagined:
    """Predicts the latents of `steps` steps from frame `start` with the actions that were executed, and draws them.

    Raises:
        RobotWmError: The episode is too short for that.
    """
    if start + steps >= len(episode.images):
        raise RobotWmError(
            f"imagine: {steps} steps from frame {start} reach beyond the episode's {len(episode.images)} frames; "
            "lower --start or --steps"
        )
    images = episode.images[start : start + steps + 1]
    true = model.encode(images)
    actions = episode.actions[start : start + steps]
    expected = np.concatenate([true[:1], _rollout(model, true[0], episode.states[start], actions)])
    error = np.abs(expected - true).mean((1, 2)) / model.latent_std
    return Imagined(images, _draw(decoder, true), _draw(decoder, expected), error)


def _rollout(model: OnnxWorldModel, latent: np.ndarray, state: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """Latents (T, N, D) after each of `actions` (T, 7), in roll-outs of the bundle's horizon one after the other."""
    predicted: list[np.ndarray] = []
    for first in range(0, len(actions), model.horizon):
        some = actions[first : first + model.horizon]
        padded = np.zeros((1, model.horizon, 7), np.float32)
        padded[0, : len(some)] = some
        predicted += list(model.rollout(latent, state, padded)[0, : len(some)])
        latent, state = predicted[-1], state.copy()
        state[:3] += some[:, :3].sum(0)
    return np.stack(predicted)


def _draw(decoder: OptionalGraph, latents: np.ndarray) -> np.ndarray:
    return np.rint(decoder(latents)[0] * 255).astype(np.uint8)


def write_strip(file: Path, imagined: Imagined) -> None:
    """Writes a picture of three rows (`ROWS`), one column a step."""
    from PIL import Image

    rows = [_row(clip) for clip in (imagined.happened, imagined.seen, imagined.expected)]
    strip = np.concatenate([part for row in rows for part in (row, np.full_like(row[:GAP], 255))])[:-GAP]
    Image.fromarray(strip.repeat(ENLARGED, 0).repeat(ENLARGED, 1)).save(file)


def write_gif(file: Path, imagined: Imagined) -> None:
    """Writes an animation: what happened, what was seen and what was expected side by side."""
    from PIL import Image

    frames = [
        Image.fromarray(_row(np.stack(views)).repeat(ENLARGED, 0).repeat(ENLARGED, 1))
        for views in zip(imagined.happened, imagined.seen, imagined.expected, strict=True)
    ]
    frames[0].save(file, save_all=True, append_images=frames[1:], duration=GIF_MS, loop=0)


def _row(pictures: np.ndarray) -> np.ndarray:
    parts = [part for picture in pictures for part in (picture, np.full_like(picture[:, :GAP], 255))]
    return np.concatenate(parts, axis=1)[:, :-GAP]
