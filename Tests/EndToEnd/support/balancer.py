"""A load balancer without stickiness: every request goes to the next replica that is ready, whichever connection or session it belongs to."""

import asyncio
import itertools
from collections import Counter
from urllib.parse import urlsplit

from .exchanges import Exchange
from .relay import Connection, Relay

CHECK_EVERY = 0.1


class Balancer:
    """Round robin over replicas whose `/readyz` says 200, asked every 100 ms, as orchestrators do. A replica that cannot be connected to is passed over;
    a request that was sent is never sent again. Each request has a connection of its own, so no client sticks to a replica by keeping one. It remembers
    every byte, as a relay does."""

    def __init__(self, urls: list[str]) -> None:
        self.targets = [(urlsplit(url).hostname, urlsplit(url).port) for url in urls]
        self.ready = dict.fromkeys(self.targets, True)
        # How many requests each target got.
        self.sent: Counter[tuple[str, int]] = Counter()
        self.connections: list[Connection] = []
        self._turn = itertools.cycle(self.targets)
        self._loop = Relay.loop()
        self._server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=512), self._loop).result(5)
        self._checks = asyncio.run_coroutine_threadsafe(self._check(), self._loop)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def exchanges(self) -> list[Exchange]:
        return [exchange for connection in list(self.connections) for exchange in connection.exchanges()]

    def close(self) -> None:
        self._checks.cancel()
        self._loop.call_soon_threadsafe(self._server.close)

    async def _check(self) -> None:
        while True:
            answers = await asyncio.gather(*(asyncio.wait_for(self._is_ready(target), 1) for target in self.targets), return_exceptions=True)
            self.ready = {target: answer is True for target, answer in zip(self.targets, answers)}
            await asyncio.sleep(CHECK_EVERY)

    @staticmethod
    async def _is_ready(target: tuple[str, int]) -> bool:
        reader, writer = await asyncio.open_connection(*target)
        try:
            writer.write(f"GET /readyz HTTP/1.1\r\nHost: {target[0]}:{target[1]}\r\nConnection: close\r\n\r\n".encode())
            return b" 200 " in await reader.readline()
        finally:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            connected = await self._connect()
            if connected is None:
                writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            await self._relay(head, reader, writer, *connected)
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """To the next target that is ready, or else to any that can be connected to."""
        # As many steps as there are targets, and one below: the next request begins at the next one.
        order = [next(self._turn) for _ in self.targets]
        for target in sorted(order, key=lambda target: not self.ready[target]):
            try:
                streams = await asyncio.open_connection(*target)
            except OSError:
                continue
            self.sent[target] += 1
            next(self._turn)
            return streams
        return None

    async def _relay(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server_reader: asyncio.StreamReader, server: asyncio.StreamWriter
    ) -> None:
        lines = [line for line in head.split(b"\r\n") if line and not line.lower().startswith(b"connection:")]
        head = b"\r\n".join([*lines, b"Connection: close", b"", b""])
        server.write(head)
        passed = Connection(bytearray(head))
        self.connections.append(passed)

        async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter, record: bytearray) -> None:
            while data := await source.read(65536):
                record += data
                target.write(data)
                await target.drain()

        # The answer's end, or the client's, ends both.
        ways = [(reader, server, passed.upward), (server_reader, writer, passed.downward)]
        parts = [asyncio.create_task(pump(*way)) for way in ways]
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            server.transport.abort()
