"""What the clients do. Each scenario says which eras have it and what must be found in a recording of it, so that no recording is equal by being empty."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from .client import ParityClient

BOTH, LEGACY, MODERN = ("legacy", "modern"), ("legacy",), ("modern",)
LIMIT = 20


@dataclass(frozen=True)
class Scenario:
    """`able`: the client declares that it can answer what servers ask. `needs`: an ability of an SDK that not all have.

    `bridged`: also where the server is of the other era than the client. What only one era can express has no counterpart there.
    """

    name: str
    play: Callable[[ParityClient], Awaitable[None]]
    shows: tuple[str, ...]
    eras: tuple[str, ...] = BOTH
    able: bool = True
    needs: str = ""
    bridged: bool = True

    def missing(self, recording: dict[str, Any]) -> list[str]:
        """What the recording should show and does not."""
        written = json.dumps(recording, ensure_ascii=False)
        return [part for part in self.shows if part not in written]


SCENARIOS: dict[str, Scenario] = {}


def scenario(*shows: str, **options: Any) -> Callable[[Any], Any]:
    def add(play: Any) -> Any:
        name = play.__name__.replace("_", "-")
        SCENARIOS[name] = Scenario(name, play, shows, **options)
        return play

    return add


async def record(kind: type[ParityClient], url: str, scenario: Scenario) -> dict[str, Any]:
    """The recording of one scenario; a client that cannot even connect has one too."""
    client = kind(url, able=scenario.able)
    try:
        async with asyncio.timeout(LIMIT), client.open():
            await scenario.play(client)
        ended = {}
    except Exception as problem:
        ended = {"ended": _name(problem)}
    return client.recorder.recording() | ended


def _name(problem: BaseException) -> str:
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    return f"{type(problem).__name__}: {problem}"[:300]


from . import scenarios_asking, scenarios_lists, scenarios_tools  # noqa: E402, F401
