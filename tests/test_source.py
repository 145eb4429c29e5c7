"""What the source must not do: run text as code, start a shell, unpickle, or build objects from YAML."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path for folder in ("robot_wm", "ros_nodes", "sim", "tools", "launch") for path in (ROOT / folder).rglob("*.py")
) + [ROOT / "setup.py"]
RUNS_TEXT = {"eval", "exec", "compile", "__import__"}
"""Built-in functions; a method of that name, such as a module's `eval()`, is another matter."""
UNPICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
SHELLS = {("os", "system"), ("os", "popen"), ("subprocess", "getoutput"), ("subprocess", "getstatusoutput")}
SAFE_YAML = {"safe_load", "safe_load_all", "safe_dump", "safe_dump_all", "YAMLError", "SafeLoader", "SafeDumper"}


def findings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and words of everything that is not to be there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _call(node)
        elif isinstance(node, ast.Import):
            yield from _imports(node.lineno, [alias.name for alias in node.names])
        elif isinstance(node, ast.ImportFrom) and not all(alias.name.endswith("Error") for alias in node.names):
            yield from _imports(node.lineno, [node.module or ""])
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            safe = node.attr in SAFE_YAML or node.attr.endswith(("Error", "Mark"))
            if node.value.id == "yaml" and not safe:
                yield node.lineno, f"uses yaml.{node.attr}"


def _imports(line: int, names: list[str]) -> Iterator[tuple[int, str]]:
    yield from ((line, f"imports {name}") for name in names if name.split(".")[0] in UNPICKLES)


def _call(node: ast.Call) -> Iterator[tuple[int, str]]:
    function, words = node.func, {keyword.arg: keyword.value for keyword in node.keywords}
    if isinstance(function, ast.Name) and function.id in RUNS_TEXT:
        yield node.lineno, f"calls {function.id}"
    if "shell" in words and not _is(words["shell"], False):
        yield node.lineno, "starts a shell"
    if "allow_pickle" in words and not _is(words["allow_pickle"], False):
        yield node.lineno, "allows pickle"
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        owner = function.value.id
        if (owner, function.attr) in SHELLS:
            yield node.lineno, f"calls {owner}.{function.attr}"
        if (owner, function.attr) == ("torch", "load") and not _is(words.get("weights_only"), True):
            yield node.lineno, "calls torch.load without weights_only=True"


def _is(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


@pytest.mark.parametrize(
    "text",
    [
        "eval(x)",
        "exec('x')",
        "subprocess.run(x, shell=True)",
        "subprocess.run(x, shell=flag)",
        "os.system(x)",
        "import pickle",
        "from pickle import loads",
        "yaml.load(x)",
        "yaml.unsafe_load(x)",
        "yaml.load(x, Loader=yaml.FullLoader)",
        "np.load(x, allow_pickle=True)",
        "torch.load(x)",
    ],
)
def test_the_search_finds_what_it_looks_for(text: str) -> None:
    assert list(findings(ast.parse(text)))


def test_the_search_lets_pass_what_is_safe() -> None:
    lines = ["model.eval()", "yaml.safe_load(x)", "torch.load(x, weights_only=True)", "subprocess.run(x, shell=False)"]
    lines += ["re.compile(x)", "from pickle import UnpicklingError"]
    assert not list(findings(ast.parse("\n".join(lines))))


def test_nothing_of_it_is_in_the_source() -> None:
    assert len(SOURCES) > 100
    found = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for path in SOURCES
        for line, what in findings(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not found, found
