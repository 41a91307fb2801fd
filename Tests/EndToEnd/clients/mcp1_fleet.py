"""Sessions of the 1.x client against a fleet, run with a Python of its own: ``python mcp1_fleet.py URL COUNT PAUSE KEY``.

Each of COUNT clients opens a session, lists, calls, is asked, subscribes and hears a change, and ends its session, with PAUSE seconds between two steps.
Prints one JSON list with what each saw, its session's id included.
"""

import asyncio
import json
import sys
from typing import Any

from mcp import ClientSession, types
from mcp.client.streamable_http import streamablehttp_client
from pydantic import AnyUrl

URI = "test://watched-resource"


async def one(number: int, url: str, pause: float, key: str) -> dict[str, Any]:
    heard: list[str] = []
    asked: list[str] = []
    changed = asyncio.Event()

    async def elicit(context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        asked.append(params.message)
        return types.ElicitResult(action="accept", content={"response": f"answer {number}", "email": "a@example.com"})

    async def hear(message: Any) -> None:
        if isinstance(message, types.ServerNotification):
            heard.append(message.root.method)
            if message.root.method == "notifications/resources/updated":
                changed.set()

    seen: dict[str, Any] = {}
    headers = {"Authorization": f"Bearer {key}"}
    async with streamablehttp_client(url, headers=headers) as (reader, writer, session_id), ClientSession(
        reader, writer, elicitation_callback=elicit, message_handler=hear
    ) as session:
        await session.initialize()
        seen["session"] = session_id()
        seen["tools"] = len((await session.list_tools()).tools)
        await asyncio.sleep(pause)
        progress: list[float] = []

        async def on_progress(done: float, total: float | None, message: str | None) -> None:
            progress.append(done)

        answers = []
        for step in range(3):
            result = await session.call_tool("test_elicitation", {"message": f"client {number}, step {step}"})
            answers.append(result.content[0].text)
            await asyncio.sleep(pause)
        await session.call_tool("test_tool_with_progress", {}, progress_callback=on_progress)
        await session.set_logging_level("warning")
        await session.subscribe_resource(AnyUrl(URI))
        # Its stream may not be open yet.
        for _ in range(40):
            await session.call_tool("test_trigger_resource_update", {"uri": URI})
            try:
                await asyncio.wait_for(changed.wait(), 0.5)
                break
            except TimeoutError:
                pass
        seen |= {"asked": asked, "answers": answers, "progress": progress, "heard": sorted(set(heard)), "updated": changed.is_set()}
    return seen


async def main(url: str, count: str, pause: str, key: str) -> None:
    print(json.dumps(await asyncio.gather(*(one(number, url, float(pause), key) for number in range(int(count))))))


asyncio.run(main(*sys.argv[1:]))
