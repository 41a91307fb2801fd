"""What a scenario can do with a client, whichever SDK it is from."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from .answers import answer
from .recorder import Recorder, Tap

# Long enough for a busy machine; where a feature is missing, a scenario waits so long in vain.
PATIENCE = 1.5
# Replicas of a fleet tell changes a second later, and up to three where more changes follow.
HEARING = 5.0
TIMEOUT = 5.0


class ParityClient:
    """A connection of one scenario. A subclass opens it and says how its SDK sends each method."""

    era = "legacy"

    def __init__(self, url: str, able: bool = True) -> None:
        self.url = url
        self.able = able
        self.recorder = Recorder()
        self.deaf = False
        self._stream_open = asyncio.Event()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["ParityClient"]:
        raise NotImplementedError
        yield self

    async def send(self, method: str, **given: Any) -> Any:
        raise NotImplementedError

    async def abandon(self, request_id: Any) -> None:
        """Says that a request is given up, where the SDK does not do so by itself."""

    @contextlib.asynccontextmanager
    async def listening(self, *uris: str) -> AsyncIterator[None]:
        """While it lasts the client hears of changes."""
        await self.wait(self._stream_open.is_set)
        for uri in uris:
            await self.do("resources/subscribe", uri=uri)
        yield
        for uri in uris:
            await self.do("resources/unsubscribe", uri=uri)

    # For the scenarios

    async def do(self, method: str, **given: Any) -> dict[str, Any]:
        """Sends a request and waits; the last result, or an empty object where there was an error."""
        subject = given.get("name") or given.get("uri") or given.get("cursor") or ""
        step = self.recorder.begin(method.split()[0], f"{method} {subject}".strip())
        try:
            await self.send(method, **given)
        except Exception as problem:
            step["raised"] = type(problem).__name__
            self.deaf |= method == "resources/subscribe"
        return next((response["result"] for response in reversed(step["responses"]) if "result" in response), {})

    async def call(self, name: str, **options: Any) -> dict[str, Any]:
        return await self.do("tools/call", name=name, **options)

    async def give_up(self, name: str, arguments: dict[str, Any]) -> None:
        """Calls a tool, and cancels the call as soon as there is progress."""
        before = self.recorder.heard("notifications/progress")
        calling = asyncio.create_task(self.call(name, arguments=arguments, progress=True))
        await self.wait(lambda: self.recorder.heard("notifications/progress") > before or calling.done())
        if not calling.done():
            self.recorder.steps[-1]["cancelled"] = True
            await self.abandon(self.recorder.latest("tools/call"))
            calling.cancel()
        await asyncio.wait([calling], timeout=PATIENCE)

    async def wait(self, condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Until it holds, or there is no more patience: what is missing then is missing in the recording."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not condition() and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)

    async def wait_for(self, method: str, count: int = 1, seconds: float = HEARING) -> None:
        """Once a notification has not come in time, no other is waited for."""
        if not self.deaf:
            await self.wait(lambda: self.recorder.heard(method) >= count, seconds)
            self.deaf = self.recorder.heard(method) < count

    # For the subclasses

    def tapped(self, reader: Any, writer: Any) -> tuple[Tap, Tap]:
        return Tap(reader, self.recorder.received), Tap(writer, self.recorder.sent)

    def answer(self, method: str, params: Any, result: Any) -> Any:
        """The user's answer as the SDK's `result` type; `params` is the SDK's object."""
        seen = params.model_dump(by_alias=True, mode="json", exclude_none=True) if params else {}
        self.recorder.question(method, seen)
        return result.model_validate(answer(method, seen))

    async def watch(self, response: Any) -> None:
        """For the event hooks of an HTTP client: the stream of changes is open."""
        if response.request.method == "GET":
            self._stream_open.set()
