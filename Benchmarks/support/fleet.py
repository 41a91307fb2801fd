"""What a fleet does on this machine: answers from memory, from Redis, and from the upstream, for one, two and three replicas.

Replicas, Redis, upstream and wrk share the cores, so what counts is how many calls a second of a processor's time of Weir does, and how much of
Redis' each call takes. Every call is counted by Weir itself, by how it was answered.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import psutil

from .processes import free_port, started

# Questions that are in Redis before the second measurement.
KEPT = 1000
CONNECTIONS = 16
SCRIPT = """
local number, step, limit = {start}, {step}, {limit}
wrk.method = "POST"
{headers}
function request()
  number = number + step
  local topic = limit > 0 and number % limit or number
  return wrk.format(nil, nil, nil, string.format([==[{body}]==], topic))
end
function response(status) if status ~= 200 then os.exit(7) end end
"""
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"}}
HEADERS = {
    "Content-Type": "application/json", "Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Method": "tools/call", "Mcp-Name": "bench__report"}
BODY = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
    "name": "bench__report", "arguments": {"topic": "%d"}, "_meta": META}})


@dataclass
class Row:
    """`outcome` is that of nearly every call. Processor times in microseconds a call, of all replicas together and of Redis."""

    replicas: int
    outcome: str
    calls: int
    seconds: float
    weir_us: float
    redis_us: float
    redis_commands: float
    purity: float


@dataclass
class Machine:
    """A Redis, an upstream, and replicas with what they used up so far."""

    redis_port: int
    urls: list[str]
    processes: list[psutil.Process]

    def outcomes(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for url in self.urls:
            page = httpx.get(f"{url}/metrics", timeout=20).text
            for labels, count in re.findall(r"^weir_calls_total\{(.*)\} (\S+)$", page, re.MULTILINE):
                found[re.search(r'outcome="(\w+)"', labels)[1]] += int(float(count))
        return found

    def used(self) -> float:
        """Seconds of processor time of all replicas."""
        return sum(sum(process.cpu_times()[:2]) for process in self.processes)

    def commands(self) -> int:
        """How many commands the replicas have sent to Redis; what scripts do there is not counted."""
        pages = (httpx.get(f"{url}/metrics", timeout=20).text for url in self.urls)
        return sum(int(float(re.search(r"^weir_redis_commands_total (\S+)$", page, re.MULTILINE)[1])) for page in pages)

    def redis_used(self) -> float:
        """Seconds of processor time of Redis."""
        fields = self.told()
        return float(fields["used_cpu_sys"]) + float(fields["used_cpu_user"])


    def told(self) -> dict[str, str]:
        """What `INFO` says, and how often messages were published."""
        command = ["redis-cli", "-p", str(self.redis_port), "INFO", "everything"]
        told = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
        fields = dict(line.split(":", 1) for line in told.split() if ":" in line)
        calls = re.match(r"calls=(\d+)", fields.get("cmdstat_publish", "calls=0"))
        return fields | {"cmdstat_publish": calls[1]}


@contextmanager
def replicas(folder: Path, count: int, kept_in_memory: bool, upstream: Path) -> Iterator[Machine]:
    redis, server = free_port(), free_port()
    memory = {} if kept_in_memory else {"memory": {"max_bytes": "64KiB"}}
    with ExitStack() as stack:
        stack.enter_context(started(
            ["redis-server", "--port", str(redis), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)], None, redis))
        stack.enter_context(started([sys.executable, str(upstream), str(server)], None, server))
        urls, processes = [], []
        for number in range(count):
            port = free_port()
            path = folder / f"weir-{number}.yaml"
            # JSON is YAML.
            path.write_text(json.dumps({
                "listen": {"address": f"127.0.0.1:{port}"},
                "cache": {"redis": {"url": f"redis://127.0.0.1:{redis}/0"}} | memory,
                "providers": {"bench": {"concurrency": 64}},
                "upstreams": {"bench": {
                    "url": f"http://127.0.0.1:{server}/mcp", "share": "all", "era": "modern", "cache": [{"tool": "report", "ttl": "1h"}]}}}))
            process = stack.enter_context(started([os.environ["WEIR_BINARY"], "serve", "--config", str(path)], None, port))
            urls.append(f"http://127.0.0.1:{port}")
            processes.append(psutil.Process(process.pid))
        for url in urls:
            wait_until_answering(url)
        yield Machine(redis, urls, processes)


def wait_until_answering(url: str) -> None:
    deadline = time.monotonic() + 30
    while httpx.post(f"{url}/mcp", content=BODY % 0, headers=HEADERS, timeout=20).status_code != 200:
        if time.monotonic() > deadline:
            raise SystemExit(f"Weir does not answer at {url}")
        time.sleep(0.05)


def drive(machine: Machine, folder: Path, seconds: int, start: int, limit: int) -> None:
    """Every replica gets a wrk of its own, and questions of its own where there is no limit to them."""
    running = []
    for number, url in enumerate(machine.urls):
        script = folder / f"load-{number}.lua"
        lines = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in HEADERS.items())
        script.write_text(SCRIPT.format(start=start + number, step=len(machine.urls), limit=limit, headers=lines, body=BODY))
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script), f"{url}/mcp"]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
    for process in running:
        told, _ = process.communicate(timeout=seconds + 60)
        if process.returncode:
            raise SystemExit(f"wrk: a call failed, or wrk did:\n{told}")


def measured(machine: Machine, folder: Path, seconds: int, outcome: str, start: int, limit: int) -> Row:
    before, commands, used, redis_used = machine.outcomes(), machine.commands(), machine.used(), machine.redis_used()
    began = time.monotonic()
    drive(machine, folder, seconds, start, limit)
    took = time.monotonic() - began
    # What is written behind the callers belongs to them too.
    time.sleep(0.5)
    redis_after, used_after = machine.redis_used(), machine.used()
    answered = machine.outcomes() - before
    calls = answered.total()
    return Row(
        len(machine.urls), outcome, calls, took, (used_after - used) / calls * 1e6, (redis_after - redis_used) / calls * 1e6,
        (machine.commands() - commands) / calls, answered[outcome] / calls)


def measure(folder: Path, seconds: int, upstream: Path, say: Callable[[str], None]) -> list[dict]:
    rows = []
    for count in (1, 2, 3):
        say(f"a fleet of {count}: answers from memory, from Redis, and from the upstream, {seconds} s each …")
        with replicas(folder, count, True, upstream) as machine:
            drive(machine, folder, 1, 0, 1)
            rows.append(measured(machine, folder, seconds, "hit_memory", 0, 1))
            rows.append(measured(machine, folder, seconds, "miss", 10**6, 0))
        with replicas(folder, count, False, upstream) as machine:
            # All of them are written before the measurement begins.
            while measured(machine, folder, 1, "hit_redis", 0, KEPT).purity < 0.9:
                pass
            rows.append(measured(machine, folder, seconds, "hit_redis", 0, KEPT))
    return [asdict(row) for row in rows]


@dataclass
class Crowd:
    """What many replicas that nobody calls ask of Redis."""

    replicas: int
    commands: float
    redis_ms: float
    connections: int
    messages: float
    kilobytes: float
    weir_ms: float


def measure_crowd(folder: Path, count: int, seconds: int, upstream: Path, say: Callable[[str], None]) -> dict:
    """Per second, of replicas that have nothing to do but to know of each other."""
    say(f"{count} replicas without calls, {seconds} s …")
    with replicas(folder, count, True, upstream) as machine:
        # Until what comes with the start is over.
        time.sleep(5)
        commands, used, before = machine.commands(), machine.used(), machine.told()
        time.sleep(seconds)
        after, used_after = machine.told(), machine.used()

        def each(name: str) -> float:
            return (float(after[name]) - float(before[name])) / seconds

        return asdict(Crowd(
            count, (machine.commands() - commands) / seconds, (each("used_cpu_sys") + each("used_cpu_user")) * 1000, int(after["connected_clients"]) - 1,
            each("cmdstat_publish"), (each("total_net_input_bytes") + each("total_net_output_bytes")) / 1000,
            (used_after - used) / seconds / count * 1000))


def crowd_table(row: dict) -> list[str]:
    return [
        f"{row['replicas']} replicas without calls: {row['commands']:,.0f} Redis commands/s, {row['redis_ms']:.1f} ms of Redis' time a second, "
        f"{row['kilobytes']:,.0f} KB/s, {row['connections']} connections, {row['messages']:.1f} messages published a second; "
        f"{row['weir_ms']:.1f} ms of its own time a second for each replica."]


NAMES = {"hit_memory": "hits in memory", "hit_redis": "hits in Redis", "miss": "misses"}


def table(rows: list[dict]) -> list[str]:
    lines = [
        f"A fleet of replicas on this machine, {CONNECTIONS} connections to each; replicas, Redis, upstream and wrk share the cores:", "",
        "| | replicas | calls/s | calls/s per core of Weir's time | µs of Redis a call | Redis commands a call | answered so |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in sorted(rows, key=lambda row: (list(NAMES).index(row["outcome"]), row["replicas"])):
        lines.append(
            f"| {NAMES[row['outcome']]} | {row['replicas']} | {row['calls'] / row['seconds']:,.0f} | {1e6 / row['weir_us']:,.0f} "
            f"| {row['redis_us']:.1f} | {row['redis_commands']:.2f} | {row['purity']:.1%} |")
    return lines
