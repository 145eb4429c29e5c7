import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

ROOT = Path(__file__).parents[1]
SOURCES = ("robot_wm", "ros_nodes", "sim", "launch", "resource")
FILES = ("pyproject.toml", "setup.py", "setup.cfg", "package.xml", "LICENSE", "README.md")


def read_pyproject() -> dict:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        tomllib = pytest.importorskip("tomli")
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def setup_arguments() -> dict:
    """What setup.py hands to setuptools, as colcon sees it."""
    program = "import setuptools, json, runpy; setuptools.setup = lambda **a: print(json.dumps(a)); "
    program += "runpy.run_path('setup.py')"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return yaml.safe_load(done.stdout)


def test_the_metadata_files_agree():
    project, setup = read_pyproject()["project"], setup_arguments()
    package = ElementTree.parse(ROOT / "package.xml").getroot()
    assert project["name"] == setup["name"] == package.findtext("name") == "robot_wm"
    assert project["version"] == setup["version"] == package.findtext("version")
    assert (ROOT / "resource/robot_wm").is_file()
    assert package.findtext("export/build_type") == "ament_python" and package.get("format") == "3"
    scripts = [f"{name} = {target}" for name, target in project["scripts"].items()]
    assert sorted(scripts) == sorted(setup["entry_points"]["console_scripts"])


def test_every_script_leads_to_a_function():
    import importlib

    for target in read_pyproject()["project"]["scripts"].values():
        module, function = target.split(":")
        assert callable(getattr(importlib.import_module(module), function))


def test_every_node_is_a_program():
    sources = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "ros_nodes").glob("*.py")}
    nodes = {name for name, text in sources.items() if "def main(" in text and "    return run(" in text}
    assert {"sim_node", "lifecycle_manager", "recorder_node"} <= nodes <= set(read_pyproject()["project"]["scripts"])


def test_package_xml_names_every_ros_package_that_is_imported():
    """Everything that the embedded transport stands in for comes from a ROS package of that name."""
    package = ElementTree.parse(ROOT / "package.xml").getroot()
    named = {element.text for element in package.findall("exec_depend")}
    stood_in_for = {path.name for path in (ROOT / "ros_nodes/embedded").iterdir() if (path / "__init__.py").exists()}
    sources = [path for path in (ROOT / "ros_nodes").rglob("*.py") if "embedded" not in path.parts]
    words = {word for path in sources for word in re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(), re.M)}
    assert stood_in_for & words <= named
    assert {"launch_ros", "launch_xml", "xacro"} <= named


def test_programs_follow_the_active_environment():
    import configparser

    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    assert config["build_scripts"]["executable"] == "/usr/bin/env python3"
    assert config["install"]["install_scripts"] == config["develop"]["script_dir"] == "$base/lib/robot_wm"


def test_launch_is_no_package():
    assert not (ROOT / "launch/__init__.py").exists()


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A copy of the sources, so that a build leaves nothing behind."""
    folder = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory) -> set[str]:
    """The names in a wheel of the sources."""
    files = {path for path in source.rglob("*") if path.is_file()}
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*command, str(source)], check=True, timeout=100)
    for path in {path for path in source.rglob("*") if path.is_file()} - files:
        path.unlink()
    return set(zipfile.ZipFile(next(folder.glob("*.whl"))).namelist())


@pytest.mark.parametrize("pattern", ["robot_wm/bundles", "sim/assets", "ros_nodes/config"])
def test_every_data_file_is_in_the_wheel(source, wheel, pattern):
    files = {str(path.relative_to(source)) for path in (source / pattern).rglob("*") if path.is_file()}
    assert files, f"{pattern} is empty"
    assert files <= wheel


def test_every_module_is_in_the_wheel(source, wheel):
    modules = {str(path.relative_to(source)) for name in SOURCES[:3] for path in (source / name).rglob("*.py")}
    assert modules <= wheel
    assert not any(name.startswith(("launch/", "tests/")) for name in wheel)


def test_launch_files_robots_and_the_ament_index_go_to_share(source, wheel):
    share = {name.split(".data/data/", 1)[1] for name in wheel if ".data/data/" in name}
    files = [path for path in (source / "launch").rglob("*") if path.is_file()]
    launch = {f"share/robot_wm/{path.relative_to(source)}" for path in files}
    robots = {f"share/robot_wm/config/robots/{path.name}" for path in (source / "ros_nodes/config/robots").iterdir()}
    index = {"share/ament_index/resource_index/packages/robot_wm", "share/robot_wm/package.xml"}
    assert launch | robots | index == share


def test_colcon_can_read_back_the_metadata():
    """colcon prints what setuptools made of all the files and reads it back as Python literals."""
    import ast

    program = "import distutils.core; d = distutils.core.run_setup('setup.py', stop_after='config').__dict__; "
    program += "print({k: v for k, v in d.items() if k in ('extras_require', 'python_requires', 'entry_points')})"
    command = [sys.executable, "-c", "import setuptools; " + program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout.strip().splitlines()[-1])["python_requires"] == ">=3.10"
