"""Many idle sessions of the handshake era, each with its event stream open: what they cost in memory."""

import asyncio
import hashlib
import json
from dataclasses import dataclass

# So many principals, since each has at most 1,000 sessions; so many addresses, since each has at most 4,096 connections.
KEYS = [f"key-of-the-{number}th-team-0123456789abcdef" for number in range(16)]
ADDRESSES = [f"127.0.0.{number}" for number in range(2, 10)]
_INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
    "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}}


def tenants() -> str:
    """The teams, as configuration."""
    lines = ["tenants:"]
    for number, key in enumerate(KEYS):
        digest = hashlib.sha256(key.encode()).hexdigest()
        lines.append(f'  team-{number}: {{ api_keys: [{{ name: bench, sha256: {digest} }}], allow: ["*"] }}')
    return "\n".join(lines) + "\n"


@dataclass
class Idle:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


async def connect(port: int, number: int) -> Idle:
    return Idle(*await asyncio.open_connection("127.0.0.1", port, local_addr=(ADDRESSES[number % len(ADDRESSES)], 0), limit=4096))


def common(port: int, number: int) -> str:
    """The header lines of every request of a session."""
    return f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {KEYS[number % len(KEYS)]}\r\nAccept: application/json, text/event-stream\r\n"


async def initialize(idle: Idle, port: int, number: int) -> str:
    """Opens a session over the connection; its id."""
    body = json.dumps(_INITIALIZE)
    head = f"{common(port, number)}Content-Type: application/json\r\nContent-Length: {len(body)}"
    idle.writer.write(f"POST /mcp HTTP/1.1\r\n{head}\r\n\r\n{body}".encode())
    answer = (await idle.reader.readuntil(b"\r\n\r\n")).decode()
    fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in answer.split("\r\n")[1:] if ": " in line)}
    await idle.reader.readexactly(int(fields["content-length"]))
    return fields["mcp-session-id"]


async def open_one(port: int, number: int) -> Idle:
    idle = await connect(port, number)
    session = f"Mcp-Session-Id: {await initialize(idle, port, number)}\r\nMCP-Protocol-Version: 2025-11-25\r\n"
    idle.writer.write(f"GET /mcp HTTP/1.1\r\n{common(port, number)}{session}\r\n".encode())
    head = (await idle.reader.readuntil(b"\r\n\r\n")).decode().lower()
    if " 200 " not in head.split("\r\n")[0] or "text/event-stream" not in head:
        raise SystemExit(f"the stream of session {number} was not opened: {head}")
    return idle


async def open_without_streams(port: int, count: int) -> None:
    """Sessions over one connection of each principal, which is closed then: what stays is the sessions."""

    async def of_one(number: int) -> None:
        idle = await connect(port, number)
        for _ in range(number, count, len(KEYS)):
            await initialize(idle, port, number)
        idle.writer.close()

    await asyncio.gather(*(of_one(number) for number in range(len(KEYS))))


async def open_all(port: int, count: int) -> list[Idle]:
    opened: list[Idle] = []
    for first in range(0, count, 50):
        opened += await asyncio.gather(*(open_one(port, number) for number in range(first, min(first + 50, count))))
    return opened
