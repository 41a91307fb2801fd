"""Runs a command and passes on its standard input and output unchanged, keeping a copy of each: `python tee.py FOLDER COMMAND…`.

The copies are FOLDER/PID.up (what the command was told) and FOLDER/PID.down (what it said). Bytes are kept before they are passed on. Standard
error is the command's own. The end of the input and signals are passed on, too; the exit status is the command's. Needs the standard library only.
"""

import os
import signal
import subprocess
import sys
import threading


def pump(source: int, target: int, copy: int) -> None:
    """Until either end is closed; closes both."""
    try:
        while data := os.read(source, 65536):
            write(copy, data)
            write(target, data)
    except OSError:
        pass
    os.close(target)
    os.close(source)


def write(target: int, data: bytes) -> None:
    while data:
        data = data[os.write(target, data) :]


def main(folder: str, command: list[str]) -> None:
    up, down = (os.open(f"{folder}/{os.getpid()}.{name}", os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600) for name in ("up", "down"))
    # Unbuffered, so that these are descriptors and nothing else.
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: child.send_signal(number))
    threading.Thread(target=pump, args=(0, os.dup(child.stdin.fileno()), up), daemon=True).start()
    child.stdin.close()
    answers = threading.Thread(target=pump, args=(os.dup(child.stdout.fileno()), 1, down), daemon=True)
    child.stdout.close()
    answers.start()
    status = child.wait()
    # What it said last may still be on its way. A process that it left behind may keep its output open for ever, or nobody read it.
    answers.join(2)
    if status < 0:
        if -status != signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
