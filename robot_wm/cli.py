"""The command line, `robot-wm <verb>`; each verb is the `run` function of the module that does the work."""

from __future__ import annotations

import importlib
import os
import sys
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import tyro
from rich.console import Console
from rich.table import Table
from rich.text import Text

from robot_wm.errors import RobotWmError


@dataclass(frozen=True)
class Verb:
    """One verb: `module.run` takes the verb's configuration and returns the exit code."""

    module: str
    extras: str
    summary: str
    example: str


VERBS = {
    "demo": Verb("ros_nodes.demo", "sim,ros", "Run the simulated arm, reach and push", "robot-wm demo"),
    "collect": Verb(
        "sim.collect",
        "sim",
        "Collect play episodes in the simulator as a LeRobot v3 dataset",
        "robot-wm collect --task play --episodes 200 --workers 2 --out datasets/play --seed 0",
    ),
    "record": Verb(
        "ros_nodes.record",
        "ros",
        "Record topics as an MCAP bag that survives a kill at any instant",
        "robot-wm record camera/image_raw joint_states planner/plan --task push",
    ),
    "console": Verb(
        "ros_nodes.console.verb",
        "ros,teleop",
        "Serve the console for the browser: watch, drive, give goals, record, stop",
        "robot-wm console --launch",
    ),
    "replay": Verb(
        "ros_nodes.replay",
        "ros,sim",
        "Send the actions of a recorded episode to the controller and measure how the arm follows",
        "robot-wm replay datasets/play --episode 3",
    ),
    "teleop": Verb(
        "ros_nodes.teleop",
        "ros",
        "Drive the arm by hand, with the keyboard, a gamepad or a SpaceMouse",
        "robot-wm teleop --device keyboard",
    ),
    "dataset": Verb(
        "robot_wm.data.cli",
        "sim,ros",
        "Inspect, verify, repair, convert, split and view recordings and datasets",
        "robot-wm dataset export recordings/robot_wm_2026_01_31-12_00_00_000000 --out datasets/mine",
    ),
    "train": Verb(
        "robot_wm.training.cli",
        "sim,train",
        "Train encoder, predictor, critic and policy; goes on after an interruption",
        "robot-wm train --dataset datasets/play --out runs/tabletop",
    ),
    "export": Verb(
        "robot_wm.deploy.export",
        "train",
        "Write a trained model as a bundle of ONNX graphs, checked against torch",
        "robot-wm export --checkpoint runs/tabletop --out runs/tabletop/bundle",
    ),
    "eval": Verb(
        "robot_wm.evaluation",
        "sim",
        "Measure the success rate of an agent in the simulator",
        "robot-wm eval --task push --agent flat --episodes 100 --seed 0 --json push.json",
    ),
    "plan": Verb(
        "robot_wm.explain",
        "sim",
        "Explain one decision: what was imagined, what was chosen, and why",
        "robot-wm plan --task push --decision 4 --explain --out plan.png",
    ),
    "improve": Verb(
        "robot_wm.improve",
        "sim,train",
        "Collect, train, evaluate against the present bundle, and promote what is no worse",
        "robot-wm improve --checkpoint runs/tabletop --bundle runs/tabletop/bundle --dataset datasets/tabletop",
    ),
    "distill": Verb(
        "robot_wm.distill",
        "sim,train",
        "Distil what planning finds into the reactive policy",
        "robot-wm distill --checkpoint runs/tabletop --bundle runs/tabletop/bundle --dataset datasets/tabletop",
    ),
    "prefer": Verb(
        "robot_wm.preference",
        "sim,train",
        "Learn a cost term from pairs of clips of which people liked one better",
        "robot-wm prefer --pairs pairs.jsonl --bundle my_bundle --weight 4",
    ),
    "probe": Verb(
        "robot_wm.understanding.probe",
        "sim,train",
        "Measure what can be read from the encoder's features",
        "robot-wm probe --json probe.json",
    ),
    "physics": Verb(
        "robot_wm.understanding.physics",
        "sim,train",
        "Measure whether the impossible surprises the model",
        "robot-wm physics --pairs 100 --seed 0 --json physics.json",
    ),
    "imagine": Verb(
        "robot_wm.understanding.imagine",
        "sim",
        "Draw what the model expects beside what happens",
        "robot-wm imagine --out imagined.gif",
    ),
    "camera": Verb(
        "robot_wm.understanding.camera",
        "sim,train",
        "Teach a bundle where its camera sees the tool, and measure which moved cameras it refuses",
        "robot-wm camera --learn --json camera.json",
    ),
    "uncertainty": Verb(
        "robot_wm.understanding.uncertainty",
        "sim,train",
        "Measure whether the model knows what it does not know",
        "robot-wm uncertainty --episodes 40 --json uncertainty.json",
    ),
    "bench": Verb("robot_wm.bench", "sim,ros", "Time the parts on this machine", "robot-wm bench planner"),
    "sign": Verb(
        "robot_wm.deploy.sign",
        "sign",
        "Sign a bundle with an Ed25519 key",
        "robot-wm sign --bundle my_bundle --key my.key --new-key",
    ),
    "verify": Verb(
        "robot_wm.deploy.verify",
        "sign",
        "Check every byte of a bundle, and who signed it",
        "robot-wm verify --bundle my_bundle --key my.key.pub",
    ),
    "chaos": Verb(
        "ros_nodes.chaos.verb",
        "sim,ros",
        "Inject faults into the simulated system and measure how it stops",
        "robot-wm chaos --quick --json chaos.json",
    ),
    "launch": Verb(
        "ros_nodes.launcher",
        "ros",
        "Start the nodes of a ROS 2 XML launch file",
        "robot-wm launch launch/demo.launch.xml log_level:=debug",
    ),
    "topic": Verb(
        "ros_nodes.verbs.topic",
        "ros",
        "List, echo, publish and measure topics",
        "robot-wm topic echo /joint_states --once",
    ),
    "node": Verb("ros_nodes.verbs.node", "ros", "List and inspect nodes", "robot-wm node info /planner_node"),
    "service": Verb(
        "ros_nodes.verbs.service",
        "ros",
        "List and call services",
        "robot-wm service call /planner/start std_srvs/srv/Trigger",
    ),
    "param": Verb(
        "ros_nodes.verbs.param",
        "ros",
        "Read and set parameters of running nodes",
        "robot-wm param get /planner_node use_sim_time",
    ),
    "lifecycle": Verb(
        "ros_nodes.verbs.lifecycle",
        "ros",
        "Show and change the states of managed nodes",
        "robot-wm lifecycle set /planner_node configure",
    ),
    "action": Verb("ros_nodes.verbs.action", "ros", "List and inspect actions", "robot-wm action list -t"),
    "doctor": Verb("ros_nodes.doctor", "ros", "Say what is wrong with a running system", "robot-wm doctor"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one verb.

    Args:
        argv: The words after `robot-wm`; None takes those of the process.

    Returns:
        The exit code: that of the verb, 2 after an error that has a message, 130 after Ctrl-C, 141 where the reader of
        standard output has gone.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help"):
        _print_verbs()
        return 0 if words else 2
    name, *rest = words
    if name == "--version":
        from robot_wm import __version__

        print(__version__)
        return 0
    if name not in VERBS:
        return _fail(f"robot-wm: there is no verb '{name}'; the verbs are {', '.join(VERBS)}")
    try:
        return _run(name, VERBS[name], rest)
    except RobotWmError as error:
        return _fail(f"robot-wm {name}: {error}")
    except ModuleNotFoundError as error:
        if _is_ours(error.name):
            raise
        return _fail(
            f"robot-wm {name}: '{error.name}' is not installed; run: pip install 'robot_wm[{VERBS[name].extras}]'"
        )
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read standard output has enough; what is left in its buffer must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _run(name: str, verb: Verb, words: list[str]) -> int:
    run: Callable[..., int] = importlib.import_module(verb.module).run
    config_type = typing.get_type_hints(run)["config"]
    config = tyro.cli(
        config_type,
        prog=f"robot-wm {name}",
        description=f"{verb.summary}.\n\nExample: {verb.example}",
        args=words,
    )
    return run(config)


def _print_verbs() -> None:
    console = Console()
    console.print(
        Text("usage: robot-wm VERB [options]\n\nrobot-wm VERB --help says what a verb does and what it takes.\n")
    )
    table = Table.grid(padding=(0, 2))
    for name, verb in VERBS.items():
        table.add_row(Text(name, style="bold"), Text(verb.summary))
    console.print(table)


def _fail(message: str) -> int:
    """One red line on standard error."""
    Console(stderr=True, soft_wrap=True).print(Text(message, style="bold red"))
    return 2


def _is_ours(module: str | None) -> bool:
    return module is None or module.split(".")[0] in ("robot_wm", "ros_nodes", "sim")


if __name__ == "__main__":
    sys.exit(main())
