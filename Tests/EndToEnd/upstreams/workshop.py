"""An upstream on the current MCP SDK, with tools that the AWS servers don't have: progress, a crash, a count of its calls, large results.

``python workshop.py`` speaks on standard input and output; ``python workshop.py PORT`` over Streamable HTTP on loopback.
"""

import asyncio
import os
import sys

import uvicorn
from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("workshop")
calls = 0


@server.tool()
async def march(ctx: Context, steps: int, pause: float = 0.05) -> str:
    """Reports every step."""
    global calls
    calls += 1
    for step in range(1, steps + 1):
        await asyncio.sleep(pause)
        await ctx.report_progress(step, steps, f"step {step}")
    return f"{steps} steps"


@server.tool()
async def tally() -> int:
    """How often this process was called."""
    global calls
    calls += 1
    return calls


@server.tool()
async def pid() -> int:
    """Which process answers."""
    return os.getpid()


@server.tool()
async def echo(text: str) -> str:
    """The text."""
    return text


@server.tool()
async def large(size: int) -> str:
    """So many letters."""
    return "x" * size


@server.tool()
async def crash() -> str:
    """Ends the process in the middle of the call."""
    os._exit(3)


if len(sys.argv) > 1:
    # Weir keeps a stream open to hear of changes: whoever ends the server waits for it no longer than this.
    uvicorn.run(server.streamable_http_app(stateless_http=True), host="127.0.0.1", port=int(sys.argv[1]), timeout_graceful_shutdown=1)
else:
    server.run("stdio")
