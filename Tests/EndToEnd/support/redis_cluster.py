"""A real Redis Cluster of three primaries, whose slots can be moved while it is used."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .certificates import Certificates
from .processes import eventually, free_port
from .redis import RedisServer
from .resp import RESPClient, RedisRefusal

SLOTS = 16384


class RedisCluster:
    """Nodes of equal shares; one that is down leaves the others' slots served."""

    def __init__(self, folder: Path, size: int = 3, tls: Certificates | None = None) -> None:
        """With `tls` its nodes speak TLS with each other, and send clients that do to each other's TLS ports."""
        self.nodes: list[RedisServer] = []
        for number in range(size):
            home = folder / f"node-{number}"
            home.mkdir()
            options = {
                "cluster-enabled": "yes", "cluster-port": str(free_port()), "cluster-config-file": "nodes.conf",
                "cluster-node-timeout": "1500", "cluster-require-full-coverage": "no", "cluster-allow-reads-when-down": "no", **({"tls-cluster": "yes"} if tls else {})}
            self.nodes.append(RedisServer(home, *(word for name, value in options.items() for word in (f"--{name}", value)), tls=tls))
            self.nodes[-1].bus_port = options["cluster-port"]
        self._join()

    @property
    def urls(self) -> list[str]:
        return [f"rediss://127.0.0.1:{node.tls_port}" if node.tls_port else node.url.removesuffix("/0") for node in self.nodes]

    def _join(self) -> None:
        share = SLOTS / len(self.nodes)
        for number, node in enumerate(self.nodes):
            node.call("CLUSTER", "ADDSLOTSRANGE", round(number * share), round((number + 1) * share) - 1)
            node.call("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in self.nodes[1:]:
            node.call("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].tls_port or self.nodes[0].port, self.nodes[0].bus_port)
        eventually(lambda: all(self._is_whole(node) for node in self.nodes), 20, "the cluster is whole")
        self.ids = [node.call("CLUSTER", "MYID").decode() for node in self.nodes]

    def _is_whole(self, node: RedisServer) -> bool:
        told = dict(line.split(":") for line in node.call("CLUSTER", "INFO").decode().split())
        return told["cluster_state"] == "ok" and told["cluster_known_nodes"] == str(len(self.nodes)) and told["cluster_slots_ok"] == str(SLOTS)

    def each(self, *words: Any) -> list[Any]:
        return [node.call(*words) for node in self.nodes]

    def size(self) -> int:
        return sum(self.each("DBSIZE"))

    def slots_in_use(self, node: int) -> list[int]:
        """Slots of this node that have keys."""
        with self.nodes[node].client() as client:
            keys = client.call("KEYS", "*")
            return sorted({client.call("CLUSTER", "KEYSLOT", key) for key in keys})

    def move(self, slot: int, source: int, target: int, midway: Callable[[], None] = lambda: None) -> int:
        """Moves a slot with its keys, as `redis-cli --cluster reshard` does; `midway` runs while half of it is here and half there. How many keys."""
        moved = 0
        with self.nodes[source].client() as giver, self.nodes[target].client() as taker:
            taker.call("CLUSTER", "SETSLOT", slot, "IMPORTING", self.ids[source])
            giver.call("CLUSTER", "SETSLOT", slot, "MIGRATING", self.ids[target])
            midway()
            while keys := giver.call("CLUSTER", "GETKEYSINSLOT", slot, 50):
                giver.call("MIGRATE", "127.0.0.1", self.nodes[target].port, "", 0, 5000, "REPLACE", "KEYS", *keys)
                moved += len(keys)
            self._assign(slot, target, taker, giver)
        return moved

    def _assign(self, slot: int, target: int, taker: RESPClient, giver: RESPClient) -> None:
        # The taker first: it is never said of the slot that nobody has it.
        for client in (taker, giver):
            client.call("CLUSTER", "SETSLOT", slot, "NODE", self.ids[target])
        for node in self.nodes:
            try:
                node.call("CLUSTER", "SETSLOT", slot, "NODE", self.ids[target])
            except (RedisRefusal, OSError):
                # One that is down hears of it from the others.
                pass

    def close(self) -> None:
        for node in self.nodes:
            node.close()
