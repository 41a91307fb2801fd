"""A fast MCP upstream for measurements: asyncio without a framework, both eras, one tool `report` whose result is about 1 KB.

``python upstream.py PORT``. It does as little as a correct answer allows, so that what is measured is what stands in front of it.
"""

import asyncio
import json
import sys

TEXT = "".join(f"row {number:04d} 12.3456789 USD;" for number in range(34))
CONTENT = {"content": [{"type": "text", "text": TEXT}], "isError": False}
TOOLS = [{"name": name, "description": "A report.", "inputSchema": {"type": "object"}} for name in ("report", "uncached")]
CACHED = {"ttlMs": 60000, "cacheScope": "private"}


def result(method: str, modern: bool) -> dict | None:
    found = {
        "initialize": {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "bench", "version": "1"}},
        "server/discover": {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, **CACHED},
        "tools/list": {"tools": TOOLS, **(CACHED if modern else {})},
        "tools/call": CONTENT,
        "ping": {},
    }.get(method)
    if found is None or not modern:
        return found
    return {"resultType": "complete", **found}


class Connection(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            head, separator, rest = self.buffer.partition(b"\r\n\r\n")
            if not separator:
                return
            length = 0
            for line in head.split(b"\r\n")[1:]:
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            self.answer(head, rest[:length])

    def answer(self, head: bytes, body: bytes) -> None:
        if not head.startswith(b"POST"):
            self.transport.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            return
        message = json.loads(body)
        if "id" not in message:
            self.transport.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
            return
        modern = "io.modelcontextprotocol/protocolVersion" in message.get("params", {}).get("_meta", {})
        answered = result(message["method"], modern)
        reply = {"jsonrpc": "2.0", "id": message["id"]}
        reply |= {"result": answered} if answered is not None else {"error": {"code": -32601, "message": "Method not found"}}
        status = b"200 OK" if answered is not None else b"404 Not Found"
        text = json.dumps(reply).encode()
        self.transport.write(b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (status, len(text), text))


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", int(sys.argv[1]), backlog=256)
    await server.serve_forever()


asyncio.run(main())
