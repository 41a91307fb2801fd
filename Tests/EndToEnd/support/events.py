"""Event streams read one event at a time, with their ids."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

BOTH = "application/json, text/event-stream"


@dataclass
class Event:
    id: str | None
    event: str | None
    data: str

    @property
    def message(self) -> dict[str, Any]:
        return json.loads(self.data)


class Events:
    """The events of one answer, in order; comments are left out."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._events = self._read()

    def __iter__(self) -> Iterator[Event]:
        return self._events

    def next(self) -> Event:
        return next(self._events)

    def until(self, method: str) -> dict[str, Any]:
        """The next notification of this method."""
        return next(event.message for event in self._events if event.data and event.message.get("method") == method)

    def answer(self, number: int) -> dict[str, Any]:
        """The answer to the request of this id."""
        return next(event.message for event in self._events if event.data and event.message.get("id") == number)

    def _read(self) -> Iterator[Event]:
        fields: dict[str, str] = {}
        for line in self.response.iter_lines():
            if line:
                name, _, value = line.partition(":")
                if name:
                    fields[name] = value.removeprefix(" ")
            elif fields:
                yield Event(fields.get("id"), fields.get("event"), fields.get("data", ""))
                fields = {}


class Session:
    """A session of the handshake era over Streamable HTTP, by hand."""

    def __init__(self, url: str, revision: str = "2025-11-25", headers: dict[str, str] | None = None, **capabilities: Any) -> None:
        self.url = url
        self.http = httpx.Client(headers={"Accept": BOTH, **(headers or {})}, timeout=30)
        opened = self.post({"id": 0, "method": "initialize", "params": {
            "protocolVersion": revision, "capabilities": capabilities, "clientInfo": {"name": "weir-tests", "version": "1"}}})
        assert opened.status_code == 200, opened.text
        self.opened: dict[str, Any] = opened.json()["result"]
        self.http.headers.update({"MCP-Protocol-Version": revision, "Mcp-Session-Id": opened.headers["mcp-session-id"]})
        assert self.post({"method": "notifications/initialized"}).status_code == 202

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *exc: object) -> None:
        self.http.delete(self.url)
        self.http.close()

    def post(self, message: dict[str, Any] | list[dict[str, Any]]) -> httpx.Response:
        return self.http.post(self.url, json=rpc(message))

    @staticmethod
    def messages(response: httpx.Response) -> list[dict[str, Any]]:
        """Those of an event stream that was read to its end."""
        return [json.loads(line.removeprefix("data: ")) for line in response.text.splitlines() if line.startswith("data: {")]

    @contextmanager
    def posted(self, message: dict[str, Any]) -> Iterator[Events]:
        """The event stream that a request is answered with; leaving ends its connection."""
        with httpx.stream("POST", self.url, json=rpc(message), headers=self.http.headers, timeout=30) as response:
            assert response.headers["content-type"].startswith("text/event-stream"), response.read()
            yield Events(response)

    @contextmanager
    def listening(self, after: str | None = None) -> Iterator[Events]:
        """The session's own stream, or what came after an event."""
        headers = {**self.http.headers, **({"Last-Event-ID": after} if after is not None else {})}
        with httpx.stream("GET", self.url, headers=headers, timeout=30) as response:
            assert response.status_code == 200, response.read()
            yield Events(response)


def rpc(message: dict[str, Any] | list[dict[str, Any]]) -> Any:
    return [rpc(part) for part in message] if isinstance(message, list) else {"jsonrpc": "2.0", **message}
