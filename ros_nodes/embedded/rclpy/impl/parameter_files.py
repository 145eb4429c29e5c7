"""Parameter files: YAML with node names, `/**` and `ros__parameters`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from rclpy.exceptions import ParameterFileError

SECTION = "ros__parameters"


def one_line(error: Exception) -> str:
    """The text of an error without its line breaks."""
    return " ".join(str(error).split())


def typed_value(value: Any, where: str) -> Any:
    """A YAML value as a parameter: scalars, and lists of one type (integers among floats become floats).

    Raises:
        ParameterFileError: a nested or mixed list, or a type that parameters do not have.
    """
    if isinstance(value, (bool, int, float, str)) or value is None:
        return value
    if isinstance(value, list):
        kinds = {type(item) for item in value}
        if kinds == {int, float}:
            return [float(item) for item in value]
        if len(kinds) <= 1 and kinds <= {bool, int, float, str}:
            return value
    raise ParameterFileError(
        f"{where} has the value {value!r}; it must be a bool, int, float, string or a list of one of them"
    )


def load_parameter_file(path: str) -> dict[str, dict[str, Any]]:
    """The sections of a parameter file: node pattern -> its `ros__parameters`.

    Raises:
        ParameterFileError: says which file and what is wrong with it.
    """
    try:
        document = yaml.safe_load(Path(path).read_text())
    except OSError as error:
        raise ParameterFileError(
            f"parameter file {path} cannot be read: {error.strerror}; give an existing file"
        ) from error
    except yaml.YAMLError as error:
        raise ParameterFileError(f"parameter file {path} is not YAML: {one_line(error)}") from error
    if document is None:
        return {}
    sections: dict[str, dict[str, Any]] = {}
    _collect(document, "", path, sections)
    return sections


def _collect(tree: Any, prefix: str, path: str, sections: dict[str, dict[str, Any]]) -> None:
    if not isinstance(tree, dict):
        raise ParameterFileError(f"parameter file {path}: '{prefix or 'top level'}' must map names to {SECTION}")
    for key, value in tree.items():
        if key == SECTION:
            if not prefix or not isinstance(value, dict):
                raise ParameterFileError(f"parameter file {path}: {SECTION} must be a mapping below a node name")
            sections.setdefault(prefix, {}).update(value)
        else:
            name = str(key)
            _collect(value, f"{prefix}/{name.lstrip('/')}" if prefix else name, path, sections)


def flatten(section: dict[str, Any], where: str, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested mappings as dotted parameter names with typed values."""
    for key, value in section.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from flatten(value, where, name + ".")
        else:
            yield name, typed_value(value, f"parameter '{name}' of '{where}'")
