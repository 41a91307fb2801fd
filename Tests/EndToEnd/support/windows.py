"""The model of a rate: what a log of requests may look like, in every window wherever it begins."""

from collections.abc import Sequence

# By how much later than its neighbours a request may arrive after it left, in seconds: the way over a busy machine.
TRANSIT = 0.05


def most_over(times: Sequence[float], burst: float, rate: float, transit: float = TRANSIT) -> float:
    """By how many requests the worst window exceeds `burst + rate × its length`; not above 0 where the rate was kept.

    A request that was late on its way makes the windows before it seem shorter than they were, so each is counted `transit` longer.
    """
    # The window from i to j has j - i + 1 requests. With w(n) = n - rate × t(n), that is too many where w(j) - w(i) + 1 > burst: one pass is enough.
    worst, least = float("-inf"), float("inf")
    for number, time in enumerate(sorted(times)):
        weight = number - rate * time
        least = min(least, weight)
        worst = max(worst, weight - least + 1 - burst - rate * transit)
    return worst


def most_within(times: Sequence[float], seconds: float, transit: float = TRANSIT) -> int:
    """The most requests in any window of so many seconds."""
    ordered = sorted(times)
    most, first = 0, 0
    for last, time in enumerate(ordered):
        while time - ordered[first] >= seconds - transit:
            first += 1
        most = max(most, last - first + 1)
    return most
