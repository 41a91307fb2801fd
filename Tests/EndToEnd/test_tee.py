"""The tee between Weir and its child processes changes nothing, and what it recorded is judged."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from support.oracle import Between, SchemaOracle
from support.processes import eventually
from support.tees import Tees


@pytest.fixture
def tees() -> Tees:
    return Tees()


@pytest.fixture
def oracle() -> SchemaOracle:
    """Another than the run's: what is said here is no message of Weir's."""
    return SchemaOracle()


def start(tees: Tees, program: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-IS", "-c", textwrap.dedent(program)]
    return subprocess.Popen(tees.before(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


ECHO = """
    import os
    while data := os.read(0, 65536):
        while data:
            data = data[os.write(1, data):]
"""


def test_every_byte_passes_at_once_and_the_end_of_the_input_ends_it(tees: Tees) -> None:
    process = start(tees, ECHO)
    # Without the end of a line, and nothing behind it: it is passed on all the same.
    for piece in (b"\x00\xff\r", b"caf\xc3", b"\xa9 without an end"):
        os.write(process.stdin.fileno(), piece)
        assert os.read(process.stdout.fileno(), 100) == piece
    large = os.urandom(3_000_000)
    writer = threading.Thread(target=lambda: (process.stdin.write(large), process.stdin.close()))
    writer.start()
    assert process.stdout.read() == large
    writer.join()
    assert process.wait(10) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_reach_the_command(tees: Tees, number: signal.Signals) -> None:
    program = f"""
        import signal
        signal.pthread_sigmask(signal.SIG_BLOCK, [{int(number)}])
        print("ready", flush=True)
        print("got", int(signal.sigwait([{int(number)}])), flush=True)
        raise SystemExit(7)
    """
    process = start(tees, program)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    assert process.stdout.read() == b"got %d\n" % number
    assert process.wait(10) == 7


@pytest.mark.parametrize(
    ("end", "status"),
    [("raise SystemExit(3)", 3), ("os.kill(os.getpid(), 15)", -15), ("os.kill(os.getpid(), 9)", -9), ("os.kill(os.getpid(), 13)", -13)],
)
def test_it_ends_as_the_command_does_though_its_input_stays_open(tees: Tees, end: str, status: int) -> None:
    process = start(tees, f"import os, signal\nsignal.signal(13, signal.SIG_DFL)\nos.write(2, b'noise')\nos.write(1, b'last words')\n{end}")
    assert (process.stdout.read(), process.stderr.read()) == (b"last words", b"noise")
    assert process.wait(10) == status


def test_the_command_does_not_outlive_a_tee_that_is_killed(tees: Tees, tmp_path: Path) -> None:
    process = start(tees, f"import sys\nprint('ready', flush=True)\nsys.stdin.read()\nopen({str(tmp_path / 'over')!r}, 'w')")
    assert process.stdout.readline() == b"ready\n"
    process.kill()
    eventually(lambda: (tmp_path / "over").exists(), 10, "the command has seen the end of its input")
    process.wait(5)


INITIALIZE = b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"a","version":"1"}}}'
INITIALIZED = b'{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"b","version":"1"}}}'
LIST = b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
ASKED = b'{"jsonrpc":"2.0","id":7,"method":"roots/list"}'
ROOTS = b'{"jsonrpc":"2.0","id":7,"result":{"roots":[{"name":"a"}]}}'
LISTED = b'{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}'


@pytest.mark.parametrize(
    ("said", "answers", "found"),
    [
        ([LIST], [LISTED], []),
        ([LIST], [b'{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a"}]}}'], ["← ListToolsResult of 2025-06-18"]),
        ([LIST], [b'{"jsonrpc":"2.0","id":2,"result":{"tools":[]}}'], ["← answers nothing that was asked"]),
        ([LIST], [b'{"jsonrpc":"2.0","id":"1","result":{"tools":[]}}'], ["← answers nothing that was asked"]),
        ([LIST], [b"a line of a log", LISTED], ["← is no message"]),
        ([b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}'], [], ["→ CallToolRequest of 2025-06-18"]),
        ([], [b'{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"loud","data":1}}'], ["← LoggingMessageNotification of 2025-06-18"]),
        ([], [b'{"jsonrpc":"2.0","id":1,"method":"ping"}'], []),
        ([ROOTS], [ASKED], ["→ ListRootsResult of 2025-06-18"]),
        ([ROOTS], [], ["→ answers nothing that was asked"]),
        ([b"[" + LIST + b"]"], [LISTED], ["→ is no message"]),
    ],
)
def test_what_was_recorded_is_judged_once(tees: Tees, oracle: SchemaOracle, said: list[bytes], answers: list[bytes], found: list[str]) -> None:
    if oracle.missing:
        pytest.skip(oracle.missing)
    lines = b"".join(line + b"\n" for line in (INITIALIZED, *answers))
    process = start(tees, f"import os, sys\nos.write(1, {lines!r} + b'half a li')\nsys.stdin.read()")
    process.stdin.write(b"".join(line + b"\n" for line in (INITIALIZE, *said)))
    process.stdin.close()
    process.stdout.read()
    process.wait(10)
    problems = tees.problems(oracle)
    assert len(problems) == len(found) and all(problem.startswith(start) for problem, start in zip(problems, found)), problems
    unjudged = sum("is no message" in problem or "answers nothing" in problem for problem in problems)
    assert oracle.checked[Between.CHILDREN] == 2 + len(said) + len(answers) - unjudged
    assert tees.problems(oracle) == []


def test_of_lines_that_are_wrong_on_purpose_the_answers_are_judged(tees: Tees, oracle: SchemaOracle) -> None:
    if oracle.missing:
        pytest.skip(oracle.missing)
    program = """
        import sys
        for line in sys.stdin:
            print('{"jsonrpc":"2.0","id":null,"error":{"code":-32700}}', flush=True)
    """
    process = subprocess.Popen(
        tees.before([sys.executable, "-IS", "-c", textwrap.dedent(program)], Between.CLIENTS, faulty=True), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    process.communicate(b"no json\n", 10)
    problems = tees.problems(oracle)
    assert len(problems) == 1 and problems[0].startswith("← JSONRPC"), problems
    assert oracle.checked == {Between.CLIENTS: 1}
