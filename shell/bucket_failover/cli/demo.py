"""`bucket-failover demo`: which scenarios to play, how to print them, and what the exit status says."""

import asyncio
import json
import sys
from typing import Final

from bucket_failover.cli.console import PatientConsole
from bucket_failover.demo.scenarios import SCENARIOS
from bucket_failover.demo.show import show
from bucket_failover.demo.stage import Report, play

SCENARIO_NAMES: Final = ("all", *(scenario.name for scenario in SCENARIOS))

_NOT_EXHAUSTED: Final = 2
_NOT_ANSWERED: Final = 3


def run_demo(name: str, *, as_json: bool, plain: bool) -> int:
    """Play the named scenario, or `all`, print how it went, and give the exit status.

    Args:
        name: one of `SCENARIO_NAMES`.
        as_json: print one JSON document instead of pictures: a report, or for `all` a list of them.
        plain: no colours.
    """
    scenarios = [scenario for scenario in SCENARIOS if name in {"all", scenario.name}]
    console = PatientConsole(no_color=plain, highlight=False, width=None if sys.stdout.isatty() else 100)
    reports = []
    for scenario in scenarios:
        report = asyncio.run(play(scenario))
        reports.append(report)
        if not as_json:
            show(report, console)
    if as_json:
        documents = [report.as_json for report in reports]
        sys.stdout.write(json.dumps(documents if name == "all" else documents[0], indent=2) + "\n")
    return _status(reports)


def _status(reports: list[Report]) -> int:
    """The worst of what happened."""
    missed = {report.scenario.ends for report in reports if not report.as_planned}
    if "exhausted" in missed:
        return _NOT_EXHAUSTED
    return _NOT_ANSWERED if missed else 0
