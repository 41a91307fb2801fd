"""Processes of the tests: started, waited for, stopped, and asked what they left behind."""

import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil


_given: set[int] = set()


def free_port() -> int:
    """Below those that the system gives to connections, and none twice: what is free now is still so when a server takes it."""
    while True:
        port = random.randrange(11_000, 32_000)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port


def eventually(check: Callable[[], object], timeout: float, what: str, pause: float = 0.05) -> object:
    """The first true value of `check`; fails with `what` when there is none in time."""
    deadline = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(pause)


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


class ManagedProcess:
    """A process whose output is kept, line by line, and whose descendants are known."""

    def __init__(self, command: list[str | Path], environment: dict[str, str] | None = None, cwd: Path | None = None) -> None:
        self.command = [str(part) for part in command]
        self.lines: list[str] = []
        self._arrived = threading.Condition()
        self.process = subprocess.Popen(
            self.command, env=environment, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            with self._arrived:
                self.lines.append(line.decode(errors="replace").rstrip("\n"))
                self._arrived.notify_all()

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_for_line(self, wanted: Callable[[str], bool], timeout: float, what: str) -> str:
        deadline, seen = time.monotonic() + timeout, 0
        with self._arrived:
            while True:
                for line in self.lines[seen:]:
                    if wanted(line):
                        return line
                seen = len(self.lines)
                if not self._arrived.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    raise AssertionError(f"no line within {timeout} s: {what}; the output was:\n{self.output[-4000:]}")

    def running(self) -> bool:
        return self.process.poll() is None

    def children(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, timeout: float) -> int:
        code = self.process.wait(timeout)
        self._reader.join(2)
        return code

    def stop(self, timeout: float = 15) -> int:
        """SIGTERM, then the exit status; SIGKILL and a failure where it doesn't end in time."""
        if self.running():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
            raise AssertionError(f"{self.command[0]} did not end within {timeout} s of SIGTERM; its last output:\n{self.output[-3000:]}") from None


def survivors(processes: list[psutil.Process], timeout: float = 5) -> list[psutil.Process]:
    """Those that still run after `timeout` seconds."""
    return psutil.wait_procs(processes, timeout=timeout)[1]
