"""A real Redis of a test's own."""

import re
import signal
import socket
from pathlib import Path
from typing import Any

from .certificates import Certificates
from .processes import ManagedProcess, accepts, eventually, free_port
from .resp import RESPClient

ENTRY = re.compile(r":\{[0-9a-f]{64}\}$")


class RedisServer:
    """Can be killed and started again on the same port, and stopped in its tracks: a paused server accepts connections and never answers."""

    def __init__(self, folder: Path, *options: str, tls: Certificates | None = None) -> None:
        """With `tls` it also listens at `tls_port`; whoever tests it speaks without."""
        self.folder = folder
        self.tls_port = free_port() if tls else None
        self.options = [*options, *(tls.redis_options(self.tls_port) if tls and self.tls_port else [])]
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        self.process = ManagedProcess([
            "redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", self.folder, *self.options])
        eventually(lambda: accepts(self.port), 5, "redis-server listens")

    def kill(self) -> None:
        self.resume()
        self.process.process.kill()
        self.process.wait(5)

    def pause(self) -> None:
        self.process.signal(signal.SIGSTOP)

    def resume(self) -> None:
        if self.process.running():
            self.process.signal(signal.SIGCONT)

    def client(self) -> RESPClient:
        return RESPClient(self.port)

    def call(self, *words: Any) -> Any:
        """One command on a connection of its own; its reply as a value."""
        with self.client() as client:
            return client.call(*words)

    def flush(self) -> None:
        self.call("FLUSHALL")

    def limit_memory(self, policy: str = "noeviction") -> None:
        """From now on there is no room for anything more: writes are refused, or push out what is there, as the policy says."""
        self.call("CONFIG", "SET", "maxmemory-policy", policy)
        self.call("CONFIG", "SET", "maxmemory", self.info("memory")["used_memory"])

    def lift_limit(self) -> None:
        self.call("CONFIG", "SET", "maxmemory", "0")

    def info(self, section: str) -> dict[str, str]:
        lines = self.call("INFO", section).decode().split("\r\n")
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def stall(self, seconds: float) -> None:
        """All clients wait for so long, as behind a slow command."""
        self.call("CLIENT", "PAUSE", int(seconds * 1000), "ALL")

    def command(self, *words: str) -> str:
        """One command in the inline form; the first bytes of its reply."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(" ".join(words).encode() + b"\r\n")
            return connection.recv(65536).decode(errors="replace")

    def all_keys(self) -> list[str]:
        """Every key, whatever it is for."""
        return [line for line in self.command("KEYS", "*").split("\r\n")[1:] if line and not line.startswith("$")]

    def entries(self) -> list[str]:
        """The keys of answers; there is more in it than those."""
        return [key for key in self.all_keys() if ENTRY.search(key)]

    def size(self) -> int:
        """How many answers it has."""
        return len(self.entries())

    def keys(self, least: int) -> list[str]:
        """The keys of answers, once there are so many: Weir writes behind its callers' backs."""
        eventually(lambda: self.size() >= least, 5, f"{least} entries in Redis")
        return self.entries()

    def close(self) -> None:
        if self.process.running():
            self.kill()
