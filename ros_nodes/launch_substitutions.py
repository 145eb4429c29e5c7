"""The `$(...)` substitutions of launch files."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

TRUE, FALSE = ("true", "1"), ("false", "0")


class SubstitutionError(ValueError):
    """A substitution is unknown, malformed or has no value."""


@dataclass(frozen=True)
class Scope:
    """What substitutions can refer to.

    Attributes:
        file: The launch file.
        variables: Values of arguments and of `let`.
        environment: Environment variables.
    """

    file: Path
    variables: Mapping[str, str]
    environment: Mapping[str, str]


def expand(text: str, scope: Scope) -> str:
    """Replaces every `$(name arguments)` in a text, inner ones first.

    Raises:
        SubstitutionError: says which substitution and what is wrong with it.
    """
    result, position = [], 0
    while (start := text.find("$(", position)) >= 0:
        result.append(text[position:start])
        end = _closing(text, start + 2)
        result.append(_evaluate(text[start + 2 : end], scope))
        position = end + 1
    return "".join(result) + text[position:]


def as_bool(text: str) -> bool:
    """The truth of a condition: true, false, 1 or 0.

    Raises:
        SubstitutionError: it is none of these.
    """
    if text.strip().lower() not in TRUE + FALSE:
        raise SubstitutionError(f"'{text}' must be true or false")
    return text.strip().lower() in TRUE


def _closing(text: str, start: int) -> int:
    depth, quote = 1, ""
    for position in range(start, len(text)):
        letter = text[position]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"" and depth == 1:
            quote = letter
        elif letter in "()":
            depth += 1 if letter == "(" else -1
            if depth == 0:
                return position
    raise SubstitutionError(f"'{text}': a '$(' has no ')'")


def _words(text: str, scope: Scope) -> list[str]:
    """Splits at blanks outside of quotes and inner substitutions, and expands the words."""
    pieces = re.findall(r"'[^']*'|\"[^\"]*\"|(?:\$\([^()]*(?:\([^()]*\)[^()]*)*\)|[^\s'\"])+", text)
    return [expand(piece[1:-1] if piece[0] in "'\"" else piece, scope) for piece in pieces]


def _evaluate(text: str, scope: Scope) -> str:
    name, _, rest = text.strip().partition(" ")
    if name == "eval":
        return _compare(expand(_unquoted(rest.strip()), scope))
    if name not in SUBSTITUTIONS:
        known = ", ".join([*SUBSTITUTIONS, "eval"])
        raise SubstitutionError(f"unknown substitution '$({text})'; known are {known}")
    low, high, function = SUBSTITUTIONS[name]
    words = _words(rest, scope)
    if not low <= len(words) <= high:
        raise SubstitutionError(f"'$({text})' has {len(words)} arguments; {name} takes {low} to {high}")
    return function(scope, *words)


def _variable(scope: Scope, name: str, default: str | None = None) -> str:
    value = scope.variables.get(name, default)
    if value is None:
        raise SubstitutionError(f"there is no argument '{name}'; declare it with <arg name=\"{name}\"/>")
    return value


def _environment(scope: Scope, name: str, default: str | None = None) -> str:
    value = scope.environment.get(name, default)
    if value is None:
        raise SubstitutionError(f"the environment variable {name} is not set; set it, or write $(env {name} DEFAULT)")
    return value


def package_share(package: str, environment: Mapping[str, str]) -> Path:
    """The share directory of a package: of robot_wm always, of others where ROS 2 is set up.

    Raises:
        SubstitutionError: the package is not found.
    """
    prefixes = [Path(prefix) for prefix in environment.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    places = [prefix / "share" / package for prefix in prefixes]
    if package == "robot_wm":
        source = Path(__file__).parents[1]
        places = [*([source] if (source / "launch").is_dir() else []), *places, Path(sys.prefix) / "share" / package]
    for place in places:
        if place.is_dir():
            return place
    raise SubstitutionError(f"package '{package}' is not found; source the ROS 2 workspace that has it")


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _compare(text: str) -> str:
    """Comparisons of two values; anything else that ROS 2 would give to Python is refused."""
    value = r"\s*('[^']*'|\"[^\"]*\"|[^\s'\"=!<>()]+)\s*"
    match = re.fullmatch(f"{value}(==|!=){value}", text)
    if match is None:
        raise SubstitutionError(f"'$(eval {text})': only comparisons such as 'a' == 'b' are understood here")
    left, operator, right = match.groups()
    return str((left.strip("'\"") == right.strip("'\"")) == (operator == "==")).lower()


def _truth(value: bool) -> str:
    return str(value).lower()


SUBSTITUTIONS: dict[str, tuple[int, int, Callable[..., str]]] = {
    "var": (1, 2, _variable),
    "env": (1, 2, _environment),
    "dirname": (0, 0, lambda scope: str(scope.file.parent)),
    "filename": (0, 0, lambda scope: str(scope.file)),
    "find-pkg-share": (1, 1, lambda scope, package: str(package_share(package, scope.environment))),
    "not": (1, 1, lambda scope, value: _truth(not as_bool(value))),
    "and": (2, 2, lambda scope, left, right: _truth(as_bool(left) and as_bool(right))),
    "or": (2, 2, lambda scope, left, right: _truth(as_bool(left) or as_bool(right))),
    "equals": (2, 2, lambda scope, left, right: _truth(left == right)),
    "not-equals": (2, 2, lambda scope, left, right: _truth(left != right)),
}
