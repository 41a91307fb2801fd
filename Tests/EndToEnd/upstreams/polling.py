"""A server of 2025-11-25 that keeps no stream open (SSE polling): ``polling.py PORT``. It primes each, closes it, and goes on where the client comes back.

The answer of a call tells when and with which ids the client came for it. No SDK: what theirs can close is not all that a network can.
"""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PAUSE = 0.3
TOOLS = ("polls", "breaks", "leaves", "ears")

calls: dict[str, dict[str, Any]] = {}
ears: list[str | None] = []
lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        pass

    def reply(self, status: int, message: object = None, **headers: str) -> None:
        body = b"" if message is None else json.dumps(message).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, *events: tuple[str, object], torn: bytes = b"") -> None:
        """Events and then the end of the connection; torn in the midst of an event where there is something of it."""
        body = b"".join(b"id: %s\nretry: %d\ndata: %s\n\n" % (
            identifier.encode(), PAUSE * 1000, b"" if message is None else json.dumps(message).encode()) for identifier, message in events) + torn
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(body) + (1000 if torn else 0)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method, number, params = message.get("method"), message.get("id"), message.get("params", {})
        if number is None:
            return self.reply(202)
        if method == "initialize":
            result: dict[str, Any] = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "polling", "version": "1"}}
            return self.reply(200, {"jsonrpc": "2.0", "id": number, "result": result}, Mcp_Session_Id="polling")
        if method == "tools/list":
            tools = [{"name": name, "inputSchema": {"type": "object"}} for name in TOOLS]
            return self.reply(200, {"jsonrpc": "2.0", "id": number, "result": {"tools": tools}})
        if method != "tools/call":
            return self.reply(200, {"jsonrpc": "2.0", "id": number, "error": {"code": -32601, "message": "Method not found"}})
        if params["name"] == "ears":
            return self.reply(200, self.answer(number, ears))
        call = {"id": number, "tool": params["name"], "token": params.get("_meta", {}).get("progressToken"), "came": [], "left": time.monotonic()}
        with lock:
            calls[str(number)] = call
        torn = b"id: call-%d-1\ndata: {" % number if call["tool"] == "breaks" else b""
        return self.stream((f"call-{number}-0", None), torn=torn)

    def do_GET(self) -> None:
        last = self.headers.get("Last-Event-ID")
        if last is None or last.startswith("ear"):
            ears.append(last)
            return self.stream((f"ear-{len(ears)}", None))
        number = last.split("-")[1]
        call = calls[number]
        call["came"].append([last, time.monotonic() - call["left"]])
        call["left"] = time.monotonic()
        if call["tool"] == "leaves":
            return self.reply(400)
        if call["tool"] == "polls" and len(call["came"]) == 1:
            progress = {"progressToken": call["token"], "progress": 1}
            return self.stream((f"call-{number}-1", {"jsonrpc": "2.0", "method": "notifications/progress", "params": progress}))
        if call["tool"] == "polls" and len(call["came"]) == 2:
            return self.reply(503)
        return self.stream((f"call-{number}-2", self.answer(call["id"], call["came"])))

    def do_DELETE(self) -> None:
        self.reply(200)

    @staticmethod
    def answer(number: object, found: object) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": number, "result": {"content": [{"type": "text", "text": json.dumps(found)}]}}


ThreadingHTTPServer.daemon_threads = True
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
