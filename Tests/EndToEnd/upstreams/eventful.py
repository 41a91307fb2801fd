"""A server of the 1.x SDK over HTTP+SSE, the transport of 2024-11-05: ``eventful.py PORT``, with that SDK's Python. The stream is at /sse."""

import asyncio
import os
import sys

from mcp.server.fastmcp import Context, FastMCP
from mcp.types import SamplingMessage, TextContent
from pydantic import BaseModel

server = FastMCP("eventful", host="127.0.0.1", port=int(sys.argv[1]), log_level="ERROR")


class Name(BaseModel):
    name: str


@server.tool()
def echo(text: str) -> str:
    return text


@server.tool()
def pid() -> int:
    return os.getpid()


marches = 0


@server.tool()
def begun() -> int:
    """How many marches have begun."""
    return marches


@server.tool()
async def march(steps: int, pause: float, context: Context) -> str:
    global marches
    marches += 1
    for step in range(1, steps + 1):
        await context.report_progress(step, steps, f"step {step}")
        await asyncio.sleep(pause)
    return f"{steps} steps"


@server.tool()
async def greet(context: Context) -> str:
    answer = await context.elicit("Who are you?", Name)
    return f"Hello, {answer.data.name}" if answer.action == "accept" else answer.action


@server.tool()
async def reckon(question: str, context: Context) -> str:
    message = SamplingMessage(role="user", content=TextContent(type="text", text=question))
    return (await context.session.create_message([message], max_tokens=10)).content.text


@server.tool()
async def learn(word: str, context: Context) -> str:
    server.add_tool(lambda: word, name=word)
    await context.session.send_tool_list_changed()
    return "learnt"


server.run("sse")
