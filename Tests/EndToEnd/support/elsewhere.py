"""Calls from a process of their own, which does nothing else: when their answers come tells of Weir, however busy the process of the tests is."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from .ends import ENDS
from .load import Asked, Call, all_at_once


class Elsewhere:
    """As `Together`, elsewhere. What was said and heard there is judged here."""

    def __init__(self, urls: list[str], calls: list[Call]) -> None:
        self._process = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        self._asked = self._process.submit(_ask, urls, calls)

    def results(self) -> list[Asked]:
        asked, recorded = self._asked.result()
        self._process.shutdown()
        ENDS.give(recorded)
        return asked


def _ask(urls: list[str], calls: list[Call]) -> tuple[list[Asked], Any]:
    return all_at_once(urls, calls), ENDS.take()
