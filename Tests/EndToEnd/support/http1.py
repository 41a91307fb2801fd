"""HTTP/1.1 read from bytes: enough to understand what passed through the relay, and what a raw socket got back."""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit


@dataclass
class HTTPMessage:
    """`start` is the request line or status line; header names are lower-case; `complete` is false where the bytes ended too early."""

    start: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    complete: bool = True

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name.lower()), None)

    @property
    def status(self) -> int:
        return int(self.start.split(" ")[1])

    @property
    def method(self) -> str:
        return self.start.split(" ")[0]

    @property
    def target(self) -> str:
        return self.start.split(" ")[1]

    def messages(self) -> list[Any]:
        """The JSON-RPC messages of the body: one of JSON, or one from every event of an event stream. Of what was cut, those that are whole."""
        kind = (self.header("content-type") or "").split(";")[0].strip()
        if kind == "text/event-stream":
            return [json.loads(data) for data in event_data(self.body, self.complete)]
        if kind == "application/json" and self.body and self.complete:
            return [json.loads(self.body)]
        return []

    def endpoint(self) -> str | None:
        """The path and query that an event stream of 2024-11-05 begins with."""
        found = re.search(rb"^event: ?endpoint\r?\ndata: ?(\S+)", self.body, re.MULTILINE)
        target = urlsplit(found[1].decode()) if found else None
        return target and target.path + (f"?{target.query}" if target.query else "")


def event_data(stream: bytes, complete: bool = True) -> list[str]:
    """The data of every event that has some and holds a message; the last event of a stream that is not `complete` is none."""
    found = []
    events = stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n")
    for event in events if complete else events[:-1]:
        lines = event.decode().split("\n")
        data = [line[5:].removeprefix(" ") for line in lines if line.startswith("data:")]
        if any(data) and "event: endpoint" not in lines:
            found.append("\n".join(data))
    return found


def parse(data: bytes, responses: bool, methods: list[str] | None = None) -> list[HTTPMessage]:
    """The messages of one direction of a connection. `methods` are the requests that responses answer, in order (HEAD has no body)."""
    found: list[HTTPMessage] = []
    answered = at = 0
    while at < len(data):
        end = data.find(b"\r\n\r\n", at)
        if end < 0:
            found.append(HTTPMessage(data[at:].decode("latin-1"), complete=False))
            break
        lines = data[at:end].decode("latin-1").split("\r\n")
        headers = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
        message = HTTPMessage(lines[0], headers)
        bodiless = False
        if responses:
            bodiless = message.status < 200 or message.status in (204, 304)
            if message.status >= 200:
                bodiless = bodiless or (methods is not None and answered < len(methods) and methods[answered] == "HEAD")
                answered += 1
        message.body, at, message.complete = (b"", end + 4, True) if bodiless else _body(message, data, end + 4, until_close=responses)
        found.append(message)
        if not message.complete:
            break
    return found


def _body(message: HTTPMessage, data: bytes, at: int, until_close: bool) -> tuple[bytes, int, bool]:
    """The body that begins `at`, where it ends, and whether all of it is there."""
    if "chunked" in (message.header("transfer-encoding") or "").lower():
        return _chunked(data, at)
    length = message.header("content-length")
    if length is not None and length.isdigit():
        end = at + int(length)
        return data[at:end], end, len(data) >= end
    return (data[at:], len(data), True) if until_close else (b"", at, True)


def _chunked(data: bytes, at: int) -> tuple[bytes, int, bool]:
    pieces: list[bytes] = []
    while True:
        end = data.find(b"\r\n", at)
        try:
            size = int(data[at:end].split(b";")[0], 16) if end >= 0 else None
        except ValueError:
            size = None
        if size is None:
            return b"".join(pieces), len(data), False
        pieces.append(data[end + 2 : end + 2 + size])
        at = end + 2 + size + 2
        if at > len(data):
            return b"".join(pieces), len(data), False
        if size == 0:
            return b"".join(pieces), at, True
