"""Asks Weir, with as little of a client as that takes: tens of thousands of calls are asked by one process beside everything else."""

import http.client
import itertools
import json
import threading
import urllib.parse
from dataclasses import dataclass
from typing import Any

from support.caller import MODERN, modern_meta

from .answers import Normal, member


@dataclass(frozen=True)
class Reply:
    """What Weir answered: the answer as it is compared, and what Weir says of it."""

    normal: Normal
    provenance: dict[str, Any]
    # Amounts in it were added up.
    derived: bool = False

    @property
    def outcome(self) -> str:
        return self.provenance.get("outcome", "none")


class Asker:
    """Calls `tool` at one endpoint in the modern era. Every thread has a connection of its own."""

    def __init__(self, url: str, tool: str = "cost-explorer", timeout: float = 300) -> None:
        self._target = urllib.parse.urlsplit(url)
        self._tool = tool
        self._timeout = timeout
        self._local = threading.local()
        self._ids = itertools.count(1)
        self._headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": MODERN,
            "Mcp-Method": "tools/call",
            "Mcp-Name": tool,
        }

    def ask(self, arguments: dict[str, Any]) -> Reply:
        params = {"name": self._tool, "arguments": arguments, "_meta": modern_meta()}
        number = next(self._ids)
        body = json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}).encode()
        response = self._exchange(body, number)
        text = member(response.decode(), "weir/cache")
        return Reply(Normal.of(response), json.loads(text) if text else {}, b'"weir/derived":true' in response)

    def _exchange(self, body: bytes, number: int) -> bytes:
        connection = getattr(self._local, "connection", None)
        for fresh in (False, True):
            if fresh or connection is None:
                connection = http.client.HTTPConnection(self._target.hostname, self._target.port, timeout=self._timeout)
                self._local.connection = connection
            try:
                connection.request("POST", self._target.path, body, self._headers)
                response = connection.getresponse()
                content = response.read()
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                # A kept connection may have been closed meanwhile; a new one must do.
                connection.close()
                if fresh:
                    raise
                continue
            if "text/event-stream" in response.headers.get("Content-Type", ""):
                return _final_event(content, number)
            return content
        raise AssertionError("unreachable")


def _final_event(stream: bytes, number: int) -> bytes:
    """The response among the events of a stream."""
    for event in stream.replace(b"\r\n", b"\n").split(b"\n\n"):
        data = b"\n".join(line[5:].lstrip(b" ") for line in event.split(b"\n") if line.startswith(b"data:"))
        if data and (message := json.loads(data)).get("id") == number and "method" not in message:
            return data
    raise AssertionError(f"a stream without the response to {number}: {stream[-300:]!r}")
