import subprocess
import sys

import pytest

from robot_wm.cli import VERBS, main


def run(program: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100)


def test_help_lists_every_verb(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_says_what_it_does_with_an_example(verb, capsys):
    with pytest.raises(SystemExit) as exit:
        main([verb, "--help"])
    assert exit.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert VERBS[verb].summary.split(";")[0] in shown and f"Example: robot-wm {verb}" in shown


@pytest.mark.parametrize("verb", VERBS)
def test_the_example_of_a_verb_is_accepted(verb, monkeypatch):
    """The words of the example make a configuration; it is not run."""
    import importlib

    module = importlib.import_module(VERBS[verb].module)
    seen = []

    def record(config):
        seen.append(config)
        return 0

    record.__annotations__ = {"config": next(iter(_hints(module.run).values())), "return": int}
    monkeypatch.setattr(module, "run", record)
    assert main(VERBS[verb].example.split()[1:]) == 0
    assert len(seen) == 1


def _hints(function):
    import typing

    return typing.get_type_hints(function)


def test_without_a_verb_the_verbs_are_shown(capsys):
    assert main([]) == 2
    assert "collect" in capsys.readouterr().out


def test_an_unknown_verb_is_named_with_the_known_ones(capsys):
    assert main(["colect"]) == 2
    assert "no verb 'colect'; the verbs are demo, collect" in capsys.readouterr().err


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == "0.1.0"


@pytest.mark.parametrize("words", [["--episodes", "0"], []])
def test_an_error_is_one_line_without_a_traceback(tmp_path, capsys, words):
    (tmp_path / "thesis.tex").touch()
    assert main(["collect", "--out", str(tmp_path), *words]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("robot-wm collect: ") and errors.count("\n") == 1
    assert "Traceback" not in errors


def test_a_missing_package_says_what_to_install():
    done = run("import sys; sys.modules['av'] = None; from robot_wm.cli import main; sys.exit(main(['collect', '-h']))")
    assert done.returncode == 2
    assert "'av' is not installed; run: pip install 'robot_wm[sim]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_line_itself_imports_nothing_heavy():
    heavy = ["torch", "onnxruntime", "pybullet", "gymnasium", "av", "pyarrow", "matplotlib", "cyclonedds", "rclpy"]
    done = run(f"import sys, robot_wm.cli; robot_wm.cli.main(['-h']); sys.exit(bool(set({heavy}) & set(sys.modules)))")
    assert done.returncode == 0, done.stderr
