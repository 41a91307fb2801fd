"""Several replicas of Weir with one configuration."""

import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

from .processes import eventually, free_port
from .weir import Weir


def value(page: str, name: str, **labels: str) -> float:
    """The sum of the samples of that name that carry these labels."""
    found = 0.0
    for line in page.splitlines():
        match = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
        if match and all(f'{label}="{wanted}"' in (match[1] or "") for label, wanted in labels.items()):
            found += float(match[2])
    return found


class Fleet:
    """Each replica has a free port and a folder of its own; what it logs is in `replica.process.output`."""

    def __init__(self, configuration: dict[str, Any], folder: Path, count: int = 3, level: str = "info", admin: bool = False) -> None:
        """With `admin` each has an admin listener; its address is in `admin`."""
        self.folder = folder
        folders = [folder / f"replica-{number}" for number in range(count)]
        for home in folders:
            home.mkdir(parents=True)
        self.replicas = [self._make(configuration, home, level, admin) for home in folders]
        self._killed: set[int] = set()
        try:
            for replica in self.replicas:
                replica.wait_until_ready()
        except BaseException:
            self.close(orderly=False)
            raise

    @staticmethod
    def _make(configuration: dict[str, Any], home: Path, level: str, admin: bool) -> Weir:
        address = f"127.0.0.1:{free_port()}" if admin else None
        listen = configuration.get("listen", {}) | ({"admin_address": address} if address else {})
        replica = Weir(configuration | {"listen": listen}, home, level=level, wait=False)
        replica.admin = f"http://{address}" if address else None
        return replica

    def __getitem__(self, number: int) -> Weir:
        return self.replicas[number]

    def __iter__(self) -> Iterator[Weir]:
        return iter(self.replicas)

    def __len__(self) -> int:
        return len(self.replicas)

    @property
    def direct(self) -> list[str]:
        """The addresses of the replicas themselves: for load, and for what balances it."""
        return [replica.direct for replica in self.replicas]

    def running(self) -> list[Weir]:
        return [replica for replica in self.replicas if replica.process.running()]

    def wait_for_tools(self, *prefixes: str, headers: dict[str, str] | None = None) -> None:
        with ThreadPoolExecutor(len(self)) as pool:
            list(pool.map(lambda replica: replica.wait_for_tools(*prefixes, headers=headers), self.replicas))

    def wait_for_redis(self, timeout: float = 30) -> None:
        """Until every replica has its connections and a closed breaker."""

        def check() -> bool:
            pages = [replica.metrics() for replica in self.running()]
            return all(value(page, "weir_redis_connections") >= 1 and value(page, "weir_redis_breaker_open") == 0 for page in pages)

        eventually(check, timeout, "every replica asks Redis")

    def metric(self, name: str, **labels: str) -> float:
        """Summed over the replicas that run."""
        return sum(value(replica.metrics(), name, **labels) for replica in self.running())

    def holder_of(self, port: int) -> int:
        """Which replica has a connection from this port of its own."""
        for number, replica in enumerate(self.replicas):
            if replica.process.running():
                ports = {connection.laddr.port for connection in psutil.Process(replica.process.pid).net_connections("tcp")}
                if port in ports:
                    return number
        raise AssertionError(f"no replica has port {port}")

    # What happens to one of them

    def kill(self, number: int) -> None:
        self._killed.add(number)
        self.replicas[number].process.process.kill()
        self.replicas[number].process.wait(5)

    def freeze(self, number: int) -> None:
        self.replicas[number].process.signal(signal.SIGSTOP)

    def thaw(self, number: int) -> None:
        self.replicas[number].process.signal(signal.SIGCONT)

    def hang_up(self, number: int) -> None:
        """Asks it to read its configuration again."""
        self.replicas[number].process.signal(signal.SIGHUP)

    def restart(self, number: int, wait: bool = True) -> None:
        """On the same port. It is stopped in order first, where it runs."""
        if self.replicas[number].process.running():
            self.replicas[number].stop()
        self._killed.discard(number)
        self.replicas[number].start(wait=wait)

    def close(self, orderly: bool = True) -> None:
        """All end; those that were not killed must do so in order, and leave nothing."""
        troubles = []
        for replica in self.running():
            replica.process.signal(signal.SIGCONT)
            try:
                replica.stop()
            except AssertionError as trouble:
                troubles.append(str(trouble))
        for replica in self.replicas:
            replica.relay.close()
        assert not (orderly and troubles), "\n".join(troubles)

    def logs(self, end: int = 3000) -> str:
        return "\n".join(f"--- the end of the log of replica {n} ---\n{replica.process.output[-end:]}" for n, replica in enumerate(self.replicas))
