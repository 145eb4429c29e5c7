"""Which parameter names the service `list_parameters` answers with."""

from __future__ import annotations

from collections.abc import Iterable

from rcl_interfaces.msg import ListParametersResult

from rclpy.parameter import PARAMETER_SEPARATOR_STRING as DOT

ANY_DEPTH = 0


def list_names(names: Iterable[str], prefixes: list[str], depth: int) -> ListParametersResult:
    """The names below one of the prefixes, and the prefixes that these have.

    Args:
        names: all names.
        prefixes: what to list; all where it is empty.
        depth: how many parts a name may have below its prefix; 0 for any number.

    Raises:
        TypeError, ValueError: the prefixes are not strings, or the depth is not a natural number.
    """
    if not isinstance(prefixes, list) or not all(isinstance(prefix, str) for prefix in prefixes):
        raise TypeError(f"the prefixes must be a list of strings; got {prefixes!r}")
    if not isinstance(depth, int):
        raise TypeError(f"the depth must be an int; got {depth!r}")
    if depth < 0:
        raise ValueError(f"the depth must not be negative; got {depth}")
    result = ListParametersResult(names=[name for name in names if _is_listed(name, prefixes, depth)])
    above = [name.rpartition(DOT)[0] for name in result.names if DOT in name]
    result.prefixes = list(dict.fromkeys(above))
    return result


def _is_listed(name: str, prefixes: list[str], depth: int) -> bool:
    if not prefixes:
        return depth == ANY_DEPTH or name.count(DOT) < depth
    return any(name == prefix or _is_below(name, prefix + DOT, depth) for prefix in prefixes)


def _is_below(name: str, start: str, depth: int) -> bool:
    return name.startswith(start) and (depth == ANY_DEPTH or name[len(start) :].count(DOT) < depth)
