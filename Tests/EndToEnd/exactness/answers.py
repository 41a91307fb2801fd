"""What an answer is when two are compared: the bytes that the server wrote, without what differs on every call."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

_DECODER = json.JSONDecoder()
# What the server says of the time that it took, and of the request that failed; and the tokens of next pages, which mean something to the
# provider only, beside the request that they were given out for.
_VOLATILE = [
    re.compile(pattern)
    for pattern in (r'"duration_ms":\d+', r'"request_id":"[^"]*"', r'"full_response":"(?:[^"\\]|\\.)*"', r'"(?:NextPageToken|next_token)":"[^"]*"')
]
_TOKEN = re.compile(r'"(?:NextPageToken|next_token)":"([^"]*)"')


@dataclass(frozen=True)
class Normal:
    """The text and the structured content of one result, byte for byte but for the response metadata, and what the result says beside them."""

    text: str
    structured: str
    is_error: bool
    others: str
    # Where the provider goes on; no part of the comparison, but whether there is one is.
    token: str | None = field(default=None, compare=False)

    @classmethod
    def of(cls, response: bytes) -> "Normal":
        """From a JSON-RPC response. An error of the protocol is an answer too."""
        body = response.decode()
        message = json.loads(body)
        result = message.get("result")
        if not isinstance(result, dict):
            return cls("", "", True, json.dumps(message.get("error"), sort_keys=True))
        content = result.get("content") or []
        texts = [part["text"] for part in content if part.get("type") == "text"]
        assert len(texts) == len(content) == 1, f"not one text: {body[:300]}"
        known = ("content", "structuredContent", "isError", "_meta", "resultType")
        others = {name: value for name, value in result.items() if name not in known}
        return cls(
            without_metadata(texts[0]),
            without_metadata(member(body, "structuredContent") or ""),
            bool(result.get("isError")),
            json.dumps(others, sort_keys=True),
            found.group(1) if (found := _TOKEN.search(texts[0])) else None,
        )

    def value(self) -> Any:
        """For a comparison that does not care in which order the members of an object stand. The order of arrays and every amount count."""
        return self.is_error, self.others, _parsed(self.text), _parsed(self.structured)

    @property
    def is_throttled(self) -> bool:
        return self.is_error and "LimitExceeded" in self.text


def member(body: str, name: str) -> str | None:
    """The JSON text of a member whose name stands nowhere else in the body as a name. Within a string its quotes would be escaped."""
    found = body.find(f'"{name}":')
    if found < 0:
        return None
    begin = found + len(name) + 3
    while body[begin] in " \t\r\n":
        begin += 1
    return body[begin : _DECODER.raw_decode(body, begin)[1]]


def without_metadata(text: str) -> str:
    """Cuts the member ResponseMetadata with one comma, and levels what differs on every call."""
    found = text.find('"ResponseMetadata":')
    if found >= 0:
        begin = found + len('"ResponseMetadata":')
        end = _DECODER.raw_decode(text, begin)[1]
        if text[found - 1] == ",":
            found -= 1
        elif text[end] == ",":
            end += 1
        text = text[:found] + text[end:]
    for pattern in _VOLATILE:
        if pattern.search(text):
            text = pattern.sub(lambda match: match.group().partition(":")[0] + ":0", text)
    return text


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def first_difference(expected: Normal, got: Normal) -> str:
    """Where two answers part, for a person to read."""
    for name in ("is_error", "others", "text", "structured"):
        one, other = str(getattr(expected, name)), str(getattr(got, name))
        if one != other:
            at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
            return f"{name} at {at}: direct …{one[max(0, at - 120) : at + 120]}… through Weir …{other[max(0, at - 120) : at + 120]}…"
    return "no difference"
