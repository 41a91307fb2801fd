"""A session with an MCP server on standard input and output, for asking it without Weir."""

import json
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from support.caller import LEGACY


class Session:
    """One process and its one conversation: a call at a time, each answered by the line that the server wrote."""

    def __init__(self, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [str(part) for part in command], env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._lock = threading.Lock()
        self._number = 0
        client = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "weir-tests", "version": "1"}}
        self._ask("initialize", client)
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def call(self, tool: str, arguments: dict[str, Any]) -> bytes:
        """The whole response to one tools/call, byte for byte."""
        return self._ask("tools/call", {"name": tool, "arguments": arguments})

    def _ask(self, method: str, params: dict[str, Any]) -> bytes:
        with self._lock:
            self._number += 1
            self._send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
            for line in self.process.stdout:
                # The server also writes notifications; only a response has this id and no method.
                if f'"id":{self._number},'.encode() in line[:40]:
                    return line
        raise AssertionError(f"the server ended with {self.process.poll()} instead of answering {method}")

    def _send(self, message: dict[str, Any]) -> None:
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def close(self) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
