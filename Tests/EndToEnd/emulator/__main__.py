"""``python -m emulator [--port N] [--seed N]``: serves until it is interrupted; prints one line with its address when it is ready."""

import argparse

from .server import Emulator


def main() -> None:
    parser = argparse.ArgumentParser(prog="emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    emulator = Emulator(port=arguments.port, seed=arguments.seed)
    print(emulator.url, flush=True)
    try:
        emulator.serve_forever()
    except KeyboardInterrupt:
        pass


main()
