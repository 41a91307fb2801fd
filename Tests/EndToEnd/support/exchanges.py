"""Requests over HTTP with their responses, and whether every message in them is what the schema of its revision says."""

import itertools
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .http1 import HTTPMessage
from .oracle import MODERN, REVISIONS, Between, SchemaOracle, revision_of

_PAGES = ("/healthz", "/readyz", "/metrics")


@dataclass
class Exchange:
    """`faulty` says that the request is wrong on purpose: only what was answered is judged."""

    request: HTTPMessage
    response: HTTPMessage | None
    faulty: bool = False


class _Passed:
    """What one exchange carried: the messages that were sent, and those that came back. `conversation` is the session, if there is one."""

    def __init__(self, exchange: Exchange) -> None:
        request, response = exchange.request, exchange.response
        self.faulty = exchange.faulty
        self.status = response.status if response else 0
        self.version = request.header("mcp-protocol-version")
        self.unreadable: list[str] = []
        self.is_page = request.target.split("?")[0].rstrip("/") in _PAGES
        self.sent = self._read(request) if request.method == "POST" and request.complete and not self.is_page else []
        self.heard = _flat(response.messages()) if response else []
        # A session of 2024-11-05 is known by where its messages are posted.
        of_session = request.header("mcp-session-id") or response and (response.header("mcp-session-id") or response.endpoint())
        self.conversation = of_session or request.target

    def _read(self, request: HTTPMessage) -> list[Any]:
        try:
            sent = json.loads(request.body)
        except ValueError:
            self.unreadable = [] if self.faulty else [f"a client sent no JSON: {request.body[:200]!r}"]
            return []
        return sent if isinstance(sent, list) else [sent]


class Exchanges:
    """Judges exchanges that belong together: an answer may come in another one than its question."""

    def __init__(self, oracle: SchemaOracle, between: Between) -> None:
        self._oracle, self._between = oracle, between
        self._versions: dict[str, str] = {}
        # What was asked, by conversation, whether the client asked, and the id.
        self._asked: defaultdict[tuple[str, bool, str], set[str]] = defaultdict(set)

    def problems(self, exchanges: Iterable[Exchange]) -> list[str]:
        passed = [_Passed(exchange) for exchange in exchanges]
        for each in passed:
            self._learn_questions(each)
        for each in passed:
            self._learn_version(each)
        return [problem for each in passed for problem in (*each.unreadable, *self._of_sent(each), *self._of_heard(each))]

    def _learn_questions(self, passed: _Passed) -> None:
        for by_client, messages in ((True, passed.sent), (False, passed.heard)):
            for message in messages:
                if isinstance(message, dict) and "id" in message and isinstance(message.get("method"), str):
                    self._asked[passed.conversation, by_client, _key(message)].add(message["method"])

    def _learn_version(self, passed: _Passed) -> None:
        for message in passed.heard:
            result = message.get("result") if isinstance(message, dict) else None
            if isinstance(result, dict) and "protocolVersion" in result and "initialize" in self._methods(passed, True, message):
                self._versions[passed.conversation] = result["protocolVersion"]

    def _methods(self, passed: _Passed, by_client: bool, answer: dict[str, Any]) -> set[str]:
        return self._asked.get((passed.conversation, by_client, _key(answer)), set())

    def _revision(self, passed: _Passed, message: Any = None) -> str:
        revision = revision_of(message, passed.version, self._versions.get(passed.conversation))
        return MODERN if passed.faulty and revision not in REVISIONS else revision

    def _of_sent(self, passed: _Passed) -> list[str]:
        if passed.faulty:
            return []
        found = []
        for message in passed.sent:
            methods = self._methods(passed, False, message) if _is_answer(message) else set()
            found += self._check("→", message, self._revision(passed, message), methods)
        return found

    def _of_heard(self, passed: _Passed) -> list[str]:
        found = []
        for message in passed.heard:
            is_rpc = isinstance(message, dict) and "jsonrpc" in message
            # Health pages are no messages, and a refusal by HTTP status need not be one.
            if not is_rpc and (passed.is_page or passed.status >= 400):
                continue
            question = next((sent for sent in passed.sent if _is_answer(message) and _answers(message, sent)), None)
            if question is None and _is_answer(message) and message.get("id") is not None and passed.sent and not passed.faulty:
                found.append(f"← id {message['id']!r} answers {[sent.get('id') for sent in passed.sent]}: {_short(message)}")
            methods = {question["method"]} if question else self._methods(passed, True, message) if _is_answer(message) else set()
            if not methods and not passed.sent and not passed.faulty and _is_answer(message) and "result" in message:
                found.append(f"← answers nothing that was asked: {_short(message)}")
            revision = self._revision(passed, question or next(iter(passed.sent), None))
            if "initialize" in methods and isinstance(message.get("result"), dict):
                revision = message["result"].get("protocolVersion", revision)
            found += self._check("←", message, revision, methods)
        return found

    def _check(self, arrow: str, message: Any, revision: str, methods: set[str]) -> list[str]:
        """An id may have been used for several questions: the message has to answer one of them."""
        first, *others = sorted(methods) or [None]
        found = self._oracle.problems(message, revision, first, self._between)
        for method in others:
            found = found and self._oracle.problems(message, revision, method)
        return [f"{arrow} {problem}: {_short(message)}" for problem in found]


def _flat(messages: list[Any]) -> list[Any]:
    """Each message on its own: 2025-03-26 alone has batches."""
    return list(itertools.chain.from_iterable(message if isinstance(message, list) else [message] for message in messages))


def _is_answer(message: Any) -> bool:
    return isinstance(message, dict) and "id" in message and "method" not in message


def _answers(message: dict[str, Any], sent: Any) -> bool:
    return isinstance(sent, dict) and isinstance(sent.get("method"), str) and "id" in sent and _key(message) == _key(sent)


def _key(message: dict[str, Any]) -> str:
    """Of the id; that of another type is another one."""
    return json.dumps(message["id"])


def _short(message: Any) -> str:
    return json.dumps(message)[:300]
