"""The HTTP server: AWS JSON 1.1 by X-Amz-Target, STS by form, and the tests' own endpoints /control, /requests, /counts and /reset."""

import json
import threading
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .account import IDENTITY, Budgets
from .control import Controls
from .cost_explorer import CostExplorer
from .errors import ServiceError
from .ledger import Ledger, correction
from .price_list import PriceList


class Emulator:
    """The services behind one port of the loopback interface."""

    def __init__(self, port: int = 0, seed: int = 1) -> None:
        self.controls = Controls()
        self.cost_explorer = CostExplorer(Ledger(seed))
        self.price_list = PriceList()
        self.services = {
            "AWSInsightsIndexService": self.cost_explorer,
            "AWSPriceListService": self.price_list,
            "AWSBudgetServiceGateway": Budgets(),
        }
        self._defaults = (self.cost_explorer.today, self.cost_explorer.page_size, self.price_list.page_size)
        handler = type("BoundHandler", (_Handler,), {"emulator": self})
        self._server = _Server(("127.0.0.1", port), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def serve_forever(self) -> None:
        self._server.serve_forever(poll_interval=0.05)

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.controls.set({"hold": False})
        self._server.shutdown()
        self._server.server_close()

    def set(self, **values: Any) -> None:
        """Sets controls, as a POST to /control does."""
        self.controls.set(values)
        self.apply_controls()

    def reset(self) -> None:
        """Forgets the log and every control, as a POST to /reset does."""
        self.controls.reset()
        self.apply_controls()

    def received(self, operation: str = "GetCostAndUsage") -> int:
        """How many requests of that operation have come."""
        return self.controls.counts()["received"][operation]

    def wait_for(self, count: int, operation: str = "GetCostAndUsage", timeout: float = 10) -> None:
        """Returns when so many requests of that operation have come."""
        with self.controls.changed:
            if not self.controls.changed.wait_for(lambda: self._received(operation) >= count, timeout):
                raise AssertionError(f"{self._received(operation)} instead of {count} {operation} within {timeout} s")

    def _received(self, operation: str) -> int:
        return sum(record["operation"].rpartition(".")[2] == operation for record in self.controls.log)

    def apply_controls(self) -> None:
        today, rows, products = self._defaults
        self.cost_explorer.today = self.controls.today or today
        self.cost_explorer.page_size = self.controls.page_size or rows
        self.cost_explorer.digits = 10 if self.controls.digits is None else self.controls.digits
        self.cost_explorer.ledger.corrections = [correction(**entry) for entry in self.controls.corrections]
        self.price_list.page_size = self.controls.page_size or products

    def answer(self, target: str, body: bytes) -> dict[str, Any]:
        """Performs one operation. Raises ServiceError."""
        service, _, operation = target.partition(".")
        method = getattr(self.services.get(service), operation, None) if operation[:1].isupper() else None
        if method is None:
            self.controls.admit(target or "unknown", None)["status"] = 400
            raise ServiceError("UnknownOperationException", f"{target} is not emulated.")
        try:
            request = json.loads(body or b"{}")
        except ValueError as error:
            raise ServiceError("SerializationException", "The body is no JSON.") from error
        record = self.controls.admit(target, request)
        try:
            reply = method(request)
        except ServiceError as error:
            record["status"] = error.status
            raise
        record["status"], record["buckets"] = 200, len(reply.get("ResultsByTime", ()))
        return reply


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    emulator: Emulator

    def do_GET(self) -> None:
        if self.path == "/requests":
            self._send(200, self.emulator.controls.summary())
        elif self.path == "/counts":
            self._send(200, self.emulator.controls.counts())
        else:
            self._send(404, {"message": "There are /requests and /counts (GET), /control and /reset (POST)."})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            if self.path == "/control":
                self.emulator.set(**json.loads(body))
                self._send(200, {})
            elif self.path == "/forget":
                self.emulator.controls.forget()
                self._send(200, {})
            elif self.path == "/reset":
                self.emulator.reset()
                self._send(200, {})
            elif self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
                self._answer_form(body)
            else:
                self._send(200, self.emulator.answer(self.headers.get("X-Amz-Target", ""), body))
        except ServiceError as error:
            self._send(error.status, {"__type": error.code, "message": error.message, "Message": error.message})

    def _answer_form(self, body: bytes) -> None:
        action = urllib.parse.parse_qs(body.decode()).get("Action", [""])[0]
        record = self.emulator.controls.admit(f"STS.{action}", None)
        if action != "GetCallerIdentity":
            record["status"] = 400
            raise ServiceError("InvalidAction", f"{action} is not emulated.")
        record["status"] = 200
        self._send_bytes(200, "text/xml", IDENTITY.encode())

    def _send(self, status: int, body: Any) -> None:
        self._send_bytes(status, "application/x-amz-json-1.1", json.dumps(body, ensure_ascii=False).encode())

    def _send_bytes(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """The log of requests is read at /requests."""
