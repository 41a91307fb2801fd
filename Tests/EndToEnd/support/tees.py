"""What is said over standard input and output, to Weir's child processes and to Weir itself: recorded by a tee before each command, and judged."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil

from .oracle import META_VERSION, MODERN, REVISIONS, Between, SchemaOracle, revision_of
from .paths import END_TO_END

_UP, _DOWN = "up", "down"
_ARROWS = {_UP: "→", _DOWN: "←"}


class Tees:
    """The recordings of a run. `problems` judges what was recorded since it was last asked."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="weir-tees-")
        # By the folder of each command, who speaks there and whether what is told the command is wrong on purpose.
        self._commands: dict[Path, tuple[Between, bool]] = {}
        self._conversations: dict[Path, _Conversation] = {}

    def before(self, command: list[str], between: Between = Between.CHILDREN, faulty: bool = False) -> list[str]:
        """The same command behind a tee. Where what it is told is `faulty` on purpose only what it says is judged."""
        folder = tempfile.mkdtemp(dir=self._folder.name)
        self._commands[Path(folder)] = between, faulty
        return [sys.executable, "-IS", str(END_TO_END / "support" / "tee.py"), folder, *command]

    def problems(self, oracle: SchemaOracle) -> list[str]:
        found: list[str] = []
        for folder, (between, faulty) in self._commands.items():
            for up in sorted(folder.glob(f"*.{_UP}")):
                conversation = self._conversations.setdefault(up, _Conversation(up, between, faulty))
                is_over = not psutil.pid_exists(int(up.stem))
                found += conversation.problems(oracle)
                if is_over:
                    self._conversations.pop(up).forget()
        return found


class _Conversation:
    """Of one process."""

    def __init__(self, up: Path, between: Between, faulty: bool) -> None:
        self._between, self._faulty = between, faulty
        self._paths = {_UP: up, _DOWN: up.with_suffix(f".{_DOWN}")}
        self._read = {_UP: 0, _DOWN: 0}
        self._early: list[bytes] = []
        self._negotiated: str | None = None
        # Every request, by who asked and its id.
        self._asked: dict[tuple[str, str], dict[str, Any]] = {}

    def problems(self, oracle: SchemaOracle) -> list[str]:
        # What an answer answers has to have been read: of what is said while this reads, the questions are learnt and the rest comes next time.
        up = self._early + self._lines(_UP)
        down = self._lines(_DOWN)
        self._early = self._lines(_UP)
        self._learn(up + self._early, down)
        told = [] if self._faulty else self._judge_all(up, _UP, oracle)
        return told + self._judge_all(down, _DOWN, oracle)

    def forget(self) -> None:
        for path in self._paths.values():
            path.unlink(missing_ok=True)

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

    def _learn(self, up: list[bytes], down: list[bytes]) -> None:
        said = [(way, message) for way, lines in ((_UP, up), (_DOWN, down)) for line in lines for message in _parse(line)]
        for way, message in said:
            if isinstance(message, dict) and "method" in message:
                if "id" in message:
                    self._asked[way, json.dumps(message["id"])] = message
                self._negotiated = _named_version(message) or self._negotiated
        for way, message in said:
            if isinstance(message, dict) and isinstance(message.get("result"), dict) and "id" in message:
                method = self._question(message, way).get("method")
                if method == "initialize":
                    self._negotiated = message["result"].get("protocolVersion")
                elif method == "server/discover":
                    self._negotiated = MODERN

    def _question(self, answer: dict[str, Any], way: str) -> dict[str, Any]:
        return self._asked.get((_DOWN if way == _UP else _UP, json.dumps(answer["id"])), {})

    def _judge_all(self, lines: list[bytes], way: str, oracle: SchemaOracle) -> list[str]:
        found = []
        for line in lines:
            is_batch = line.lstrip().startswith(b"[")
            messages = [None] if is_batch and self._negotiated != "2025-03-26" else _parse(line)
            problems = [problem for message in messages for problem in self._judge(message, way, oracle)]
            found += [f"{_ARROWS[way]} {problem}: {line[:300].decode(errors='replace')}" for problem in problems]
        return found

    def _judge(self, message: Any, way: str, oracle: SchemaOracle) -> list[str]:
        if not isinstance(message, dict):
            return ["is no message"]
        if "method" in message or message.get("id") is None:
            return oracle.problems(message, revision_of(message, None, self._negotiated), None, self._between)
        question = self._question(message, way)
        if not question and not self._faulty:
            return ["answers nothing that was asked"]
        method, revision = question.get("method"), revision_of(question, None, self._negotiated)
        if method == "initialize" and isinstance(message.get("result"), dict):
            revision = message["result"].get("protocolVersion", revision)
        return oracle.problems(message, revision, method, self._between)


def _parse(line: bytes) -> list[Any]:
    """The messages of a line: 2025-03-26 has batches."""
    try:
        found = json.loads(line)
    except ValueError:
        return [None]
    return found if isinstance(found, list) else [found]


def _named_version(message: dict[str, Any]) -> str | None:
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    version = meta.get(META_VERSION) if isinstance(meta, dict) else None
    return version if version in REVISIONS else None


TEES = Tees()
