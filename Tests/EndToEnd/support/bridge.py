"""A client's local server on standard input and output: how it is started, what is said to it, and what became of it."""

import asyncio
import contextlib
import json
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import mcp_types as types
import psutil
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from .oracle import Between
from .paths import find_binary
from .processes import survivors
from .tees import TEES

MODERN, LEGACY = "2026-07-28", "legacy"
ERAS = [MODERN, LEGACY]


class Bridge:
    """A command of weir. Where lines are `faulty` on purpose only what it answers is judged."""

    def __init__(self, *arguments: str | Path, token: str | None = None, faulty: bool = False) -> None:
        self.command = TEES.before([str(find_binary()[0]), *(str(argument) for argument in arguments)], Between.CLIENTS, faulty)
        self.environment = {"PATH": os.environ["PATH"]} | ({"WEIR_TOKEN": token} if token else {})

    @contextlib.asynccontextmanager
    async def client(self, mode: str, **options: Any) -> AsyncIterator[Client]:
        """The current SDK; afterwards the process and what it started are gone."""
        parameters = StdioServerParameters(command=self.command[0], args=self.command[1:], env=self.environment)
        before = set(psutil.Process().children())
        began: list[psutil.Process] = []
        async with Client(stdio_client(parameters), mode=mode, cache=None, read_timeout_seconds=30, **options) as client:
            own = set(psutil.Process().children()) - before
            assert len(own) == 1
            began += own
            yield client
            began += own.pop().children(recursive=True)
        assert not survivors(began)

    def run(self, text: str, timeout: float = 20) -> tuple[list[dict[str, Any]], str]:
        """What is written to it, and what it answers until it ends: messages, and its standard error."""
        done = subprocess.run(self.command, input=text, capture_output=True, text=True, timeout=timeout, env=self.environment)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    @contextlib.contextmanager
    def process(self) -> Iterator[subprocess.Popen]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(self.command, text=True, bufsize=1, env=self.environment, **pipes) as process:
            try:
                yield process
            finally:
                process.kill()


def run(scenario: Callable[[], Awaitable[Any]]) -> Any:
    return asyncio.run(asyncio.wait_for(scenario(), 60))


def request(number: int, method: str, mode: str = MODERN, **params: Any) -> str:
    if mode == MODERN:
        params["_meta"] = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}) + "\n"


INITIALIZE = request(0, "initialize", LEGACY, protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "t", "version": "1"})
INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}\n'


async def listed(client: Client) -> list[types.Tool]:
    """The tools of all pages."""
    page = await client.list_tools()
    tools = list(page.tools)
    while page.next_cursor:
        page = await client.list_tools(cursor=page.next_cursor)
        tools += page.tools
    return tools


def answer_of(bridge: subprocess.Popen) -> dict[str, Any]:
    """The next line that is no notification."""
    while "id" not in (message := json.loads(bridge.stdout.readline())):
        pass
    return message


def text_of(result: Any) -> str:
    return result.content[0].text
