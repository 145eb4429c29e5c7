"""Says what is wrong: with the installation, the bundle, the transport, or a running system's topics."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from robot_wm.contract import Contract
from robot_wm.deploy.bundle import default_bundle, load_bundle
from robot_wm.errors import RobotWmError
from ros_nodes.finding import Finding

EXTRAS = {
    "base": ("numpy", "onnxruntime", "yaml", "tyro", "rich"),
    "ros": ("rclpy", "pinocchio", "pink", "daqp", "ruckig", "mcap"),
    "sim": ("pybullet", "gymnasium", "PIL", "pyarrow", "av", "matplotlib"),
    "train": ("torch", "onnx", "onnxscript", "safetensors"),
}
NEEDED = ("base", "ros")


@dataclass(frozen=True)
class DoctorConfig:
    """Checks the installation, and the running system if there is one; exit code 1 when something needs mending.

    Attributes:
        bundle: Directory of the model bundle to check; None for the one that ships.
        robot: Robot configuration, a name or a path, to check against the bundle's contract and to take topics from;
            None for the topics of the simulated arm and no check of it.
        namespace: Namespace of the robot whose topics are checked.
        listen_s: Seconds to listen to the topics.
    """

    bundle: Path | None = None
    robot: str | None = None
    namespace: str = ""
    listen_s: float = 4.0


def run(config: DoctorConfig) -> int:
    """Prints the findings; returns 1 if one of them is bad."""
    console, findings = Console(), []
    table = Table(show_header=False, box=None)
    for finding in _examine(config, console):
        findings.append(finding)
        style = {"ok": "green", "note": "yellow", "bad": "bold red"}[finding.verdict]
        table.add_row(Text(finding.verdict, style=style), Text(finding.subject), Text(finding.text))
    console.print(table)
    return int(any(finding.verdict == "bad" for finding in findings))


def _examine(config: DoctorConfig, console: Console) -> Iterator[Finding]:
    yield from check_imports()
    yield check_bundle(config.bundle or default_bundle())
    yield check_providers()
    yield check_transport()
    if config.robot is not None:
        yield from check_configured_robot(config.robot, config.bundle)
    if importlib.util.find_spec("rclpy") is None:
        return
    from ros_nodes.doctor_topics import check_system
    from ros_nodes.robot_config import RobotConfig

    try:
        robot = RobotConfig.load(config.robot or "panda_sim")
    except RobotWmError:
        return  # said above
    with console.status(f"listening to the topics for {config.listen_s:.0f} s"):
        findings = check_system(robot, config.namespace, config.listen_s)
    yield from findings


def check_imports() -> Iterator[Finding]:
    """Which extras are complete."""
    import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

    for extra, modules in EXTRAS.items():
        missing = [module for module in modules if importlib.util.find_spec(module) is None]
        if not missing:
            yield Finding("ok", f"[{extra}]", f"{', '.join(modules)} can be imported")
            continue
        remedy = "pip install robot_wm" if extra == "base" else f"pip install 'robot_wm[{extra}]'"
        yield Finding("bad" if extra in NEEDED else "note", f"[{extra}]", f"{', '.join(missing)} missing: {remedy}")


def check_bundle(path: Path) -> Finding:
    """Whether every file of the bundle has the hash that it should."""
    try:
        bundle = load_bundle(path)
    except RobotWmError as error:
        return Finding("bad", "bundle", str(error))
    return Finding("ok", "bundle", f"{bundle.name}, {len(bundle.files)} files verified in {path}")


def check_configured_robot(robot: str, bundle: Path | None) -> Iterator[Finding]:
    """What `check_robot` finds of a robot with the contract of a bundle, by default of the shipped one where it fits.

    The shipped bundle knows one simulated robot; that another robot has other frames is no fault of that robot.
    """
    try:
        from ros_nodes.robot_check import check_robot
        from ros_nodes.robot_config import RobotConfig
    except ModuleNotFoundError as error:
        yield Finding("bad", f"robot {robot}", f"not checked, '{error.name}' is missing: pip install 'robot_wm[ros]'")
        return
    try:
        config, contract = RobotConfig.load(robot), Contract.load((bundle or default_bundle()) / "contract.yaml")
    except RobotWmError as error:
        yield Finding("bad", f"robot {robot}", str(error))
        return
    fits = bundle is not None or (config.base_frame, config.ee_frame) == (contract.base_frame, contract.ee_frame)
    for finding in check_robot(config, contract if fits else None):
        yield Finding(finding.verdict, f"robot {config.name}: {finding.subject}", finding.text)
    if not fits:
        text = f"not checked, the shipped bundle '{contract.name}' is for another robot: give --bundle"
        yield Finding("note", f"robot {config.name}: workspace", text)


def check_providers() -> Finding:
    """The execution providers that onnxruntime offers here."""
    if importlib.util.find_spec("onnxruntime") is None:
        return Finding("bad", "providers", "onnxruntime is not installed: pip install robot_wm")
    import onnxruntime

    return Finding("ok", "providers", f"onnxruntime {onnxruntime.__version__}: {onnxruntime.get_available_providers()}")


def check_transport() -> Finding:
    """Which rclpy is used and on which DDS domain."""
    spec = importlib.util.find_spec("rclpy")
    if spec is None or spec.origin is None:
        return Finding("bad", "transport", "no rclpy and no cyclonedds: pip install 'robot_wm[ros]'")
    embedded = Path(spec.origin).is_relative_to(Path(__file__).parent / "embedded")
    kind = "embedded transport (Cyclone DDS from pip)" if embedded else f"rclpy in {Path(spec.origin).parent}"
    return Finding("ok", "transport", f"{kind}, ROS_DOMAIN_ID {os.environ.get('ROS_DOMAIN_ID', '0')}")


if __name__ == "__main__":
    sys.exit(run(DoctorConfig()))
