"""wrk with a POST of ours, its numbers read exactly."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPT = """
wrk.method = "POST"
wrk.body = [==[{body}]==]
{headers}
function done(summary, latency)
  io.write(string.format(
    '\\nNUMBERS {{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"failed":%d}}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
"""


@dataclass
class Load:
    """Latencies in microseconds."""

    requests: int
    seconds: float
    p50: int
    p99: int

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def run(url: str, body: str, headers: dict[str, str], folder: Path, *, connections: int, seconds: int, core: int) -> Load:
    """Raises where any request failed or was not answered with 200."""
    script = folder / "post.lua"
    lines = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items())
    script.write_text(SCRIPT.format(body=body, headers=lines))
    command = ["taskset", "-c", str(core), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script), url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    line = next((line for line in done.stdout.splitlines() if line.startswith("NUMBERS ")), None)
    if line is None:
        raise SystemExit(f"wrk gave no numbers:\n{done.stdout}\n{done.stderr}")
    numbers = json.loads(line.removeprefix("NUMBERS "))
    if numbers["failed"]:
        raise SystemExit(f"{numbers['failed']} of {numbers['requests']} requests to {url} failed:\n{done.stdout}")
    return Load(numbers["requests"], numbers["microseconds"] / 1e6, numbers["p50"], numbers["p99"])
