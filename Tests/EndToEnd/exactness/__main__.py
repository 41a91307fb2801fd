"""The proofs by hand, from Tests/EndToEnd: ``../../.venv/e2e/bin/python -m exactness merging --batches 10000 --server kept``."""

import argparse
import json
import os
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

from emulator.ledger import Ledger
from support.weir import Weir

from .days import CLOCK_VARIABLE, VISITS, Clock, DayNumbers, DaysProof, rounding
from .direct import Direct
from .merging import MergingProof, Numbers
from .prices import PriceSpace
from .questions import QuestionSpace
from .ranges import RangeSpace
from .staging import PACKS, emulator, session_with, weir_configuration


def main() -> int:
    parser = argparse.ArgumentParser(prog="exactness", description=__doc__)
    parser.add_argument("proof", choices=["merging", "prices", "days"])
    parser.add_argument("--batches", type=int, default=int(os.environ.get("WEIR_EXACTNESS_BATCHES", "1000")))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("WEIR_EXACTNESS_SEED", "1")))
    parser.add_argument("--page-size", type=int, default=int(os.environ.get("WEIR_EXACTNESS_PAGE_SIZE", "60")))
    parser.add_argument("--server", choices=["real", "kept"], default="real", help="kept: the real server, but for keeping its AWS clients")
    parser.add_argument("--families", type=int, default=400, help="how many families of a dozen questions there are to draw from")
    parser.add_argument("--throttle", type=int, default=0, help="every so many batches the provider refuses the next six requests")
    parser.add_argument("--state", type=Path, help="a folder where progress and direct answers are kept, to go on from")
    parser.add_argument("--quiet", action="store_true", help="no line of progress every hundred batches")
    parser.add_argument("--remember", action="store_true", help="merging: answers live as long as the pack says, and most are hits")
    parser.add_argument("--days", type=int, default=int(os.environ.get("WEIR_EXACTNESS_DAYS", "60")))
    parser.add_argument("--first", type=date.fromisoformat, default=date(2026, 1, 25), help="days: the first day")
    parser.add_argument("--waves", type=int, default=6, help="days: how often something is asked at each of the three visits of a day")
    parser.add_argument("--rows", type=int, default=100_000, help="days: rows of a page; answers that are pages are not put together")
    parser.add_argument("--forget", action="store_true", help="days: answers live for a moment only; for a look at the harness itself")
    parser.add_argument("--sums", action="store_true", help="days: amounts may be added up, which such answers must say")
    parser.add_argument("--digits", type=int, default=10, help="days: of costs behind the point; with fewer than 10 sums are off by what was rounded")
    options = parser.parse_args()
    return days(options) if options.proof == "days" else merging(options)


def days(options: argparse.Namespace) -> int:
    folder = Path(tempfile.mkdtemp(prefix="weir-exactness-"))
    page_size = options.rows
    with emulator(1, page_size=page_size, digits=options.digits) as plain, emulator(1, page_size=page_size, digits=options.digits) as behind:
        clock = Clock(folder / "clock", [plain, behind])
        clock.advance(datetime.combine(options.first, VISITS[0], UTC))
        direct = Direct(lambda: session_with(plain.url, options.server))
        configuration = weir_configuration(behind.url, options.server, remembers=not options.forget, sums=options.sums)
        weir = Weir(configuration, folder, environment=os.environ | {CLOCK_VARIABLE: str(clock.file)}, level="warning", unheard=["billing"])
        try:
            weir.wait_for_tools("billing", timeout=240)
            space = RangeSpace(options.seed, Ledger(1), sums=options.sums)
            proof = DaysProof(space, direct, plain, f"{weir.direct}/mcp/billing", behind, clock, rounding(options.digits))
            if not options.forget and not proof.reads_the_clock():
                print(f"this Weir does not go by {CLOCK_VARIABLE}", file=sys.stderr)
                return 2

            def progress(numbers: DayNumbers) -> None:
                if not options.quiet:
                    print(
                        f"{clock.now.date()}: {numbers.calls} calls, {numbers.differences} differences, {numbers.order_differences} in order only, "
                        f"{numbers.stale} stale, {numbers.requests} requests, {numbers.seconds:.0f} s",
                        flush=True,
                    )

            numbers = proof.run(options.first, options.days, options.waves, progress)
        finally:
            weir.close()
            direct.close()
    print(numbers.table())
    for example in numbers.examples[:20]:
        print(example, file=sys.stderr)
    return 1 if numbers.differences else 0


def merging(options: argparse.Namespace) -> int:
    today = datetime.now(UTC).date()
    folder = options.state or Path(tempfile.mkdtemp(prefix="weir-exactness-"))
    folder.mkdir(parents=True, exist_ok=True)
    setting = f"{options.seed}/{today}/{options.page_size}/{options.families}"
    prices = options.proof == "prices"
    name = "pricing" if prices else "billing"
    progress = folder / f"progress-{name}-{setting.replace('/', '-')}-{options.server}.json"
    numbers = Numbers(**json.loads(progress.read_text())) if progress.exists() else Numbers()
    controls = {"today": today.isoformat(), "page_size": options.page_size}
    with emulator(1, **controls) as plain, emulator(1, **controls) as behind:
        space = PriceSpace(options.seed) if prices else QuestionSpace(options.seed, today, Ledger(1), families=options.families)
        direct = Direct(
            lambda: session_with(plain.url, options.server, name), file=folder / "direct.sqlite", setting=f"{setting}/{options.server}", tool=PACKS[name][2]
        )
        configuration = weir_configuration(behind.url, options.server, name, remembers=options.remember)
        weir = Weir(configuration, Path(tempfile.mkdtemp(prefix="weir-")), level="warning", unheard=[name])
        try:
            weir.wait_for_tools(name, timeout=240)
            proof = MergingProof(space, direct, f"{weir.direct}/mcp/{name}", behind.counts, numbers)

            def before(number: int) -> None:
                if options.throttle and number % options.throttle == options.throttle - 1:
                    behind.set(throttle=6)

            def after(number: int) -> None:
                if (number + 1) % 100:
                    return
                proof.count_requests()
                progress.write_text(json.dumps(numbers.dump()))
                if not options.quiet:
                    print(
                        f"{numbers.batches} batches, {numbers.calls} calls, {numbers.differences} differences, {numbers.order_differences} in order only, "
                        f"{numbers.merged} merged, {numbers.requests} requests, {direct.asked} asked directly, {numbers.seconds:.0f} s",
                        flush=True,
                    )

            proof.run(range(numbers.batches, options.batches), after, before)
            progress.write_text(json.dumps(numbers.dump()))
        finally:
            weir.close()
            direct.close()
    print(numbers.table())
    for example in numbers.examples[:20]:
        print(example, file=sys.stderr)
    return 1 if numbers.differences else 0


if __name__ == "__main__":
    sys.exit(main())
