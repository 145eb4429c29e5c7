"""`--ros-args`: remappings, parameters, parameter files and log levels of the command line."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from rclpy.exceptions import ArgumentError, NameValidationException
from rclpy.impl.names import expand
from rclpy.impl.parameter_files import flatten, load_parameter_file, one_line, typed_value

SPECIAL = ("__node", "__name", "__ns")
LEVELS = ("debug", "info", "warn", "error", "fatal")


@dataclass
class RosArguments:
    """What the command line says.

    Attributes:
        remaps: (node or empty for all, from, to) in order.
        parameters: (node pattern, parameter name, value) in order of rising precedence.
        log_levels: level by logger name; the empty name is the default of all.
        enclave: security enclave, accepted and unused.
        rosout: whether logs go to `/rosout`.
        stdout: whether logs go to the console.
        external_lib: accepted and unused; there is no logging library below.
    """

    remaps: list[tuple[str, str, str]] = field(default_factory=list)
    parameters: list[tuple[str, str, Any]] = field(default_factory=list)
    log_levels: dict[str, str] = field(default_factory=dict)
    enclave: str = "/"
    rosout: bool = True
    stdout: bool = True
    external_lib: bool = True

    def node_name(self, default: str) -> str:
        """The name of a node after `__node:=` or `__name:=`."""
        return self._special(default, "__node", "__name") or default

    def namespace(self, node: str, default: str) -> str:
        """The namespace of a node after `__ns:=`, absolute."""
        chosen = self._special(node, "__ns") or default or "/"
        return chosen if chosen.startswith("/") else "/" + chosen

    def _special(self, node: str, *keys: str) -> str:
        return next((to for target, source, to in self.remaps if source in keys and target in ("", node)), "")

    def name_rules(self, node: str) -> list[tuple[str, str]]:
        """Topic and service rules that hold for a node, in order."""
        return [(a, b) for target, a, b in self.remaps if target in ("", node) and not a.startswith("__")]

    def overrides(self, node: str, namespace: str) -> dict[str, Any]:
        """Parameter values for a node by name."""
        full = f"{namespace.rstrip('/')}/{node}"
        return {name: value for pattern, name, value in self.parameters if _names_node(pattern, full, node)}


def _names_node(pattern: str, full: str, node: str) -> bool:
    if pattern in ("", "/**", "**"):
        return True
    parts, wanted = full[1:].split("/"), pattern.lstrip("/").split("/")
    return _wildcard(wanted, parts) or (not pattern.startswith("/") and pattern == node and len(parts) == 1)


def _wildcard(pattern: list[str], parts: list[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_wildcard(pattern[1:], parts[skip:]) for skip in range(len(parts) + 1))
    return bool(parts) and pattern[0] in ("*", parts[0]) and _wildcard(pattern[1:], parts[1:])


def _split_rule(rule: str) -> tuple[str, str, str]:
    left, separator, right = rule.partition(":=")
    if not separator or not left or not right:
        raise ArgumentError(f"Remap rule '{rule}' must look like 'from:=to', with neither side empty")
    node, colon, name = left.rpartition(":")
    if colon and not node:
        raise ArgumentError(f"Remap rule '{rule}' has an empty node name before ':'")
    if name.startswith("__") and name not in SPECIAL:
        raise ArgumentError(f"Remap rule '{rule}' renames '{name}'; of these names there are {', '.join(SPECIAL)}")
    for side in () if name in SPECIAL else (name, right):
        try:
            expand(side, "node", "/")
        except NameValidationException as error:
            reason = one_line(error)
            raise ArgumentError(f"Remap rule '{rule}': '{side}' is no topic or service name: {reason}") from None
    return node, name, right


def _split_parameter(rule: str) -> tuple[str, str, Any]:
    left, separator, right = rule.partition(":=")
    if not separator or not left:
        raise ArgumentError(f"Parameter rule '{rule}' must look like 'name:=value'")
    node, _, name = left.rpartition(":")
    try:
        value = yaml.safe_load(right) if right else ""
    except yaml.YAMLError as error:
        raise ArgumentError(f"Parameter rule '{rule}': the value is not YAML: {one_line(error)}") from error
    return node, name, typed_value(value, f"parameter '{name}'")


def _add(arguments: RosArguments, flag: str, value: str) -> None:
    if flag in ("-r", "--remap"):
        arguments.remaps.append(_split_rule(value))
    elif flag in ("-p", "--param"):
        arguments.parameters.append(_split_parameter(value))
    elif flag == "--params-file":
        for node, section in load_parameter_file(value).items():
            arguments.parameters += [(node, name, entry) for name, entry in flatten(section, node)]
    elif flag == "--log-level":
        name, separator, level = value.partition(":=")
        name, level = (name, level) if separator else ("", name)
        if level.lower() not in LEVELS:
            raise ArgumentError(f"--log-level {value}: the level must be one of {', '.join(LEVELS)}")
        arguments.log_levels[name] = level.lower()
    elif flag in ("-e", "--enclave"):
        arguments.enclave = value


VALUED = ("-r", "--remap", "-p", "--param", "--params-file", "--log-level", "-e", "--enclave")
SWITCHES = {
    f"--{state}-{target.replace('_', '-')}-logs": (target, state == "enable")
    for state in ("enable", "disable")
    for target in ("stdout", "rosout", "external_lib")
}


def parse(argv: Sequence[str]) -> tuple[RosArguments, list[str]]:
    """Split a command line into what is meant for ROS and the rest.

    Raises:
        ArgumentError: an argument after `--ros-args` is unknown or malformed.
        ParameterFileError: a parameter file is missing or malformed.
    """
    arguments, rest, inside = RosArguments(), [], False
    pending = iter(argv)
    for argument in pending:
        if argument == "--ros-args":
            inside = True
        elif not inside:
            rest.append(argument)
        elif argument == "--":
            inside = False
        elif argument in VALUED:
            value = next(pending, None)
            if value is None:
                raise ArgumentError(f"{argument} needs a value after it")
            _add(arguments, argument, value)
        elif argument in SWITCHES:
            setattr(arguments, *SWITCHES[argument])
        else:
            known = ", ".join((*VALUED, *SWITCHES))
            raise ArgumentError(f"unknown argument '{argument}' after --ros-args; known are {known}")
    return arguments, rest
