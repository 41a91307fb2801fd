"""Every client, the servers of both eras, Weir before them, and what was recorded so far."""

import asyncio
import json
import logging
import subprocess
from dataclasses import dataclass, field
from typing import Any

from support.paths import END_TO_END, MCP1_PYTHON

from .client import ParityClient
from .fast import Fast
from .scenarios import SCENARIOS, Scenario, record
from .sdk2 import Sdk2, Sdk2Legacy

Recording = dict[str, Any]
LEGACY, MODERN = ERAS = ("legacy", "modern")


@dataclass(frozen=True)
class Kind:
    """A kind of client: of which era it is, and what plays it here or in the environment of the 1.x line."""

    name: str
    era: str
    plays: type[ParityClient] | None = None
    transport: str = "http"
    can: tuple[str, ...] = ()

    def has(self, scenario: Scenario) -> bool:
        return self.era in scenario.eras and (not scenario.needs or scenario.needs in self.can)


KINDS = [
    Kind("sdk2", MODERN, Sdk2),
    Kind("sdk2-legacy", LEGACY, Sdk2Legacy),
    Kind("fastmcp", MODERN, Fast),
    Kind("sdk1", LEGACY, can=("tasks",)),
    Kind("sdk1-sse", LEGACY, transport="sse", can=("tasks",)),
]


@dataclass
class Lab:
    """`direct` and `weir` are addresses: of the server of an era, and of Weir before it; each by transport."""

    direct: dict[tuple[str, str], str]
    weir: dict[tuple[str, str], str]
    _recorded: dict[tuple[str, str, str], Recording] = field(default_factory=dict)

    def directly(self, kind: Kind, scenario: Scenario) -> Recording:
        """The client at the server of its own era."""
        return self.recording(kind, self.direct[kind.era, kind.transport], scenario)

    def through_weir(self, kind: Kind, era: str, scenario: Scenario) -> Recording:
        return self.recording(kind, self.weir[era, kind.transport], scenario)

    def recording(self, kind: Kind, url: str, scenario: Scenario) -> Recording:
        key = (kind.name, url, scenario.name)
        if key not in self._recorded:
            if kind.plays:
                self._recorded[key] = play(kind, url, scenario)
            else:
                for name, recording in play_elsewhere(kind, url).items():
                    self._recorded[kind.name, url, name] = recording
        return self._recorded[key]


def play(kind: Kind, url: str, scenario: Scenario) -> Recording:
    # The SDK warns of every tool that is not on the first page.
    logging.getLogger("client").setLevel(logging.ERROR)
    return asyncio.run(record(kind.plays, url, scenario))


def play_elsewhere(kind: Kind, url: str) -> dict[str, Recording]:
    """All of its scenarios at once: to start a Python takes longer than to play one."""
    names = [scenario.name for scenario in SCENARIOS.values() if kind.has(scenario)]
    client = [MCP1_PYTHON, "-W", "ignore", END_TO_END / "clients" / "parity_mcp1.py", kind.transport, url, *names]
    done = subprocess.run(client, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)
