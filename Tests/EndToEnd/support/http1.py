"""HTTP/1.1 read from bytes: enough to understand what passed through the relay, and what a raw socket got back."""

import json
from dataclasses import dataclass, field
from typing import Any


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

    def messages(self) -> list[Any]:
        """The JSON-RPC messages of the body: one of JSON, or one from every event of an event stream."""
        kind = (self.header("content-type") or "").split(";")[0].strip()
        if kind == "text/event-stream":
            return [json.loads(data) for data in event_data(self.body)]
        if kind == "application/json" and self.body:
            return [json.loads(self.body)]
        return []


def event_data(stream: bytes) -> list[str]:
    """The data of every event that has some."""
    found = []
    for event in stream.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n\n"):
        data = [line[5:].removeprefix(" ") for line in event.split("\n") if line.startswith("data:")]
        if any(data):
            found.append("\n".join(data))
    return found


def parse(data: bytes, responses: bool, methods: list[str] | None = None) -> list[HTTPMessage]:
    """The messages of one direction of a connection. `methods` are the requests that responses answer, in order (HEAD has no body)."""
    found: list[HTTPMessage] = []
    answered = 0
    while data:
        head, separator, rest = data.partition(b"\r\n\r\n")
        if not separator:
            found.append(HTTPMessage(head.decode("latin-1"), complete=False))
            break
        lines = head.decode("latin-1").split("\r\n")
        headers = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
        message = HTTPMessage(lines[0], headers)
        bodiless = False
        if responses:
            bodiless = message.status < 200 or message.status in (204, 304)
            if message.status >= 200:
                bodiless = bodiless or (methods is not None and answered < len(methods) and methods[answered] == "HEAD")
                answered += 1
        message.body, data, message.complete = (b"", rest, True) if bodiless else _body(message, rest, until_close=responses)
        found.append(message)
        if not message.complete:
            break
    return found


def _body(message: HTTPMessage, data: bytes, until_close: bool) -> tuple[bytes, bytes, bool]:
    if "chunked" in (message.header("transfer-encoding") or "").lower():
        body = b""
        while True:
            line, separator, data = data.partition(b"\r\n")
            try:
                size = int(line.split(b";")[0], 16)
            except ValueError:
                return body, b"", False
            if not separator or len(data) < size + 2:
                return body + data[:size], b"", False
            body, data = body + data[:size], data[size + 2 :]
            if size == 0:
                return body, data, True
    length = message.header("content-length")
    if length is not None and length.isdigit():
        return data[: int(length)], data[int(length) :], len(data) >= int(length)
    if until_close:
        return data, b"", True
    return b"", data, True
