"""A relay between a client and a server that changes no byte and remembers every one, so that all of them can be judged afterwards."""

import asyncio
import json
import threading
from dataclasses import dataclass, field
from typing import Any

from . import http1
from .oracle import SchemaOracle, revision_of


@dataclass
class Connection:
    upward: bytearray = field(default_factory=bytearray)
    downward: bytearray = field(default_factory=bytearray)


class Relay:
    """Listens on a free port of the loopback interface and relays to `target_port`. `problems()` reads what has passed."""

    _loop: asyncio.AbstractEventLoop | None = None

    def __init__(self, target_port: int | None = None) -> None:
        self.target_port = target_port
        self.connections: list[Connection] = []
        self._versions: dict[str, str] = {}
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self.loop()).result(5)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    @classmethod
    def loop(cls) -> asyncio.AbstractEventLoop:
        """One event loop in one thread serves all relays."""
        if cls._loop is None:
            cls._loop = asyncio.new_event_loop()
            threading.Thread(target=cls._loop.run_forever, daemon=True).start()
        return cls._loop

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=512)

    async def _accept(self, client_reader: asyncio.StreamReader, client_writer: asyncio.StreamWriter) -> None:
        connection = Connection()
        self.connections.append(connection)
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            client_writer.close()
            return
        await asyncio.gather(
            self._pump(client_reader, server_writer, connection.upward), self._pump(server_reader, client_writer, connection.downward)
        )

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, record: bytearray) -> None:
        try:
            while data := await reader.read(65536):
                record += data
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    def close(self) -> None:
        self.loop().call_soon_threadsafe(self._server.close)

    # What has passed

    def exchanges(self) -> list[tuple[http1.HTTPMessage, http1.HTTPMessage | None]]:
        """Requests with their responses, over all connections."""
        found = []
        for connection in list(self.connections):
            requests = http1.parse(bytes(connection.upward), responses=False)
            methods = [request.method for request in requests]
            responses = [response for response in http1.parse(bytes(connection.downward), True, methods) if response.status >= 200]
            found += [(request, responses[n] if n < len(responses) else None) for n, request in enumerate(requests)]
        return found

    def problems(self, oracle: SchemaOracle) -> list[str]:
        """Every message that is not what its revision's schema says, both ways. Cut messages (a client that left) are not judged."""
        found: list[str] = []
        exchanges = self.exchanges()
        for request, response in exchanges:
            self._learn_session(request, response)
        for request, response in exchanges:
            if request.complete:
                found += self._judge(request, response, oracle)
        return found

    def _learn_session(self, request: http1.HTTPMessage, response: http1.HTTPMessage | None) -> None:
        session = response and response.header("mcp-session-id")
        if session and response.complete:
            for message in response.messages():
                version = message.get("result", {}).get("protocolVersion") if isinstance(message, dict) else None
                if version:
                    self._versions[session] = version

    def _judge(self, request: http1.HTTPMessage, response: http1.HTTPMessage | None, oracle: SchemaOracle) -> list[str]:
        if request.method != "POST" or request.start.split(" ")[1].split("?")[0].rstrip("/") in ("/healthz", "/readyz", "/metrics"):
            sent: dict[str, Any] | None = None
        else:
            try:
                sent = json.loads(request.body)
            except ValueError:
                return [f"a client sent no JSON: {request.body[:200]!r}"]
        negotiated = self._versions.get(request.header("mcp-session-id") or "")
        revision = revision_of(sent, request.header("mcp-protocol-version"), negotiated)
        if isinstance(sent, list):
            return _judge_batch(oracle, sent, response, revision)
        problems = [f"→ {problem}: {_short(sent)}" for problem in oracle.problems(sent, revision)] if sent is not None else []
        if response is None or not response.complete:
            return problems
        for message in response.messages():
            is_rpc = isinstance(message, dict) and "jsonrpc" in message
            # Health pages are no messages, and a refusal by HTTP status need not be one.
            if not is_rpc and (sent is None or response.status >= 400):
                continue
            answered = sent and sent.get("method")
            spoken = revision
            if answered == "initialize" and isinstance(message, dict) and isinstance(message.get("result"), dict):
                spoken = message["result"].get("protocolVersion", revision)
            problems += [f"← {problem}: {_short(message)}" for problem in oracle.problems(message, spoken, answered)]
            if sent is not None and isinstance(message, dict) and "id" in message and "method" not in message:
                if message["id"] != sent.get("id") or type(message["id"]) is not type(sent.get("id")):
                    problems.append(f"← id {message['id']!r} answers {sent.get('id')!r}")
        return problems


def _judge_batch(oracle: SchemaOracle, sent: list[Any], response: http1.HTTPMessage | None, revision: str) -> list[str]:
    """Each message on its own: 2025-03-26 alone has batches."""
    methods = {message["id"]: message.get("method") for message in sent if isinstance(message, dict) and "id" in message}
    problems = [f"→ {problem}: {_short(message)}" for message in sent for problem in oracle.problems(message, revision)]
    answers = response.messages() if response is not None and response.complete else []
    for message in (part for answer in answers for part in (answer if isinstance(answer, list) else [answer])):
        problems += [f"← {problem}: {_short(message)}" for problem in oracle.problems(message, revision, methods.get(message.get("id")))]
    return problems


def _short(message: Any) -> str:
    return json.dumps(message)[:300]
