"""A client that sends exactly the bytes it is told to."""

import socket
import time
from dataclasses import dataclass

from . import http1
from .ends import ENDS
from .oracle import Between


@dataclass
class RawReply:
    """`response` is None where the server closed without one; `closed` says whether it closed the connection; `seconds` until then."""

    response: http1.HTTPMessage | None
    closed: bool
    seconds: float

    @property
    def status(self) -> int | None:
        return self.response.status if self.response else None


def exchange(
    port: int, data: bytes, *, faulty: bool, then_close: bool = False, drip: tuple[bytes, float] | None = None, timeout: float = 10,
    wait_for_close: bool = False,
) -> RawReply:
    """Sends the bytes, which are `faulty` on purpose or to be judged as the answer is; optionally ends its side, or goes on sending one byte at a time
    (`drip`: the bytes, seconds between them); and reads until a whole response has come, the server closed, or the time is over."""
    began = time.monotonic()
    received, closed = b"", False
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pending = drip[0] if drip else b""
        try:
            connection.sendall(data)
            if then_close:
                connection.shutdown(socket.SHUT_WR)
            next_byte = time.monotonic()
            while time.monotonic() - began < timeout:
                if pending and time.monotonic() >= next_byte:
                    connection.sendall(pending[:1])
                    pending, next_byte = pending[1:], time.monotonic() + drip[1]
                connection.settimeout(0.05 if pending else min(0.2, timeout))
                try:
                    piece = connection.recv(65536)
                except TimeoutError:
                    piece = None
                if piece == b"":
                    closed = True
                    break
                received += piece or b""
                whole = [message for message in http1.parse(received, responses=True) if message.complete and message.status >= 200]
                if whole and not wait_for_close and (whole[0].header("content-length") or whole[0].header("transfer-encoding")):
                    break
        except (ConnectionResetError, BrokenPipeError):
            closed = True
    ENDS.keep(Between.CLIENTS, data, received, faulty)
    responses = [message for message in http1.parse(received, responses=True) if message.status >= 200] if received else []
    return RawReply(responses[0] if responses else None, closed, time.monotonic() - began)


def post(path: str, body: bytes, headers: list[tuple[str, str]], length: int | None = None) -> bytes:
    """A POST request; `length` lies about the body where it is given."""
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
