"""The client of the JavaScript SDK, which most hosts are built on, in every era that it speaks, at servers of both."""

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import upstream_served
from support.paths import END_TO_END, ROOT
from support.weir import Weir

NODE = shutil.which("node")
PACKAGE = ROOT / ".venv" / "js" / "node_modules" / "@modelcontextprotocol" / "client"


def find_sdk() -> Path | None:
    """WEIR_JS_SDK, a module; else what npm has put beside the other environments."""
    if named := os.environ.get("WEIR_JS_SDK"):
        return Path(named)
    found = PACKAGE / "dist" / "index.mjs"
    return found if found.exists() else None


SDK = find_sdk()
pytestmark = [
    pytest.mark.weir,
    pytest.mark.skipif(NODE is None, reason="node is not here"),
    pytest.mark.skipif(SDK is None, reason="no SDK: npm install --prefix .venv/js @modelcontextprotocol/client, or WEIR_JS_SDK=…/index.mjs"),
]


@pytest.fixture(scope="module")
def weir(start_weir: Any) -> Iterator[Weir]:
    eras = ("legacy", "modern")
    with contextlib.ExitStack() as stack:
        urls = {era: stack.enter_context(upstream_served("everything.py", "--era", era)) for era in eras}
        weir = stack.enter_context(start_weir({"upstreams": {era: {"url": f"{url}/mcp", "era": era} for era, url in urls.items()}}))
        weir.wait_for_tools(*eras)
        yield weir


@pytest.mark.parametrize("upstream", ["legacy", "modern"])
@pytest.mark.parametrize(("mode", "version"), [("legacy", "2025-11-25"), ("auto", "2026-07-28"), ("2026-07-28", "2026-07-28")])
def test_what_its_users_do_works(weir: Weir, upstream: str, mode: str, version: str) -> None:
    command = [str(NODE), str(END_TO_END / "clients" / "sdk_js.mjs"), str(SDK), f"{weir.url}/mcp/{upstream}", mode]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["version"], seen["server"]) == (version, "weir")
    assert "test_simple_text" in seen["tools"]
    assert seen["text"] == "This is a simple text response for testing."
    assert seen["stepped"] == "All steps are done." and seen["progress"] == [1, 2, 3]
    assert seen["asked"] == ["Go on?"] and "ada@example.com" in seen["answered"]
    assert seen["resource"] == "This is the content of the static text resource."
    assert seen["prompt"] > 0
    # The SDK takes the codes of both eras for the same, where they name the resource.
    assert seen["missing"] == {"uri": "test://nobody-has-this"}
