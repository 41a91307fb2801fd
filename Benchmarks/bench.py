"""The measurements behind Benchmarks/run. The server under test has core 0 for itself; wrk and the upstream share core 1."""

import argparse
import asyncio
import json
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from support import fleet, nginx, sessions, wrk  # noqa: E402
from support.processes import free_port, started  # noqa: E402

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
}
CONNECTIONS = 32


@dataclass
class Target:
    """A server under test: what to call it, where, under which tool name, and its process."""

    name: str
    url: str
    tool: str
    process: psutil.Process

    def body(self, tool: str | None = None) -> str:
        params = {"name": tool or self.tool, "arguments": {"month": "2026-10", "group_by": "SERVICE"}, "_meta": META}
        return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})

    def headers(self, tool: str | None = None) -> dict[str, str]:
        return {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/call",
            "Mcp-Name": tool or self.tool,
        }

    def ask(self, tool: str | None = None) -> httpx.Response:
        return httpx.post(self.url, content=self.body(tool), headers=self.headers(tool), timeout=20)

    def megabytes(self) -> float:
        return self.process.memory_info().rss / 1e6


# Where the upstream of the pass-through runs.
PLACES = {"the client's core": 1, "Weir's core": 0}


@contextmanager
def upstream(core: int = 1) -> Iterator[int]:
    port = free_port()
    with started([sys.executable, str(HERE / "support" / "upstream.py"), str(port)], core, port):
        yield port


def weir_configuration(folder: Path, port: int, upstream_port: int) -> Path:
    path = folder / "weir.yaml"
    path.write_text(
        f"listen: {{ address: 127.0.0.1:{port} }}\n"
        "upstreams:\n"
        "  bench:\n"
        f"    url: http://127.0.0.1:{upstream_port}/mcp\n"
        "    share: all\n"
        "    cache: [{ tool: report, ttl: 1h }]\n"
    )
    return path


@contextmanager
def weir(folder: Path, upstream_port: int) -> Iterator[Target]:
    port = free_port()
    path = weir_configuration(folder, port, upstream_port)
    with started([os.environ["WEIR_BINARY"], "serve", "--config", str(path)], 0, port) as process:
        target = Target("Weir", f"http://127.0.0.1:{port}/mcp", "bench__report", psutil.Process(process.pid))
        deadline = time.monotonic() + 20
        while target.ask().status_code != 200:
            if time.monotonic() > deadline:
                raise SystemExit(f"Weir does not answer: {target.ask().text[:500]}")
            time.sleep(0.05)
        yield target


def measure_sessions(folder: Path, count: int) -> dict:
    """Idle sessions, alone and with an open event stream each: the process's memory before and with them, and whether it still answers."""
    found: dict = {"count": count}
    for measure in (without_streams, with_streams):
        port = free_port()
        with upstream() as upstream_port:
            path = weir_configuration(folder, port, upstream_port)
            path.write_text(path.read_text() + sessions.tenants())
            with started([os.environ["WEIR_BINARY"], "serve", "--config", str(path)], 0, port) as process:
                target = Target("Weir", f"http://127.0.0.1:{port}/mcp", "bench__report", psutil.Process(process.pid))
                found |= asyncio.run(measure(target, port, count))
    return found


async def without_streams(target: Target, port: int, count: int) -> dict:
    # The first ones also pay for what every process has once: threads, buffers, code that is loaded.
    warm = count // 10
    await sessions.open_without_streams(port, warm)
    await asyncio.sleep(2)
    before = target.megabytes()
    say(f"{count - warm} sessions without streams …")
    await sessions.open_without_streams(port, count - warm)
    await asyncio.sleep(2)
    page = (await asyncio.to_thread(httpx.get, f"http://127.0.0.1:{port}/metrics", timeout=20)).text
    if f"\nweir_sessions {count}\n" not in page:
        raise SystemExit(f"there are not {count} sessions, but {re.findall('^weir_sessions .*', page, re.M)}")
    return {"alone_kib": (target.megabytes() - before) * 1e6 / (count - warm) / 1024}


async def with_streams(target: Target, port: int, count: int) -> dict:
    await asyncio.sleep(1)
    before = target.megabytes()
    say(f"{count} sessions, each with an open event stream …")
    opened = await sessions.open_all(port, count)
    # Longer than one comment that keeps them open.
    await asyncio.sleep(20)
    with_all = target.megabytes()
    files = target.process.num_fds()
    alive = sum(not idle.reader.at_eof() for idle in opened)
    headers = target.headers() | {"Authorization": f"Bearer {sessions.KEYS[0]}"}
    reply = await asyncio.to_thread(httpx.post, target.url, content=target.body(), headers=headers, timeout=20)
    for idle in opened:
        idle.writer.close()
    await asyncio.sleep(5)
    return {
        "before_mb": before, "with_mb": with_all, "after_mb": target.megabytes(), "alive": alive, "files": files,
        "files_after": target.process.num_fds(), "status": reply.status_code,
    }


@contextmanager
def nginx_cache(folder: Path, upstream_port: int, caches: bool = True) -> Iterator[Target]:
    port = free_port()
    path = nginx.write(folder, port, upstream_port, caches)
    with started(["nginx", "-p", str(folder), "-c", str(path)], 0, port) as process:
        worker = psutil.Process(process.pid).children()[0]
        yield Target("nginx proxy_cache on POST", f"http://127.0.0.1:{port}/mcp", "report", worker)


@contextmanager
def fastmcp_cache(folder: Path, upstream_port: int) -> Iterator[Target]:
    port = free_port()
    command = [sys.executable, "-W", "ignore", str(HERE / "support" / "fastmcp_proxy.py"), str(port), f"http://127.0.0.1:{upstream_port}/mcp"]
    with started(command, 0, port) as process:
        yield Target("FastMCP 4.1.2 proxy, caching middleware", f"http://127.0.0.1:{port}/mcp", "report", psutil.Process(process.pid))


def check_hit(target: Target) -> int:
    """Asks three times; the last answer must be a cached one. Its size in bytes."""
    for _ in range(3):
        reply = target.ask()
    if reply.status_code != 200 or "12.3456789 USD" not in reply.text:
        raise SystemExit(f"{target.name} does not answer right: {reply.status_code} {reply.text[:300]}")
    if target.name == "Weir" and reply.json()["result"]["_meta"]["weir/cache"]["outcome"] != "hit_memory":
        raise SystemExit(f"Weir did not answer from its memory: {reply.text[-300:]}")
    if "nginx" in target.name and reply.headers.get("x-cache") != "HIT":
        raise SystemExit(f"nginx did not answer from its cache: {reply.headers}")
    return len(reply.content)


def measure_hits(folder: Path, seconds: int) -> list[dict]:
    rows = []
    for make in (weir, nginx_cache, fastmcp_cache):
        place = Path(tempfile.mkdtemp(dir=folder))
        place.chmod(0o755)
        with upstream() as upstream_port, make(place, upstream_port) as target:
            say(f"{target.name}: cached answers, {CONNECTIONS} connections, {seconds} s …")
            size = check_hit(target)
            fresh = target.megabytes()
            wrk.run(target.url, target.body(), target.headers(), place, connections=CONNECTIONS, seconds=1, core=1)
            load = wrk.run(target.url, target.body(), target.headers(), place, connections=CONNECTIONS, seconds=seconds, core=1)
            calls = load.requests
            # The memory that counts is the one after 100,000 calls; the slow get there too, within a minute or not at all.
            began = time.monotonic()
            while calls < 100_000 and time.monotonic() - began < 60:
                calls += wrk.run(target.url, target.body(), target.headers(), place, connections=CONNECTIONS, seconds=10, core=1).requests
            rows.append({
                "name": target.name, "rate": load.rate, "p50_us": load.p50, "p99_us": load.p99, "fresh_mb": fresh, "rss_mb": target.megabytes(),
                "calls": calls, "bytes": size,
            })
    return rows


def measure_passthrough(folder: Path, seconds: int, core: int) -> dict:
    """One connection, a tool that nobody caches: the upstream directly, through nginx as a plain proxy, and through Weir; three rounds, the median
    of each p50. nginx, which forwards bytes and nothing else, shows what one more process in between costs on this machine.

    `core` is the upstream's: Weir and nginx have 0, the client 1. Beside the client a direct call wakes no other core, and one through Weir wakes
    one four times; beside Weir both do so twice. With three machines it would be two and four.
    """
    found: dict[str, list] = {"direct": [], "nginx": [], "through": []}
    with upstream(core) as port, weir(folder, port) as target, nginx_cache(folder, port, caches=False) as plain:
        direct = Target("upstream", f"http://127.0.0.1:{port}/mcp", "uncached", target.process)
        plain.tool = "uncached"
        outcome = target.ask("bench__uncached").json()["result"]["_meta"]["weir/cache"]["outcome"]
        if outcome != "bypass":
            raise SystemExit(f"the pass-through is no pass-through but {outcome}")
        for number in range(3):
            say(f"pass-through, upstream on core {core}, round {number + 1} of 3 …")
            for name, server, tool in (("direct", direct, None), ("nginx", plain, None), ("through", target, "bench__uncached")):
                found[name].append(wrk.run(server.url, server.body(tool), server.headers(tool), folder, connections=1, seconds=seconds, core=1))
        megabytes = target.megabytes()
    numbers = {f"{name}_{what}_us": statistics.median(getattr(load, what) for load in loads) for name, loads in found.items() for what in ("p50", "p99")}
    return numbers | {"calls": sum(load.requests for load in found["through"]), "rss_mb": megabytes}


def measure_start(folder: Path) -> list[float]:
    """Milliseconds from exec until /readyz answers 200, five times."""
    found = []
    with upstream() as upstream_port:
        for number in range(5):
            say(f"start, {number + 1} of 5 …")
            port = free_port()
            path = weir_configuration(folder, port, upstream_port)
            request = f"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()
            began = time.perf_counter()
            process = subprocess.Popen(
                ["taskset", "-c", "0", os.environ["WEIR_BINARY"], "serve", "--config", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            try:
                while True:
                    try:
                        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                            connection.sendall(request)
                            if connection.recv(64).startswith(b"HTTP/1.1 200"):
                                break
                    except OSError:
                        pass
                    if time.perf_counter() - began > 20:
                        raise SystemExit("Weir is not ready within 20 s")
                    time.sleep(0.001)
                found.append((time.perf_counter() - began) * 1000)
            finally:
                process.terminate()
                process.wait(20)
    return found


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def verdict(value: float, limit: float, at_least: bool = False) -> str:
    return "reached" if (value >= limit if at_least else value <= limit) else "not reached"


def table(results: dict) -> str:
    lines = []
    if hits := results.get("hits"):
        lines += [
            f"Cached answers of {hits[0]['bytes']} bytes, {CONNECTIONS} connections, server on one core, wrk on the other:", "",
            "| server | calls/s | p50 ms | p99 ms | RSS at start MB | RSS MB | after calls |", "|---|---:|---:|---:|---:|---:|---:|",
        ]
        for row in hits:
            lines.append(
                f"| {row['name']} | {row['rate']:,.0f} | {row['p50_us'] / 1000:.2f} | {row['p99_us'] / 1000:.2f} "
                f"| {row['fresh_mb']:.1f} | {row['rss_mb']:.1f} | {row['calls']:,} |"
            )
        ours = hits[0]
        memory = verdict(ours["rss_mb"], 60) if ours["calls"] >= 100_000 else f"not measured, as there were only {ours['calls']:,}"
        lines += ["", f"10,000 hits/s on one core: {verdict(ours['rate'], 10_000, True)}. 60 MB after 100,000 calls: {memory}.", ""]
    for where, passed in results.get("passthrough", {}).items():
        added = (passed["through_p50_us"] - passed["direct_p50_us"]) / 1000
        lines += [
            f"Pass-through of an uncached call, one connection, the upstream on {where}, median of 3 rounds:", "",
            "| | p50 ms | p99 ms |", "|---|---:|---:|",
            f"| upstream directly | {passed['direct_p50_us'] / 1000:.3f} | {passed['direct_p99_us'] / 1000:.3f} |",
            f"| through nginx, a plain proxy | {passed['nginx_p50_us'] / 1000:.3f} | {passed['nginx_p99_us'] / 1000:.3f} |",
            f"| through Weir | {passed['through_p50_us'] / 1000:.3f} | {passed['through_p99_us'] / 1000:.3f} |",
            f"| added by Weir | {added:.3f} | {(passed['through_p99_us'] - passed['direct_p99_us']) / 1000:.3f} |", "",
            f"0.5 ms added at p50: {verdict(added, 0.5)}. nginx added {(passed['nginx_p50_us'] - passed['direct_p50_us']) / 1000:.3f}. RSS after {passed['calls']:,} pass-throughs: {passed['rss_mb']:.1f} MB.", "",
        ]
    if start := results.get("start_ms"):
        middle = statistics.median(start)
        each = ", ".join(f"{value:.0f}" for value in start)
        lines += [f"Ready after {middle:.0f} ms (median of {each}). 300 ms: {verdict(middle, 300)}.", ""]
    if rows := results.get("fleet"):
        lines += [*fleet.table(rows), ""]
    if crowd := results.get("crowd"):
        lines += [*fleet.crowd_table(crowd), ""]
    if idle := results.get("sessions"):
        each = (idle["with_mb"] - idle["before_mb"]) * 1e6 / idle["count"] / 1024
        lines += [
            f"{idle['count']:,} idle sessions with an open event stream each ({idle['alive']:,} still open after 20 s, {idle['files']:,} descriptors): "
            f"{idle['with_mb']:.1f} MB, {idle['before_mb']:.1f} MB without, {each:.1f} KiB each. 250 MB: {verdict(idle['with_mb'], 250)}. A call meanwhile: "
            f"HTTP {idle['status']}. Without streams: {idle['alone_kib']:.1f} KiB each; 8 KB: {verdict(idle['alone_kib'] * 1.024, 8)}. "
            f"5 s after they left: {idle['after_mb']:.1f} MB, {idle['files_after']} descriptors.", "",
        ]
    lines.append(f"Load average before: {results['load_before']:.1f}; above 0.5 the numbers say more about the machine than about the servers.")
    lines.append(f"On {results['machine']}. To repeat: {results['command']}")
    return "\n".join(lines)


def machine() -> str:
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="Benchmarks/run")
    parser.add_argument("--seconds", type=int, default=10, help="how long each load lasts")
    parser.add_argument("--only", default="hits,passthrough,start,sessions", help="some of hits, passthrough, start, sessions, fleet, crowd")
    parser.add_argument("--sessions", type=int, default=10_000, help="how many idle sessions")
    parser.add_argument("--crowd", type=int, default=100, help="how many idle replicas")
    arguments = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        raise SystemExit("two cores are needed: one for the server, one for the load")
    parts = set(arguments.only.split(","))
    folder = Path(tempfile.mkdtemp(prefix="weir-bench-"))
    # An nginx started by root drops its rights, and its worker has to reach its cache.
    folder.chmod(0o755)
    results: dict = {"load_before": os.getloadavg()[0], "machine": machine(), "command": "Benchmarks/run " + " ".join(sys.argv[1:]), "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    try:
        if "hits" in parts:
            results["hits"] = measure_hits(folder, arguments.seconds)
        if "passthrough" in parts:
            results["passthrough"] = {where: measure_passthrough(folder, max(2, arguments.seconds // 2), core) for where, core in PLACES.items()}
        if "start" in parts:
            results["start_ms"] = measure_start(folder)
        if "fleet" in parts:
            results["fleet"] = fleet.measure(folder, max(3, arguments.seconds // 2), HERE / "support" / "upstream.py", say)
        if "crowd" in parts:
            results["crowd"] = fleet.measure_crowd(folder, arguments.crowd, arguments.seconds, HERE / "support" / "upstream.py", say)
        if "sessions" in parts:
            results["sessions"] = measure_sessions(folder, arguments.sessions)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    kept = HERE / "results"
    kept.mkdir(exist_ok=True)
    (kept / f"{results['when'].replace(':', '')}.json").write_text(json.dumps(results, indent=2) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
