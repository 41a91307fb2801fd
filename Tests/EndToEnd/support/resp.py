"""A small Redis client: one connection, one command after another, replies as Python values."""

import socket
from typing import Any


class RedisRefusal(Exception):
    """An error reply, such as `OOM command not allowed …`."""


class RESPClient:
    """Speaks to one server; `with RESPClient(port) as redis: redis.call("GET", key)`. Texts come back as bytes."""

    def __init__(self, port: int, timeout: float = 5) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = self._socket.makefile("rb")

    def __enter__(self) -> "RESPClient":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._reader.close()
        self._socket.close()

    def call(self, *words: Any) -> Any:
        self.send(*words)
        return self.receive()

    def send(self, *words: Any) -> None:
        parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self._socket.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts))

    def receive(self) -> Any:
        line = self._reader.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        match kind:
            case b"+":
                return rest
            case b"-":
                raise RedisRefusal(rest.decode(errors="replace"))
            case b":":
                return int(rest)
            case b"$":
                return None if rest == b"-1" else self._reader.read(int(rest) + 2)[:-2]
            case b"*":
                return None if rest == b"-1" else [self._element() for _ in range(int(rest))]
        raise ConnectionError(f"Redis sent {line!r}")

    def _element(self) -> Any:
        try:
            return self.receive()
        except RedisRefusal as refusal:
            return refusal


class RESPFrames:
    """Cuts a stream of replies into whole ones, without reading what is in them."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The replies that `data` completes."""
        self._buffer += data
        frames, start = [], 0
        while (end := self._end(start)) is not None:
            frames.append(bytes(self._buffer[start:end]))
            start = end
        del self._buffer[:start]
        return frames

    def _end(self, start: int) -> int | None:
        """Where the reply that begins at `start` ends, if all of it is there."""
        pending, position = 1, start
        while pending:
            line_end = self._buffer.find(b"\r\n", position)
            if line_end < 0:
                return None
            kind, number = self._buffer[position : position + 1], self._buffer[position + 1 : line_end]
            position, pending = line_end + 2, pending - 1
            if kind == b"$" and number != b"-1":
                position += int(number) + 2
                if position > len(self._buffer):
                    return None
            elif kind == b"*" and number != b"-1":
                pending += int(number)
        return position


def is_message(frame: bytes) -> bool:
    """Whether the reply is a published message that reaches a subscriber."""
    return frame.startswith((b"*3\r\n$7\r\nmessage\r\n", b"*4\r\n$8\r\npmessage\r\n", b"*3\r\n$8\r\nsmessage\r\n"))
