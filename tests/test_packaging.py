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


def test_launch_is_no_package():
    assert not (ROOT / "launch/__init__.py").exists()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> list[str]:
    """The names in a wheel built from a copy of the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        shutil.copytree(ROOT / name, folder / "src" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, folder / "src" / name)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*command, str(folder / "src")], check=True, timeout=100)
    return zipfile.ZipFile(next(folder.glob("*.whl"))).namelist()


@pytest.mark.parametrize("pattern", ["robot_wm/bundles", "sim/assets", "ros_nodes/config"])
def test_every_data_file_is_in_the_wheel(wheel, pattern):
    files = [path for path in (ROOT / pattern).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert files, f"{pattern} is empty"
    assert {str(path.relative_to(ROOT)) for path in files} <= set(wheel)


def test_every_module_is_in_the_wheel(wheel):
    modules = {str(path.relative_to(ROOT)) for name in SOURCES[:3] for path in (ROOT / name).rglob("*.py")}
    assert modules <= set(wheel)
    assert not any(name.startswith(("launch/", "tests/")) for name in wheel)


def test_launch_files_and_the_ament_index_go_to_share(wheel):
    share = {name.split(".data/data/", 1)[1] for name in wheel if ".data/data/" in name}
    launch = {f"share/robot_wm/launch/{path.name}" for path in (ROOT / "launch").iterdir() if path.is_file()}
    index = {"share/ament_index/resource_index/packages/robot_wm", "share/robot_wm/package.xml"}
    assert launch | index == share


def test_colcon_can_read_back_the_metadata():
    """colcon prints what setuptools made of all the files and reads it back as Python literals."""
    import ast

    program = "import distutils.core; d = distutils.core.run_setup('setup.py', stop_after='config').__dict__; "
    program += "print({k: v for k, v in d.items() if k in ('extras_require', 'python_requires', 'entry_points')})"
    command = [sys.executable, "-c", "import setuptools; " + program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout.strip().splitlines()[-1])["python_requires"] == ">=3.10"
