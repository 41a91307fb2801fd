"""A server of 2026-07-28 whose tool wants its argument in a header, and all at once in another one: ``mirror.py PORT``. It tells nobody.

The tool `hidden` is not listed. Both answer with the headers `Mcp-Param-…` that came, and `look` with how often it has run.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

state = {"header": "Zone", "runs": 0, "refused": 0, "lists": 0}
lock = threading.Lock()


def tools() -> list[dict[str, Any]]:
    place = {"type": "string", "x-mcp-header": state["header"]}
    return [{"name": "look", "inputSchema": {"type": "object", "properties": {"place": place}}}, {"name": "turn", "inputSchema": {"type": "object"}}]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        pass

    def reply(self, status: int, message: object = None) -> None:
        body = b"" if message is None else json.dumps(message).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.reply(405)

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        number, method, params = message.get("id"), message.get("method"), message.get("params", {})
        if number is None:
            return self.reply(202)
        if method == "initialize":
            return self.refuse(number, 400, -32022, "Unsupported", {"supported": ["2026-07-28"], "requested": "2025-11-25"})
        if method == "server/discover":
            return self.answer(number, {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "ttlMs": 0, "cacheScope": "private"})
        if method == "tools/list":
            with lock:
                state["lists"] += 1
            return self.answer(number, {"tools": tools(), "ttlMs": 0, "cacheScope": "private"})
        if method == "tools/call":
            return self.call(number, params["name"], params.get("arguments", {}))
        return self.refuse(number, 404, -32601, "no such method")

    def call(self, number: object, name: str, arguments: dict[str, Any]) -> None:
        sent = {key.lower(): value for key, value in self.headers.items() if key.lower().startswith("mcp-param-")}
        if name == "turn":
            state["header"] = "Region" if state["header"] == "Zone" else "Zone"
        elif name == "look":
            with lock:
                if sent.get(f"mcp-param-{state['header'].lower()}") != arguments.get("place"):
                    state["refused"] += 1
                    return self.refuse(number, 400, -32020, "a header is missing")
                state["runs"] += 1
        elif name != "hidden":
            return self.refuse(number, 400, -32602, f"Unknown tool: {name}")
        said = json.dumps({"headers": sent, **state})
        self.answer(number, {"content": [{"type": "text", "text": said}]})

    def answer(self, number: object, result: dict[str, Any]) -> None:
        self.reply(200, {"jsonrpc": "2.0", "id": number, "result": {"resultType": "complete", **result}})

    def refuse(self, number: object, status: int, code: int, text: str, data: object = None) -> None:
        error = {"code": code, "message": text} | ({"data": data} if data else {})
        self.reply(status, {"jsonrpc": "2.0", "id": number, "error": error})


ThreadingHTTPServer.daemon_threads = True
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
