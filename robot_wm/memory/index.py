"""Nearest vectors."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Index(Protocol):
    """Vectors of one length, each with an owner and its place there."""

    def add(self, owner: int, vectors: np.ndarray) -> None:
        """Adds vectors (T, F) of an owner, in order."""

    def remove(self, owner: int) -> None:
        """Removes all vectors of an owner."""

    def distances(self, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Owners (M,), places (M,) and root mean square differences (M,) to a vector (F,), in any order."""


class ExactIndex:
    """All vectors in one matrix: one product answers a question; 20,000 latents of 256 numbers take 20 MB."""

    def __init__(self, size: int) -> None:
        self._vectors = np.empty((0, size), dtype=np.float32)
        self._owners, self._places = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)

    def add(self, owner: int, vectors: np.ndarray) -> None:
        self._vectors = np.concatenate([self._vectors, vectors])
        self._owners = np.concatenate([self._owners, np.full(len(vectors), owner)])
        self._places = np.concatenate([self._places, np.arange(len(vectors))])

    def remove(self, owner: int) -> None:
        keep = self._owners != owner
        self._vectors, self._owners, self._places = self._vectors[keep], self._owners[keep], self._places[keep]

    def distances(self, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        squares = np.square(self._vectors - vector).mean(axis=1)
        return self._owners, self._places, np.sqrt(squares)
