"""Frozen features of pictures: those of a bundle's encoder, of an untrained one, and of plain pixels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rich.progress import track

from robot_wm.deploy.bundle import Bundle
from robot_wm.deploy.session import OnnxWorldModel
from robot_wm.errors import BundleError

Encode = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Pictures uint8 (B, H, W, 3) to latents (B, N, D) and dense tokens (B, n, width), both float32."""

BATCH = 64


def bundle_features(model: OnnxWorldModel) -> Encode:
    """The features of a bundle's encoder."""
    return model.encode_dense


def untrained_features(bundle: Bundle, seed: int) -> Encode:
    """The features of an encoder of the same architecture with random weights; needs torch.

    Raises:
        BundleError: The bundle does not say what its architecture is.
    """
    import torch

    from robot_wm.perception.encoder import Encoder, EncoderConfig

    if "model_config.json" not in bundle.files:
        raise BundleError(f"{bundle.path}: has no model_config.json, so that no untrained encoder can stand beside it")
    config = EncoderConfig(**json.loads(bundle.read("model_config.json"))["encoder"])
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        encoder = Encoder(config).eval()

    @torch.inference_mode()
    def encode(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        latents, tokens = encoder.dense(torch.from_numpy(images))
        return latents.numpy(), tokens.numpy()

    return encode


@dataclass(frozen=True)
class PixelFeatures:
    """Principal components of raw pixels: of whole pictures as the latent, of patches as the tokens.

    Attributes:
        whole: Mean (H·W·3,) and components (H·W·3, k) of pictures.
        patch: Mean (p·p·3,) and components (p·p·3, k) of patches.
        side: Pixels p of a patch's side.
    """

    whole: tuple[np.ndarray, np.ndarray]
    patch: tuple[np.ndarray, np.ndarray]
    side: int

    @classmethod
    def fit(cls, images: np.ndarray, latent: int, tokens: int, width: int) -> PixelFeatures:
        """Fits to pictures (M, H, W, 3) as many components as an encoder's latent and tokens have channels."""
        side = round(images.shape[1] / tokens**0.5)
        patches = _patches(images, side).reshape(-1, side * side * 3)
        keep = np.random.default_rng(0).permutation(len(patches))[:20_000]
        return cls(_components(images.reshape(len(images), -1), latent), _components(patches[keep], width), side)

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Encode`."""
        whole = _project(images.reshape(len(images), -1), *self.whole)
        return whole[:, None], _project(_patches(images, self.side), *self.patch)


def encode_latents(encode: Encode, images: np.ndarray) -> np.ndarray:
    """Latents float32 (M, N, D) of pictures (M, H, W, 3), behind a progress bar."""
    starts = range(0, len(images), BATCH)
    return np.concatenate([encode(images[start : start + BATCH])[0] for start in track(starts, "encoding")])


def encode_all(encode: Encode, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Latents float32 and tokens float16 of pictures (..., H, W, 3), shaped alike; equal pictures are encoded once."""
    flat = images.reshape(-1, *images.shape[-3:])
    numbers: dict[bytes, int] = {}
    index = np.array([numbers.setdefault(_digest(picture), len(numbers)) for picture in flat])
    first = np.unique(index, return_index=True)[1]
    parts = [encode(flat[first[start : start + BATCH]]) for start in range(0, len(first), BATCH)]
    latents = np.concatenate([part[0] for part in parts])[index]
    tokens = np.concatenate([part[1].astype(np.float16) for part in parts])[index]
    lead = images.shape[:-3]
    return latents.reshape(*lead, *latents.shape[1:]), tokens.reshape(*lead, *tokens.shape[1:])


def _digest(picture: np.ndarray) -> bytes:
    return hashlib.blake2b(picture.tobytes(), digest_size=16).digest()


def _patches(images: np.ndarray, side: int) -> np.ndarray:
    count, height, width, _ = images.shape
    cells = images.reshape(count, height // side, side, width // side, side, 3).swapaxes(2, 3)
    return cells.reshape(count, -1, side * side * 3)


def _components(samples: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    values = samples.astype(np.float32) / 255
    mean = values.mean(0)
    centred = values - mean
    if len(values) > values.shape[1]:
        directions = np.linalg.eigh(centred.T @ centred)[1][:, ::-1]
    else:
        directions = centred.T @ np.linalg.eigh(centred @ centred.T)[1][:, ::-1]
    kept = directions[:, : min(count, len(values) - 1)]
    return mean, kept / np.maximum(np.linalg.norm(kept, axis=0), 1e-9)


def _project(samples: np.ndarray, mean: np.ndarray, components: np.ndarray) -> np.ndarray:
    return (samples.astype(np.float32) / 255 - mean) @ components
