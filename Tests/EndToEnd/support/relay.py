"""A relay between a client and a server that changes no byte and remembers every one, so that all of them can be judged afterwards."""

import asyncio
import threading
from dataclasses import dataclass, field

from . import http1
from .exchanges import Exchange


@dataclass
class Connection:
    upward: bytearray = field(default_factory=bytearray)
    downward: bytearray = field(default_factory=bytearray)

    def exchanges(self) -> list[Exchange]:
        """Requests with their responses."""
        requests = http1.parse(bytes(self.upward), responses=False)
        methods = [request.method for request in requests]
        responses = [response for response in http1.parse(bytes(self.downward), True, methods) if response.status >= 200]
        return [Exchange(request, responses[n] if n < len(responses) else None) for n, request in enumerate(requests)]


class Relay:
    """Listens on a free port of the loopback interface, or on a given one, and relays to `target_port`."""

    # Those of all relays.
    ports: set[int] = set()
    _loop: asyncio.AbstractEventLoop | None = None

    def __init__(self, target_port: int, port: int = 0) -> None:
        self.target_port = target_port
        self.connections: list[Connection] = []
        self._given_port = port
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self.loop()).result(5)
        self.port = self._server.sockets[0].getsockname()[1]
        self.ports.add(self.port)
        self.url = f"http://127.0.0.1:{self.port}"

    @classmethod
    def loop(cls) -> asyncio.AbstractEventLoop:
        """One event loop in one thread serves all relays."""
        if cls._loop is None:
            cls._loop = asyncio.new_event_loop()
            threading.Thread(target=cls._loop.run_forever, daemon=True).start()
        return cls._loop

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._accept, "127.0.0.1", self._given_port, backlog=512)

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

    def exchanges(self) -> list[Exchange]:
        """What has passed, over all connections."""
        return [exchange for connection in list(self.connections) for exchange in connection.exchanges()]
