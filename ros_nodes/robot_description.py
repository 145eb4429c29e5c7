"""Where a robot's URDF comes from: a file, a package's file, or a xacro file with its arguments."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path

from ros_nodes.robot_fields import RobotConfigError


@dataclass(frozen=True)
class Description:
    """Source of a URDF.

    Attributes:
        uri: `package://<python or ROS package>/<path>`, or a path, absolute or relative to `folder`.
        folder: The folder of the robot's YAML file.
        is_xacro: Whether the file is a xacro file, which is expanded with `arguments`.
    """

    uri: str
    folder: Path
    is_xacro: bool = False
    arguments: dict[str, str] = field(default_factory=dict)

    @property
    def package(self) -> str | None:
        """The package that the file belongs to, None for a path."""
        return self.uri.removeprefix("package://").partition("/")[0] if self.uri.startswith("package://") else None

    def path(self) -> Path:
        """The file; RobotConfigError when the package or the file is not there."""
        if self.package is None:
            path = self.folder / self.uri
        else:
            path = _package_folder(self.package, self.uri) / self.uri.removeprefix(f"package://{self.package}/")
        if not path.is_file():
            raise RobotConfigError(f"'{self.uri}': no file {path}")
        return path

    def urdf(self) -> str:
        """The URDF's text; RobotConfigError when it cannot be had."""
        path = self.path()
        return _expand(path, self.arguments) if self.is_xacro else path.read_text(encoding="utf-8")


def _expand(path: Path, arguments: dict[str, str]) -> str:
    try:
        import xacro
    except ImportError as error:
        raise RobotConfigError(
            f"{path}: the Python package 'xacro' is needed to expand it: sudo apt install ros-$ROS_DISTRO-xacro and "
            "source ROS 2's setup file, or expand it elsewhere and give the URDF's path as 'urdf'"
        ) from error
    try:
        return str(xacro.process_file(str(path), mappings=arguments).toxml())
    except Exception as error:  # xacro lets errors of the XML parser, of YAML and of evaluated expressions through
        raise RobotConfigError(f"{path}: xacro cannot expand it with {arguments}: {error}") from error


def _package_folder(package: str, uri: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is not None and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    remedy = (
        f"sudo apt install ros-$ROS_DISTRO-{package.replace('_', '-')}, or build it in a workspace, and source the "
        "setup file; or give the path of a URDF"
    )
    if importlib.util.find_spec("ament_index_python") is None:
        raise RobotConfigError(f"'{uri}': there is no Python package '{package}', and no ROS 2 here; {remedy}")
    from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

    try:
        return Path(get_package_share_directory(package))
    except (PackageNotFoundError, ValueError) as error:
        raise RobotConfigError(f"'{uri}': there is no Python or ROS package '{package}'; {remedy}") from error
