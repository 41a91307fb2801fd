"""A real server asked without Weir: what Weir's answers are held against."""

import hashlib
import json
import queue
import sqlite3
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .answers import Normal
from .session import Session

EMULATOR = Path(__file__).resolve().parents[1] / "emulator"


class Direct:
    """Asks every question once and remembers the answer: the emulator gives the same one whenever it is asked on the same day.

    With `file`, answers outlive the process. They belong to a `setting` (seed, day, size of a page, server) and to the emulator's source.
    """

    def __init__(
        self, start: Callable[[], Session], processes: int = 2, file: Path | None = None, setting: str = "", tool: str = "cost-explorer"
    ) -> None:
        self.asked = 0
        self.tool = tool
        self._setting = f"{setting}/{_digest_of_emulator()}"
        self._lock = threading.Lock()
        self._kept = sqlite3.connect(file or ":memory:", check_same_thread=False)
        self._kept.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer BLOB)")
        self._sessions: queue.Queue[Session] = queue.Queue()
        self._all = [start() for _ in range(processes)]
        for session in self._all:
            self._sessions.put(session)

    def answer(self, arguments: dict[str, Any], setting: str = "") -> Normal:
        """What the server says. `setting` tells apart what changes meanwhile, such as the emulator's day."""
        key = hashlib.sha256(f"{self.tool}/{self._setting}/{setting}/{json.dumps(arguments)}".encode()).hexdigest()
        with self._lock:
            row = self._kept.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
        if row:
            return Normal(**json.loads(zlib.decompress(row[0])))
        session = self._sessions.get()
        try:
            normal = Normal.of(session.call(self.tool, arguments))
        finally:
            self._sessions.put(session)
        with self._lock:
            self.asked += 1
            packed = zlib.compress(json.dumps(normal.__dict__).encode(), 1)
            self._kept.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (key, packed))
            if self.asked % 100 == 0:
                self._kept.commit()
        return normal

    def close(self) -> None:
        for session in self._all:
            session.close()
        self._kept.commit()
        self._kept.close()


def _digest_of_emulator() -> str:
    """Another emulator may give other answers."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(EMULATOR.glob("*.py")))).hexdigest()[:16]
