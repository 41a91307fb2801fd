"""The client of the 1.x line over standard input and output, run with a Python of its own: ``python mcp1_stdio.py TOOL ARGUMENTS COMMAND…``."""

import asyncio
import json
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main(tool: str, arguments: str, command: str, *options: str) -> None:
    progress: list[float] = []

    async def on_progress(done: float, total: float | None, message: str | None) -> None:
        progress.append(done)

    server = StdioServerParameters(command=command, args=list(options))
    async with stdio_client(server) as (reader, writer), ClientSession(reader, writer) as session:
        initialized = await session.initialize()
        await session.send_ping()
        tools = await session.list_tools()
        results = [
            (await session.call_tool(tool, json.loads(arguments), progress_callback=on_progress)).model_dump(by_alias=True, mode="json")
            for _ in range(2)
        ]
        seen = {
            "protocolVersion": initialized.protocolVersion,
            "tools": [tool.name for tool in tools.tools],
            "results": results,
            "progress": progress,
        }
    print(json.dumps(seen))


asyncio.run(main(*sys.argv[1:]))
