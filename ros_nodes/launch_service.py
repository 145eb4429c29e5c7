"""Running processes: prefixed output, respawn, an orderly end and one exit code for all."""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

from ros_nodes.backoff import Backoff
from ros_nodes.launch_description import LaunchDescription, ProcessDescription
from ros_nodes.launch_tree import LaunchError

PATIENCE_S = {signal.SIGINT: 5.0, signal.SIGTERM: 5.0, signal.SIGKILL: 5.0}
LAST_OUTPUT_S = 1.0
_SET_PARENT_DEATH_SIGNAL = 1
_LIBC = ctypes.CDLL(None) if sys.platform.startswith("linux") else None


def _die_with_parent() -> None:
    if _LIBC is not None:
        _LIBC.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)


@dataclass
class RunningProcess:
    """A process that was started, by its label and number."""

    name: str
    description: ProcessDescription
    popen: subprocess.Popen[str]
    starts: int = 1
    backoff: Backoff = field(default_factory=Backoff)
    started_s: float = field(default_factory=time.monotonic)

    def respawn_delay_s(self) -> float:
        """How long to wait before it is started again: longer each time where it dies again and again."""
        shortest_s = self.description.respawn_delay_s
        return shortest_s + self.backoff.next_s(time.monotonic() - self.started_s)


class LaunchService:
    """Starts the processes of a launch description and looks after them; respawns come ever later, see `Backoff`.

    Processes end with the thread that started them, so start and wait in one that stays.

    Args:
        output: Where the prefixed output goes; standard output by default.

    Attributes:
        processes: The processes by name, e.g. `planner_node-2`.
    """

    def __init__(self, output: TextIO | None = None) -> None:
        self.processes: dict[str, RunningProcess] = {}
        self._output = output or sys.stdout
        self._output_lock = threading.Lock()
        self._events: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._due: list[tuple[float, RunningProcess]] = []
        self._alive: set[str] = set()
        self._ending = False
        self._asked_to_end = False
        self._exit_code = 0

    def start(self, description: LaunchDescription) -> None:
        """Starts every process of a description.

        Raises:
            LaunchError: a program cannot be started; those started before it are ended.
        """
        for process in description.processes:
            self._start(f"{process.label}-{len(self.processes) + 1}", process)

    def _start(self, name: str, description: ProcessDescription, before: RunningProcess | None = None) -> None:
        try:
            popen = subprocess.Popen(
                description.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                bufsize=1,
                cwd=description.cwd,
                env=os.environ | {"PYTHONUNBUFFERED": "1"} | dict(description.environment),
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        except OSError as error:
            self.shutdown()
            raise LaunchError(f"{name}: cannot start '{description.command[0]}': {error.strerror}") from error
        running = RunningProcess(name, description, popen)
        if before is not None:
            running.starts, running.backoff = before.starts + 1, before.backoff
        self.processes[name] = running
        self._alive.add(name)
        self._say(f"[INFO] [{name}]: process started with pid [{popen.pid}]")
        reader = threading.Thread(target=self._read, args=(running,), name=f"{name} output", daemon=True)
        reader.start()
        threading.Thread(target=self._await_end, args=(running, reader), name=f"{name} end", daemon=True).start()

    def _read(self, running: RunningProcess) -> None:
        assert running.popen.stdout is not None
        with running.popen.stdout as lines:
            for line in lines:
                self._say(f"[{running.name}] {line.rstrip()}")

    def _await_end(self, running: RunningProcess, reader: threading.Thread) -> None:
        running.popen.wait()
        reader.join(LAST_OUTPUT_S)
        self._events.put(lambda: self._on_end(running))

    def _say(self, line: str) -> None:
        with self._output_lock:
            print(line, file=self._output, flush=True)

    def _on_end(self, running: RunningProcess) -> None:
        self._alive.discard(running.name)
        code, description = running.popen.returncode, running.description
        if code == 0 or self._ending:
            self._say(f"[INFO] [{running.name}]: process has finished [exit code {code}]")
        else:
            self._say(f"[ERROR] [{running.name}]: process has died [pid {running.popen.pid}, exit code {code}]")
        if self._ending:
            return
        if description.required:
            self._say(f"[ERROR] [launch]: {running.name} is required and has ended; ending everything")
            self._exit_code = 1
            self._end_all()
        elif description.respawn:
            delay_s = running.respawn_delay_s()
            self._say(f"[INFO] [{running.name}]: starts again in {delay_s:g} s")
            self._due.append((time.monotonic() + delay_s, running))
        elif code != 0:
            self._exit_code = 1

    def on_signal(self, number: int, frame: object) -> None:
        """Signal handler: ends all processes; `wait` then returns."""
        self._events.put(self._on_request)

    def _on_request(self) -> None:
        if not self._asked_to_end:
            self._asked_to_end = True
            self._end_all()

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Looks after the processes until all have ended.

        Returns:
            The exit code, or None where some still run at the timeout.
        """
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while self._alive or self._due:
            self._start_due()
            times = [moment for moment, _ in self._due] + ([end] if end is not None else [])
            left = max(0.0, min(times) - time.monotonic()) if times else None
            try:
                self._events.get(timeout=left)()
            except queue.Empty:
                if end is not None and time.monotonic() >= end:
                    return None
        return self._exit_code

    def _start_due(self) -> None:
        now = time.monotonic()
        ready = [running for moment, running in self._due if moment <= now]
        self._due = [] if self._ending else [entry for entry in self._due if entry[0] > now]
        for running in ready if not self._ending else ():
            self._start(running.name, running.description, running)

    def shutdown(self) -> int:
        """Ends all processes: SIGINT first, SIGTERM and SIGKILL where that does not help; returns the exit code."""
        self._end_all()
        return self._exit_code

    def _end_all(self) -> None:
        """Ends what is alive, and takes note of each end."""
        if self._ending:
            return
        self._ending = True
        self._due = []
        for number, patience_s in PATIENCE_S.items():
            for name in self._alive:
                self._signal(self.processes[name], number)
            end = time.monotonic() + patience_s
            while self._alive and (left := end - time.monotonic()) > 0:
                try:
                    self._events.get(timeout=left)()
                except queue.Empty:
                    break
            if not self._alive:
                return
            self._say(f"[WARN] [launch]: {', '.join(sorted(self._alive))} did not end after {number.name}")

    def _signal(self, running: RunningProcess, number: signal.Signals) -> None:
        """SIGINT goes to the process alone, which ends its own children; the others to its whole group."""
        try:
            if number is signal.SIGINT:
                running.popen.send_signal(number)
            else:
                os.killpg(running.popen.pid, number)
        except ProcessLookupError:
            pass
