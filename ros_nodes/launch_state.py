"""What holds at one place of a launch file: variables, environment and namespace."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ros_nodes.launch_substitutions import Scope, SubstitutionError, as_bool, expand
from ros_nodes.launch_tree import Element

CONDITIONS = {"if", "unless"}


@dataclass
class LaunchState:
    """Reads attributes with their substitutions as they are to be understood here.

    Attributes:
        inherited: Environment variables that processes have anyway.
        environment: Environment variables with those that the launch file has set.
        variables: Values of arguments and of `let`.
        namespace: Absolute namespace; empty for none.
    """

    inherited: Mapping[str, str]
    environment: dict[str, str]
    variables: dict[str, str]
    namespace: str = ""

    def copy(self) -> LaunchState:
        """The same again, to return to after a group."""
        return replace(self, environment=dict(self.environment), variables=dict(self.variables))

    def text(self, element: Element, attribute: str, default: str = "") -> str:
        """An attribute with its substitutions made; raises LaunchError."""
        try:
            return expand(
                element.attributes.get(attribute, default), Scope(element.file, self.variables, self.environment)
            )
        except SubstitutionError as error:
            raise element.error(str(error)) from None

    def flag(self, element: Element, attribute: str, default: str) -> bool:
        """An attribute that is true or false; raises LaunchError."""
        try:
            return as_bool(self.text(element, attribute, default))
        except SubstitutionError as error:
            raise element.error(f"{attribute}: {error}") from None

    def words(self, element: Element, attribute: str) -> list[str]:
        """An attribute split as a shell splits a command line; raises LaunchError."""
        try:
            return shlex.split(self.text(element, attribute))
        except ValueError as error:
            raise element.error(f"{attribute}: {error}") from None

    def holds(self, element: Element) -> bool:
        """Whether the element's condition is fulfilled; raises LaunchError."""
        if "if" in element.attributes and "unless" in element.attributes:
            raise element.error("has both 'if' and 'unless'; keep one")
        return self.flag(element, "if", "true") and not self.flag(element, "unless", "false")

    def absolute(self, namespace: str) -> str:
        """A namespace below the present one, or itself where it starts with a slash."""
        if not namespace:
            return self.namespace
        if namespace.startswith("/"):
            return namespace.rstrip("/")
        return f"{self.namespace}/{namespace.rstrip('/')}"

    def own_environment(self) -> dict[str, str]:
        """Variables that the launch file has set."""
        return {name: value for name, value in self.environment.items() if self.inherited.get(name) != value}
