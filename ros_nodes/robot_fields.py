"""Reads the fields of a robot's YAML file; every error names the file, the key, what was got and what was expected."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from robot_wm.errors import RobotWmError


class RobotConfigError(RobotWmError):
    """A robot configuration is missing, malformed or does not fit its URDF."""


class Fields:
    """One mapping of a YAML file.

    Args:
        plain: What YAML made of it.
        source: File and key, for the errors.
        required: Keys that must be there.
        optional: Keys that may be there.

    Raises:
        RobotConfigError: It is no mapping, or keys are missing or unknown.
    """

    def __init__(self, plain: Any, source: str, required: Iterable[str], optional: Iterable[str] = ()) -> None:
        needed, allowed = set(required), {*required, *optional}
        if not isinstance(plain, dict):
            raise RobotConfigError(f"{source}: expected a mapping with the keys {sorted(allowed)}, got {plain!r}")
        missing, unknown = needed - plain.keys(), {str(key) for key in plain.keys() - allowed}
        if missing or unknown:
            raise RobotConfigError(
                f"{source}: missing keys {sorted(missing)}, unknown keys {sorted(unknown)}; known are {sorted(allowed)}"
            )
        self._plain, self.source = plain, source

    def __contains__(self, key: str) -> bool:
        return key in self._plain

    def section(self, key: str, required: Iterable[str], optional: Iterable[str] = ()) -> Fields:
        """The mapping under a key."""
        return Fields(self._plain[key], f"{self.source}: {key}", required, optional)

    def mapping(self, key: str) -> dict[str, Any]:
        """A mapping whose keys are free; empty where the key is not there."""
        value = self._plain.get(key, {})
        if not isinstance(value, dict):
            raise self._wrong(key, value, "a mapping")
        return {str(name): entry for name, entry in value.items()}

    def text(self, key: str) -> str:
        """A text that is not empty."""
        value = self._plain[key]
        if not isinstance(value, str) or not value.strip():
            raise self._wrong(key, value, "a text")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self._plain.get(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, value, "true or false")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """A finite number."""
        return self._number(key, self._plain.get(key, default))

    def numbers(self, key: str) -> tuple[float, ...]:
        """A list of finite numbers."""
        return tuple(self._number(key, value) for value in self._list(key))

    def names(self, key: str) -> tuple[str, ...]:
        """A list of different texts."""
        values = self._list(key)
        if not values or not all(isinstance(value, str) and value for value in values):
            raise self._wrong(key, values, "a list of names")
        if len(set(values)) != len(values):
            raise self._wrong(key, values, "names that differ")
        return tuple(values)

    def choice(self, key: str, options: Iterable[str]) -> str:
        """One of the options."""
        value = self._plain[key]
        if value not in (known := list(options)):
            raise self._wrong(key, value, f"one of {known}")
        return str(value)

    def _list(self, key: str) -> list[Any]:
        value = self._plain[key]
        if not isinstance(value, list):
            raise self._wrong(key, value, "a list")
        return value

    def _number(self, key: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self._wrong(key, value, "a finite number")
        return float(value)

    def _wrong(self, key: str, value: Any, expected: str) -> RobotConfigError:
        return RobotConfigError(f"{self.source}: '{key}' is {value!r}; expected {expected}")
