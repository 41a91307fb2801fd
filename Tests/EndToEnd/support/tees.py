"""What Weir and its child processes say to each other: recorded by a tee before each command, judged by the schema oracle."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from .oracle import MODERN, SchemaOracle, revision_of
from .paths import END_TO_END

_UP, _DOWN = "up", "down"
_ARROWS = {_UP: "→", _DOWN: "←"}


class Tees:
    """The recordings of a run. `problems` judges what was recorded since it was last asked."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="weir-tees-")
        self._conversations: dict[Path, _Conversation] = {}

    def before(self, command: list[str]) -> list[str]:
        """The same command behind a tee."""
        folder = tempfile.mkdtemp(dir=self._folder.name)
        return [sys.executable, "-IS", str(END_TO_END / "support" / "tee.py"), folder, *command]

    def problems(self, oracle: SchemaOracle) -> list[str]:
        found: list[str] = []
        for up in sorted(Path(self._folder.name).glob(f"*/*.{_UP}")):
            found += self._conversations.setdefault(up, _Conversation(up)).problems(oracle)
        return found

    @property
    def judged(self) -> int:
        """How many messages were, so far."""
        return sum(conversation.judged for conversation in self._conversations.values())


class _Conversation:
    """Of one process."""

    def __init__(self, up: Path) -> None:
        self.judged = 0
        self._paths = {_UP: up, _DOWN: up.with_suffix(f".{_DOWN}")}
        self._read = {_UP: 0, _DOWN: 0}
        self._negotiated: str | None = None
        # Every request, by who asked and its id.
        self._asked: dict[tuple[str, str], dict[str, Any]] = {}

    def problems(self, oracle: SchemaOracle) -> list[str]:
        # Answers of the command are read first, so that what they answer has been read as well. These commands ask nothing themselves.
        down = self._lines(_DOWN)
        up = self._lines(_UP)
        self._learn(up, _UP)
        self._learn(down, _DOWN)
        return self._judge_all(up, _UP, oracle) + self._judge_all(down, _DOWN, oracle)

    def _lines(self, way: str) -> list[bytes]:
        """The whole lines that have come since."""
        try:
            with self._paths[way].open("rb") as file:
                file.seek(self._read[way])
                data = file.read()
        except FileNotFoundError:
            return []
        end = data.rfind(b"\n") + 1
        self._read[way] += end
        return [line for line in data[:end].split(b"\n") if line.strip()]

    def _learn(self, lines: list[bytes], way: str) -> None:
        for line in lines:
            message = _parse(line)
            if not isinstance(message, dict) or "id" not in message:
                continue
            if "method" in message:
                self._asked[way, json.dumps(message["id"])] = message
            elif isinstance(message.get("result"), dict):
                method = self._question(message, way).get("method")
                if method == "initialize":
                    self._negotiated = message["result"].get("protocolVersion")
                elif method == "server/discover":
                    self._negotiated = MODERN

    def _question(self, answer: dict[str, Any], way: str) -> dict[str, Any]:
        return self._asked.get((_DOWN if way == _UP else _UP, json.dumps(answer["id"])), {})

    def _judge_all(self, lines: list[bytes], way: str, oracle: SchemaOracle) -> list[str]:
        self.judged += len(lines)
        return [f"{_ARROWS[way]} {problem}: {line[:300].decode(errors='replace')}" for line in lines for problem in self._judge(line, way, oracle)]

    def _judge(self, line: bytes, way: str, oracle: SchemaOracle) -> list[str]:
        message = _parse(line)
        if not isinstance(message, dict):
            return ["is no message"]
        if "method" in message or message.get("id") is None:
            return oracle.problems(message, revision_of(message, None, self._negotiated))
        question = self._question(message, way)
        if not question:
            return ["answers nothing that was asked"]
        method, revision = question["method"], revision_of(question, None, self._negotiated)
        if method == "initialize" and isinstance(message.get("result"), dict):
            revision = message["result"].get("protocolVersion", revision)
        return oracle.problems(message, revision, method)


def _parse(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


TEES = Tees()
