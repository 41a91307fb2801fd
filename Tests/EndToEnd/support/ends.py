"""What clients and servers of our own said and heard: recorded at their end where something in between would be too slow, or too orderly."""

import httpx

from .exchanges import Exchange, Exchanges
from .http1 import HTTPMessage, parse
from .oracle import Between, SchemaOracle


class Ends:
    """The recordings of a run. `problems` judges what was recorded since it was last asked."""

    def __init__(self) -> None:
        # Where servers listen that keep what is said to them.
        self.ports: set[int] = set()
        # By who speaks: the bytes of a request, those that came back, and whether the request is wrong on purpose.
        self._recorded: dict[Between, list[tuple[bytes, bytes, bool]]] = {Between.CLIENTS: [], Between.UPSTREAMS: []}

    def keep(self, between: Between, request: bytes, response: bytes, faulty: bool = False) -> None:
        self._recorded[between].append((request, response, faulty))

    def hear(self, response: httpx.Response) -> None:
        """A hook for clients of httpx."""
        asked, content = response.request, response.read()
        start = f"{asked.method} {asked.url.raw_path.decode()} HTTP/1.1"
        kind = f"Content-Type: {response.headers.get('content-type', '')}\r\nContent-Length: {len(content)}\r\n\r\n"
        request = "\r\n".join([start, *(f"{name}: {value}" for name, value in asked.headers.items())]).encode() + b"\r\n\r\n" + asked.content
        self.keep(Between.CLIENTS, request, f"HTTP/1.1 {response.status_code} \r\n{kind}".encode() + content)

    def take(self) -> dict[Between, list[tuple[bytes, bytes, bool]]]:
        """What was recorded, for another process to judge."""
        taken = {between: list(recorded) for between, recorded in self._recorded.items()}
        for recorded in self._recorded.values():
            recorded.clear()
        return taken

    def give(self, taken: dict[Between, list[tuple[bytes, bytes, bool]]]) -> None:
        """What another process has recorded."""
        for between, recorded in taken.items():
            self._recorded[between] += recorded

    def problems(self, oracle: SchemaOracle) -> list[str]:
        found: list[str] = []
        for between, recorded in self.take().items():
            found += Exchanges(oracle, between).problems(_exchange(*bytes_and_fault) for bytes_and_fault in recorded)
        return found


def _exchange(request: bytes, response: bytes, faulty: bool) -> Exchange:
    # What is wrong on purpose may be no HTTP either: nothing of it is read.
    asked = HTTPMessage("POST / HTTP/1.1") if faulty else parse(request, responses=False)[0]
    answers = [answer for answer in parse(response, responses=True) if answer.status >= 200]
    return Exchange(asked, answers[0] if answers else None, faulty)


ENDS = Ends()
