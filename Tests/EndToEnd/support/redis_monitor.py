"""What clients send to a Redis, command by command; what scripts do inside is left out."""

import re
import threading
from collections import Counter

from .processes import eventually
from .resp import RESPClient

# time [database address] "COMMAND" "argument" …; a script's own commands say `lua` in the place of the address.
LINE = re.compile(r'^[\d.]+ \[\d+ (\S+)\] "((?:[^"\\]|\\.)*)"(.*)$', re.DOTALL)


class RedisMonitor:
    """`with RedisMonitor(port) as monitor:` remembers the commands meanwhile. `about(text)` are those whose arguments contain it."""

    def __init__(self, port: int) -> None:
        self._client = RESPClient(port, timeout=0.2)
        self.port = port
        self.commands: list[tuple[str, str]] = []

    def __enter__(self) -> "RedisMonitor":
        assert self._client.call("MONITOR") == b"OK"
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def _read(self) -> None:
        pending = b""
        while True:
            try:
                data = self._client._socket.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                return
            if not data:
                return
            *lines, pending = (pending + data).split(b"\r\n")
            for line in lines:
                match = LINE.match(line.removeprefix(b"+").decode(errors="replace"))
                if match and match[1] != "lua":
                    self.commands.append((match[2].upper(), match[3]))

    def settle(self) -> None:
        """Until everything that was sent before now has been seen."""
        mark = f"mark-{id(self)}-{len(self.commands)}"
        with RESPClient(self.port) as client:
            client.call("ECHO", mark)
        eventually(lambda: any(mark in arguments for _, arguments in list(self.commands)), 5, "what was sent is seen", pause=0.005)

    def about(self, pattern: str) -> Counter[str]:
        self.settle()
        return Counter(name for name, arguments in self.commands if re.search(pattern, arguments))

    def forget(self) -> None:
        self.settle()
        self.commands = []

    def __exit__(self, *exc: object) -> None:
        self._client._socket.close()
