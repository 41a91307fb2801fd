"""A real primary with a replica, watched by real Sentinels."""

from pathlib import Path

from .certificates import Certificates
from .processes import ManagedProcess, accepts, eventually, free_port
from .redis import RedisServer
from .resp import RESPClient

NAME = "mymaster"


class RedisWithSentinels:
    """Failed over by the Sentinels within a second or two of the primary's end, or at once when told to."""

    def __init__(self, folder: Path, sentinels: int = 3, tls: Certificates | None = None) -> None:
        """With `tls` all of them speak it with each other, and name each other's TLS ports."""
        self._tls = tls
        replication = ("--tls-replication", "yes") if tls else ()
        for home in ("one", "other"):
            (folder / home).mkdir()
        one = RedisServer(folder / "one", *replication, tls=tls)
        watched = one.tls_port or one.port
        other = RedisServer(folder / "other", *replication, "--replicaof", "127.0.0.1", str(watched), "--repl-diskless-sync-delay", "0", tls=tls)
        self.servers = [one, other]
        one.call("CONFIG", "SET", "repl-diskless-sync-delay", "0")
        eventually(lambda: other.info("replication").get("master_link_status") == "up", 20, "the replica is in step")
        self.ports: list[int] = []
        self._tls_ports: list[int] = []
        self._sentinels: list[ManagedProcess] = []
        for number in range(sentinels):
            self._start_sentinel(folder / f"sentinel-{number}", watched, quorum=sentinels // 2 + 1)
        eventually(lambda: all(self._knows_all(port, sentinels - 1) for port in self.ports), 20, "the Sentinels know each other and the replica")

    def _start_sentinel(self, home: Path, primary: int, quorum: int) -> None:
        home.mkdir()
        port = free_port()
        lines = [
            f"port {port}", "bind 127.0.0.1", f"dir {home}", f"sentinel monitor {NAME} 127.0.0.1 {primary} {quorum}",
            f"sentinel down-after-milliseconds {NAME} 500", f"sentinel failover-timeout {NAME} 3000"]
        if self._tls:
            words = self._tls.redis_options(tls_port := free_port())
            lines += [f"{name.removeprefix('--')} {value}" for name, value in zip(words[::2], words[1::2])] + ["tls-replication yes"]
            self._tls_ports.append(tls_port)
        (home / "sentinel.conf").write_text("\n".join(lines) + "\n")
        self._sentinels.append(ManagedProcess(["redis-server", home / "sentinel.conf", "--sentinel"]))
        self.ports.append(port)
        eventually(lambda: accepts(port), 5, "a Sentinel listens")

    def _knows_all(self, port: int, others: int) -> bool:
        with RESPClient(port) as client:
            words = client.call("SENTINEL", "MASTER", NAME)
            told = dict(zip(words[::2], words[1::2]))
            return told[b"num-slaves"] == b"1" and int(told[b"num-other-sentinels"]) == others

    @property
    def urls(self) -> list[str]:
        return [f"rediss://127.0.0.1:{port}" for port in self._tls_ports] or [f"redis://127.0.0.1:{port}" for port in self.ports]

    def configuration(self) -> dict[str, object]:
        return {"sentinel": {"primary": NAME, "urls": self.urls}}

    @property
    def primary(self) -> RedisServer:
        """The one that the Sentinels name."""
        with RESPClient(self.ports[0]) as client:
            port = int(client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)[1])
        return next(server for server in self.servers if port in (server.port, server.tls_port))

    def fail_over(self, timeout: float = 20) -> RedisServer:
        """The other one takes over while the old one lives; the new primary."""
        old = self.primary
        with RESPClient(self.ports[0]) as client:
            client.call("SENTINEL", "FAILOVER", NAME)
        return self.wait_for_another(old, timeout)

    def wait_for_another(self, old: RedisServer, timeout: float = 20) -> RedisServer:
        """Until another one than `old` is the primary, and says so itself."""
        eventually(lambda: self.primary is not old and self.primary.info("replication")["role"] == "master", timeout, "another primary")
        return self.primary

    def close(self) -> None:
        for process in self._sentinels:
            process.process.kill()
            process.wait(5)
        for server in self.servers:
            server.close()
