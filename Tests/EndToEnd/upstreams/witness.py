"""An upstream whose answers tell whose they are: the tenant (`sign` in support/load.py), the site (header `X-Site`), the arguments, a nonce and the
time. It remembers every call.

``python witness.py PORT``. MCP over HTTP of both eras, on asyncio alone, so that what is measured is what stands in front of it. ``POST /control``
changes how it answers, ``GET /log`` and ``GET /state`` say what came, ``GET /wire`` byte by byte; support/witness.py speaks to it.
"""

import asyncio
import itertools
import json
import re
import sys
import time
import uuid
from typing import Any

TOOLS = [{"name": name, "description": "What was asked.", "inputSchema": {"type": "object"}} for name in ("look", "glance", "peek", "act")]
SIGN = re.compile(rb'"arguments"\s*:\s*\{( *)')
CACHED = {"ttlMs": 60000, "cacheScope": "private"}
LISTS = {
    "initialize": {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "witness", "version": "1"}},
    "server/discover": {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, **CACHED},
    "tools/list": {"tools": TOOLS},
    "ping": {},
}


class Witness:
    """What is set: `latency` in seconds, `hold` keeps calls until it is false, `hang` is how many of the next calls are never answered, `refuse`
    how many of them get 429 with `Retry-After: retry_after`."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {"latency": 0.0, "hold": False, "hang": 0, "refuse": 0, "retry_after": 1}
        self.log: list[dict[str, Any]] = []
        # Every request of MCP and its answer, as they were on the wire.
        self.wire: list[list[str]] = []
        self.holding = 0
        self.run = uuid.uuid4().hex[:8]
        self.numbers = itertools.count(1)
        self.open = asyncio.Event()
        self.open.set()

    def change(self, values: dict[str, Any]) -> None:
        if values.pop("forget", False):
            self.log = []
        unknown = values.keys() - self.settings.keys()
        assert not unknown, f"no such setting: {unknown}"
        self.settings.update(values)
        if self.settings["hold"]:
            self.open.clear()
        else:
            self.open.set()

    def takes(self, name: str) -> bool:
        """Whether this call is one of the next so many."""
        if self.settings[name] <= 0:
            return False
        self.settings[name] -= 1
        return True

    async def call(self, sign: int, site: str, params: dict[str, Any], peer: int) -> dict[str, Any] | None:
        """The result; `peer` is the port that it came from. None where the call is refused. A call that hangs waits until its connection ends."""
        record = {
            "nonce": f"{self.run}-{next(self.numbers)}", "sign": sign, "site": site, "tool": params["name"],
            "arguments": params.get("arguments", {}), "at": time.time(), "peer": peer, "end": "open"}
        self.log.append(record)
        try:
            if self.takes("refuse"):
                record["end"] = "refused"
                return None
            if self.takes("hang"):
                await asyncio.Event().wait()
            if latency := self.settings["latency"]:
                await asyncio.sleep(latency)
            if self.settings["hold"]:
                self.holding += 1
                try:
                    await self.open.wait()
                finally:
                    self.holding -= 1
            record["end"], record["until"] = "answered", time.time()
        except asyncio.CancelledError:
            record["end"] = "left"
            raise
        told = {key: record[key] for key in ("nonce", "sign", "site", "tool", "arguments", "at")}
        pad = int(record["arguments"].get("pad", 0))
        return {"content": [{"type": "text", "text": json.dumps(told | {"pad": "x" * pad})}], "isError": False}


class Connection(asyncio.Protocol):
    def __init__(self, witness: Witness) -> None:
        self.witness = witness
        self.buffer = b""
        self.tasks: set[asyncio.Task] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        for task in self.tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            head, separator, rest = self.buffer.partition(b"\r\n\r\n")
            if not separator:
                return
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            length = int(headers.get("content-length", 0))
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            task = asyncio.create_task(self.serve(*first.split(" ")[:2], headers, head + separator, rest[:length]))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def serve(self, method: str, path: str, headers: dict[str, str], head: bytes, body: bytes) -> None:
        passed = [(head + body).decode("latin-1"), ""]
        if method == "POST" and path != "/control":
            self.witness.wire.append(passed)
        answer = await self.answer(method, path, headers, body)
        passed[1] = answer.decode("latin-1")
        self.transport.write(answer)

    async def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        match method, path:
            case "GET", "/log":
                return reply(self.witness.log)
            case "GET", "/wire":
                return reply(self.witness.wire)
            case "GET", "/state":
                return reply({"holding": self.witness.holding, "calls": len(self.witness.log)})
            case "POST", "/control":
                self.witness.change(json.loads(body))
                return reply({})
            case "POST", _:
                found = SIGN.search(body)
                return await self.speak(len(found[1]) if found else 0, headers.get("x-site", ""), json.loads(body))
            case _:
                return reply({}, "405 Method Not Allowed")

    async def speak(self, sign: int, site: str, message: dict[str, Any]) -> bytes:
        if "id" not in message:
            return reply(None, "202 Accepted")
        params = message.get("params", {})
        modern = "io.modelcontextprotocol/protocolVersion" in params.get("_meta", {})
        if message["method"] == "tools/call":
            result = await self.witness.call(sign, site, params, self.transport.get_extra_info("peername")[1])
            if result is None:
                return reply({}, "429 Too Many Requests", f"Retry-After: {self.witness.settings['retry_after']}\r\n")
        else:
            result = LISTS.get(message["method"])
        if result is None:
            return reply({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32601, "message": "Method not found"}}, "404 Not Found")
        if modern:
            result = {"resultType": "complete", **result, **(CACHED if message["method"] == "tools/list" else {})}
        return reply({"jsonrpc": "2.0", "id": message["id"], "result": result})


def reply(value: Any, status: str = "200 OK", headers: str = "") -> bytes:
    text = b"" if value is None else json.dumps(value).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(text)}\r\n\r\n"
    return head.encode() + text


async def main() -> None:
    witness = Witness()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(witness), "127.0.0.1", int(sys.argv[1]), backlog=512)
    await server.serve_forever()


asyncio.run(main())
