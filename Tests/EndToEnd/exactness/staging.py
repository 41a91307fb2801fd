"""What a proof needs around it: two emulators, the servers to ask directly, and Weir with servers of its own."""

import contextlib
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.paths import AWS_BIN, END_TO_END, ROOT, aws_environment
from support.processes import ManagedProcess

from .session import Session

E2E_PYTHON = ROOT / ".venv" / "e2e" / "bin" / "python"

# How a server is started: as it is, or keeping its AWS clients (see kept_clients.py).
SERVERS: dict[tuple[str, str], list[Path | str]] = {
    ("billing", "real"): [AWS_BIN / "awslabs.billing-cost-management-mcp-server"],
    ("pricing", "real"): [AWS_BIN / "awslabs.aws-pricing-mcp-server"],
    ("billing", "kept"): [AWS_BIN / "python", END_TO_END / "exactness" / "kept_clients.py", "billing"],
    ("pricing", "kept"): [AWS_BIN / "python", END_TO_END / "exactness" / "kept_clients.py", "pricing"],
}
# The pack of Weir for each, the provider behind it, and the tool whose calls are merged.
PACKS = {
    "billing": ("aws-billing-cost-management", "aws-cost-explorer", "cost-explorer"),
    "pricing": ("aws-pricing", "aws-pricing", "get_pricing"),
}


class EmulatorProcess:
    """The emulator in a process of its own, set and read over its control endpoints."""

    def __init__(self, seed: int, **controls: Any) -> None:
        self.process = ManagedProcess([E2E_PYTHON, "-m", "emulator", "--seed", str(seed)], cwd=END_TO_END)
        self.url = self.process.wait_for_line(lambda line: line.startswith("http://"), 30, "the emulator's address")
        self.set(**controls)

    def set(self, **controls: Any) -> None:
        self._post("/control", json.dumps(controls).encode())

    def forget(self) -> None:
        """Empties the log, and nothing else."""
        self._post("/forget", b"")

    def counts(self) -> dict[str, dict[str, int]]:
        with urllib.request.urlopen(f"{self.url}/counts") as reply:
            return json.loads(reply.read())

    def _post(self, path: str, body: bytes) -> None:
        with urllib.request.urlopen(urllib.request.Request(self.url + path, body, method="POST")):
            pass

    def close(self) -> None:
        if self.process.running():
            self.process.process.kill()
            self.process.process.wait(5)


@contextlib.contextmanager
def emulator(seed: int, **controls: Any) -> Iterator[EmulatorProcess]:
    process = EmulatorProcess(seed, **controls)
    try:
        yield process
    finally:
        process.close()


def session_with(cloud: str, how: str, name: str = "billing") -> Session:
    """A server of one's own, without Weir."""
    return Session(SERVERS[name, how], aws_environment(cloud))


def weir_configuration(cloud: str, how: str, name: str = "billing", processes: int = 2, remembers: bool = False, sums: bool = False) -> dict[str, Any]:
    """Weir in front of a pool of servers. As many calls at a time as there are processes, so that others wait where they can be joined.
    Answers live for a moment only, so that they are fetched and not remembered, unless it `remembers` them as long as the pack says."""
    pack, provider, _ = PACKS[name]
    upstream = {
        "command": [str(part) for part in SERVERS[name, how]],
        "environment": aws_environment(cloud),
        "pack": pack,
        "share": "all",
        "processes": processes,
        "start_timeout": "90s",
    }
    if sums:
        upstream["derive_sums"] = True
    if not remembers:
        upstream["cache"] = [{"tool": "*", "ttl": "1ms"}]
    return {"providers": {provider: {"rate": "10000/s", "burst": 10000, "concurrency": processes}}, "upstreams": {name: upstream}}
