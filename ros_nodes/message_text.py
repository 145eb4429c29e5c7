"""The definition of a message class as `.msg` text with everything that it contains, as bags carry it."""

from __future__ import annotations

import importlib
import re
from typing import Any

SEPARATOR = "=" * 80
NAMES = {"boolean": "bool", "octet": "byte", "double": "float64", "float": "float32"}


def message_class(type_name: str) -> Any:
    """The class of `package/msg/Name`, None where its package is not installed or has no such message."""
    package, _, name = type_name.partition("/msg/")
    try:
        return getattr(importlib.import_module(f"{package}.msg"), name, None)
    except ImportError:
        return None


def definition_text(message: Any) -> str:
    """Fields of a message class, then those of every message inside it; constants and defaults are left out.

    Raises:
        ValueError: a package that it needs is not installed.
    """
    inner: dict[str, str] = {}
    own = _fields(message, inner)
    return own + "".join(f"{SEPARATOR}\nMSG: {name}\n{text}" for name, text in inner.items())


def _fields(message: Any, inner: dict[str, str]) -> str:
    lines = []
    for name, kind in message.get_fields_and_field_types().items():
        base, array = _split(kind)
        lines.append(f"{base}{array} {name}\n")
        if "/" in base and base not in inner:
            nested = message_class(base.replace("/", "/msg/"))
            if nested is None:
                raise ValueError(f"{base} is not installed")
            inner[base] = ""
            inner[base] = _fields(nested, inner)
    return "".join(lines)


def _split(kind: str) -> tuple[str, str]:
    """`sequence<double, 3>` -> (`float64`, `[<=3]`)."""
    array = ""
    if match := re.fullmatch(r"sequence<(.+?)(?:, (\d+))?>", kind):
        kind, array = match[1], f"[<={match[2]}]" if match[2] else "[]"
    elif match := re.fullmatch(r"(.+)\[(\d+)\]", kind):
        kind, array = match[1], f"[{match[2]}]"
    return re.sub(r"^(w?string)<(\d+)>$", r"\1<=\2", NAMES.get(kind, kind)), array
