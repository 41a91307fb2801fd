"""The client of the 1.x line, run with a Python of its own: ``python mcp1.py URL TOOL ARGUMENTS``. Prints one JSON object with what it saw."""

import asyncio
import json
import sys

from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client


async def main(url: str, tool: str, arguments: str) -> None:
    progress: list[float] = []

    async def on_progress(done: float, total: float | None, message: str | None) -> None:
        progress.append(done)

    async with streamablehttp_client(url) as (reader, writer, session_id), ClientSession(reader, writer) as session:
        initialized = await session.initialize()
        await session.send_ping()
        tools = await session.list_tools()
        results = [
            (await session.call_tool(tool, json.loads(arguments), progress_callback=on_progress)).model_dump(by_alias=True, mode="json")
            for _ in range(2)
        ]
        seen = {
            "protocolVersion": initialized.protocolVersion,
            "session": session_id(),
            "tools": [tool.name for tool in tools.tools],
            "results": results,
            "progress": progress,
        }
    print(json.dumps(seen))


asyncio.run(main(*sys.argv[1:]))
