"""Prints what decisions and requests cost, as JSON.

    python -m tests.benchmarks              # about half a minute
    python -m tests.benchmarks --quick      # a few seconds, less exact

The unit is *m*: the cost of making one frozen pydantic model of four fields, measured in turn with each case, so that a
machine that gets slower meanwhile does so for both; the garbage collector is off, as in `timeit`. `bar` is the most
that the case may cost (docs/quality.md).
"""

import argparse
import asyncio
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks.cases import Case, all_cases, make_one_model


@dataclass(frozen=True)
class Effort:
    """How exactly to measure: rounds of a case and *m* in turn, each for about so many seconds."""

    rounds: int
    seconds: float


def measure(case: Case, effort: Effort) -> dict[str, object]:
    """The median, over the rounds, of what the case cost in units of *m*; and the spread of the middle half."""
    times = _times_for(case.action, effort.seconds)
    ratios = []
    for _ in range(effort.rounds):
        before = _seconds_each(make_one_model, 2_000)
        cost = _seconds_each(case.action, times) / case.operations
        after = _seconds_each(make_one_model, 2_000)
        ratios.append(cost / ((before + after) / 2))
    low, middle, high = statistics.quantiles(ratios, n=4)
    result: dict[str, object] = {"m": round(middle, 2), "from": round(low, 2), "to": round(high, 2)}
    if case.bar is not None:
        result |= {"bar": case.bar, "within": middle <= case.bar}
    return result


def _times_for(action: Callable[[], object], seconds: float) -> int:
    """How often the action can be performed in about so many seconds, at least once."""
    return max(1, int(seconds / max(_seconds_each(action, 1), 1e-7)))


def _seconds_each(action: Callable[[], object], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        action()
    return (time.perf_counter() - began) / times


def main() -> int:
    """Measure every case and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less exact, in a few seconds")
    quick = parser.parse_args().quick
    effort = Effort(rounds=5, seconds=0.005) if quick else Effort(rounds=31, seconds=0.02)
    figures = {}
    gc.disable()
    with asyncio.Runner() as runner:
        for case in all_cases(runner):
            print(f"{case.name} ...", file=sys.stderr)
            figures[case.name] = measure(case, effort)
    unit = statistics.median(_seconds_each(make_one_model, 2_000) for _ in range(31))
    print(json.dumps({"unit_microseconds": round(unit * 1e6, 3), "cases": figures}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
