"""Every client sees the same through Weir as without it, whichever era it and the server are of."""

import difflib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conftest import upstream_served
from parity.lab import ERAS, KINDS, Kind, Lab, play
from parity.normalise import bridged, normalised
from parity.not_yet import not_yet
from parity.scenarios import SCENARIOS, Scenario
from support.weir import Weir

pytestmark = [pytest.mark.weir, pytest.mark.filterwarnings("ignore")]

PLAYED = [(kind, scenario) for kind in KINDS for scenario in SCENARIOS.values() if kind.has(scenario)]


def named(value: Any) -> str:
    return getattr(value, "name", str(value))


def compared() -> Iterator[Any]:
    """Every client, era of the server and scenario. What Weir does not do yet fails, and passing is noticed."""
    for kind, scenario in PLAYED:
        for era in ERAS:
            if era == kind.era or scenario.bridged:
                reason = not_yet(scenario.name)
                marks = [pytest.mark.xfail(strict=True, reason=reason)] if reason else []
                yield pytest.param(kind, era, scenario, marks=marks, id=f"{kind.name}-at-{era}-{scenario.name}")


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[tuple[str, str], str]]:
    """The fixture of each era, and over HTTP+SSE."""
    with (
        upstream_served("everything.py", "--era", "legacy") as legacy,
        upstream_served("everything.py", "--era", "modern") as modern,
        upstream_served("everything.py", "--sse") as events,
    ):
        yield {("legacy", "http"): f"{legacy}/mcp", ("modern", "http"): f"{modern}/mcp", ("legacy", "sse"): f"{events}/sse"}


@pytest.fixture(scope="module")
def lab(start_weir: Callable[..., Any], servers: dict[tuple[str, str], str]) -> Iterator[Lab]:
    upstreams = {era: {"url": servers[era, "http"], "era": era, "share": "all"} for era in ERAS}
    with start_weir({"upstreams": upstreams}) as weir:
        weir.wait_for_tools(*ERAS)
        yield Lab(servers, addresses(weir))


def addresses(weir: Weir) -> dict[tuple[str, str], str]:
    return {(era, transport): f"{weir.url}/{path}/{era}" for era in ERAS for transport, path in (("http", "mcp"), ("sse", "sse"))}


@pytest.mark.parametrize(("kind", "scenario"), PLAYED, ids=named)
def test_the_fixture_does_everything(lab: Lab, kind: Kind, scenario: Scenario) -> None:
    """Without Weir: what is compared below is not nothing."""
    recording = lab.directly(kind, scenario)
    assert "ended" not in recording, recording["ended"]
    assert not scenario.missing(recording), json.dumps(recording, indent=1, ensure_ascii=False)


@pytest.mark.parametrize("scenario", [scenario for kind, scenario in PLAYED if kind is KINDS[0]], ids=named)
def test_a_recording_is_the_same_every_time(lab: Lab, scenario: Scenario) -> None:
    assert play(KINDS[0], lab.direct["modern", "http"], scenario) == lab.directly(KINDS[0], scenario)


@pytest.mark.parametrize(("kind", "era", "scenario"), compared())
def test_the_same_through_weir(lab: Lab, kind: Kind, era: str, scenario: Scenario) -> None:
    comparable = normalised if era == kind.era else bridged
    recorded = [comparable(recording) for recording in (lab.directly(kind, scenario), lab.through_weir(kind, era, scenario))]
    if not scenario.name.endswith("-change"):
        # Weir looks at a list before it says that it has changed, so that can come during the next scenario.
        recorded = [recording | {"changes": [change for change in recording["changes"] if "list_changed" not in change["method"]]} for recording in recorded]
    direct, proxied = (written(recording) for recording in recorded)
    difference = "\n".join(difflib.unified_diff(direct, proxied, "directly", "through Weir", lineterm=""))
    assert not difference, difference[:6000]


def written(recording: Any) -> list[str]:
    return json.dumps(recording, indent=1, sort_keys=True, ensure_ascii=False).splitlines()


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.plays and kind.name != "fastmcp"], ids=named)
def test_every_combination_of_eras(lab: Lab, kind: Kind, era: str) -> None:
    """A client of either era at a server of either era lists the tools, calls them, and hears of progress."""
    for name in ("tools", "contents", "structured-content", "progress"):
        recording = lab.through_weir(kind, era, SCENARIOS[name])
        assert "ended" not in recording, recording["ended"]
        assert not SCENARIOS[name].missing(recording), json.dumps(recording, indent=1, ensure_ascii=False)
