"""Writes down what a client observes: of the wire itself, so that nothing is lost which an SDK leaves out."""

from typing import Any

_SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
_WITHIN_A_REQUEST = ("notifications/progress", "notifications/message")


class Recorder:
    """Everything in a recording is JSON. Ids and tokens that the client itself chose are left out."""

    def __init__(self) -> None:
        self.opening: list[dict[str, Any]] = []
        self.steps: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.changes: list[dict[str, Any]] = []
        self._requests: dict[Any, tuple[str, dict[str, Any] | None]] = {}

    def recording(self) -> dict[str, Any]:
        for step in self.steps:
            if step.get("cancelled"):
                # Whether a server still answers what was cancelled is left to it, and to chance.
                step["responses"] = []
        return {"steps": self.steps, "asked": self.asked, "changes": self.changes}

    def begin(self, method: str, label: str) -> dict[str, Any]:
        step = {"did": label, "method": method, "responses": [], "notifications": []}
        self.steps.append(step)
        return step

    def latest(self, method: str) -> Any:
        """The id of the last request of a method."""
        return next(identifier for identifier, (sent, _) in reversed(self._requests.items()) if sent == method)

    def heard(self, method: str) -> int:
        """How many notifications of a method have come."""
        within = sum(note["method"] == method for step in self.steps for note in step["notifications"])
        return within + sum(change["method"] == method for change in self.changes)

    def sent(self, message: Any) -> None:
        method, identifier = getattr(message, "method", None), getattr(message, "id", None)
        if method and identifier is not None:
            # SDKs list the tools on their own before and after calls, which is none of the step's business.
            step = self.steps[-1] if self.steps and self.steps[-1]["method"] == method else None
            self._requests[identifier] = (method, step)

    def received(self, message: Any) -> None:
        method, identifier = getattr(message, "method", None), getattr(message, "id", None)
        if method and identifier is None:
            self._notified(method, getattr(message, "params", None) or {})
        elif not method and identifier in self._requests:
            self._answered(self._requests[identifier][1], message)

    def question(self, method: str, params: dict[str, Any]) -> None:
        """What the client's user was asked."""
        self.asked.append({"method": method, "params": params})

    def _notified(self, method: str, params: dict[str, Any]) -> None:
        params = {key: value for key, value in params.items() if key != "progressToken"}
        meta = params.get("_meta") or {}
        if self._requests.get(meta.get(_SUBSCRIPTION), ("", None))[0] == "subscriptions/listen":
            params["_meta"] = meta | {_SUBSCRIPTION: "the id of the request"}
        note = {"method": method, "params": params}
        if method in _WITHIN_A_REQUEST and self.steps:
            self.steps[-1]["notifications"].append(note)
        else:
            self.changes.append(note)

    def _answered(self, step: dict[str, Any] | None, message: Any) -> None:
        error = getattr(message, "error", None)
        if error is None:
            answer = {"result": message.result}
        else:
            answer = {"error": {"code": error.code, "message": error.message} | ({} if error.data is None else {"data": error.data})}
        if step is not None:
            step["responses"].append(answer)
        elif not self.steps:
            self.opening.append(answer)


class Tap:
    """A stream of an SDK with the recorder listening: either end of it, of any SDK."""

    def __init__(self, stream: Any, note: Any) -> None:
        self._stream, self._note = stream, note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _see(self, item: Any) -> Any:
        message = getattr(item, "message", None)
        if message is not None:
            self._note(getattr(message, "root", message))
        return item

    async def __aenter__(self) -> "Tap":
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *problem: Any) -> Any:
        return await self._stream.__aexit__(*problem)

    def __aiter__(self) -> "Tap":
        return self

    async def __anext__(self) -> Any:
        return self._see(await self._stream.__anext__())

    async def receive(self) -> Any:
        return self._see(await self._stream.receive())

    async def send(self, item: Any) -> None:
        await self._stream.send(self._see(item))
