"""A TCP proxy that does what networks do on bad days: it delays, withholds, cuts and slices, each direction by itself, changed while it runs."""

import asyncio
import socket
from dataclasses import dataclass, field

from .relay import Relay
from .resp import RESPFrames, is_message


@dataclass
class Faults:
    """What happens to the bytes of one direction. All may be changed at any time, and hold from the next bytes on."""

    # Seconds that every piece takes longer; their order stays.
    delay: float = 0.0
    # Bytes vanish and the connection stays open: a black hole. `FaultProxy.heal` ends the connections that lost some.
    drops: bool = False
    # One byte a segment.
    slices: bool = False
    # Each connection is reset once so many bytes have passed in this direction; counted from its beginning.
    cut_after: int | None = None
    # Published messages are left out of what subscribers of Redis get. Only toward clients.
    drops_messages: bool = False


@dataclass(eq=False)
class Link:
    """One connection of a client and the one to the server that belongs to it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    lost_bytes: bool = False
    passed: dict[str, int] = field(default_factory=lambda: {"up": 0, "down": 0})

    def reset(self) -> None:
        for writer in (self.client, self.server):
            # A reset and no orderly end: no byte that waits is sent any more.
            linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
            raw = writer.get_extra_info("socket")
            if raw is not None and raw.fileno() >= 0:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()


class FaultProxy:
    """Listens on a free port of the loopback interface and passes on to `target_port`. `up` is toward the server, `down` toward clients.

    With `redis` it can tell replies apart, and passes on whole ones only.
    """

    def __init__(self, target_port: int, redis: bool = False) -> None:
        self.target_port = target_port
        self.redis = redis
        self.up, self.down = Faults(), Faults()
        # New connections are ended at once.
        self.refuses = False
        self.dropped_messages = 0
        self._links: set[Link] = set()
        self._loop = Relay.loop()
        self._server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=512), self._loop).result(5)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> int:
        """Resets all connections; how many they were."""

        async def reset() -> int:
            links = list(self._links)
            for link in links:
                link.reset()
            return len(links)

        return asyncio.run_coroutine_threadsafe(reset(), self._loop).result(5)

    def black_hole(self) -> None:
        self.up.drops = self.down.drops = True

    def heal(self) -> None:
        """No fault any more. What lost bytes is ended: no network gives back the rest of such a connection."""

        async def reset() -> None:
            self.up, self.down, self.refuses = Faults(), Faults(), False
            for link in [link for link in self._links if link.lost_bytes]:
                link.reset()

        asyncio.run_coroutine_threadsafe(reset(), self._loop).result(5)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self.cut()

    async def _accept(self, client_reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self.refuses:
            client.transport.abort()
            return
        try:
            server_reader, server = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            client.transport.abort()
            return
        for writer in (client, server):
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = Link(client, server)
        self._links.add(link)
        try:
            await asyncio.gather(self._pump(link, "up", client_reader, server), self._pump(link, "down", server_reader, client))
        finally:
            self._links.discard(link)

    async def _pump(self, link: Link, direction: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # None is the end.
        pieces: asyncio.Queue[tuple[float, bytes | None]] = asyncio.Queue()
        sender = asyncio.create_task(self._send(link, direction, pieces, writer))
        frames = RESPFrames() if self.redis and direction == "down" else None
        try:
            while data := await reader.read(65536):
                faults = getattr(self, direction)
                if faults.drops:
                    link.lost_bytes = True
                    continue
                if frames is not None:
                    data = self._without_messages(frames, data, faults.drops_messages)
                pieces.put_nowait((self._loop.time() + faults.delay, data))
        except OSError:
            pass
        pieces.put_nowait((0, None))
        await sender

    def _without_messages(self, frames: RESPFrames, data: bytes, drops: bool) -> bytes:
        """The whole replies that are there now."""
        kept = []
        for frame in frames.feed(data):
            if drops and is_message(frame):
                self.dropped_messages += 1
            else:
                kept.append(frame)
        return b"".join(kept)

    async def _send(self, link: Link, direction: str, pieces: asyncio.Queue[tuple[float, bytes | None]], writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                due, data = await pieces.get()
                if data is None:
                    writer.close()
                    return
                if (wait := due - self._loop.time()) > 0:
                    await asyncio.sleep(wait)
                faults = getattr(self, direction)
                if faults.cut_after is not None and link.passed[direction] + len(data) >= faults.cut_after:
                    writer.write(data[: max(0, faults.cut_after - link.passed[direction])])
                    await asyncio.sleep(0)
                    link.reset()
                    return
                link.passed[direction] += len(data)
                for part in [data[n : n + 1] for n in range(len(data))] if faults.slices else [data]:
                    writer.write(part)
                    await writer.drain()
                    if faults.slices:
                        await asyncio.sleep(0)
        except OSError:
            link.reset()
