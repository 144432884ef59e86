"""How a report looks to a user."""

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bucket_failover.demo.stage import BucketLine, Report
from bucket_failover.demo.story import Step

_HIDDEN = frozenset({"step-asked", "step-done"})
"""Steps that say in other words what another one says."""

_MARKS = {
    "call-failed": ("✗", "red"),
    "bucket-classified": ("·", "yellow"),
    "bucket-switched": ("→", "bold cyan"),
    "bucket-healed": ("✓", "green"),
    "retry-waits": ("…", "blue"),
    "refresh-wanted": ("↻", "blue"),
    "buckets-exhausted": ("✗", "bold red"),
}


def show(report: Report, console: Console) -> None:
    """Print a report: what happened, the haiku or the error, and the buckets with their reasons."""
    scenario = report.scenario
    console.rule(Text.assemble((scenario.name, "bold"), ": ", (scenario.title, "default")), align="left")
    console.print(_steps(report.steps))
    console.print()
    console.print(_ending(report))
    console.print(_table(report.buckets))
    if not report.as_planned:
        planned = scenario.served_by or scenario.ends
        console.print(Text(f"This was to end otherwise: {planned}.", style="bold red"))
    console.print()


def _is_shown(step: Step) -> bool:
    """A login and its failure are told; other steps only through what was found out by them."""
    if step.event not in _HIDDEN:
        return step.event != "buckets-exhausted"
    return step.fields.get("step") == "reauthenticate" or step.fields.get("outcome") in {
        "reauthenticated",
        "reauth-failed",
        "token-refreshed",
        "refresh-failed",
    }


def _steps(steps: tuple[Step, ...]) -> Table:
    """A line for each step, in order; what is found out a second time in the request is told once."""
    lines = Table.grid(padding=(0, 1))
    told: set[str] = set()
    for step in steps:
        if _is_shown(step) and not (step.finding is not None and step.text in told):
            told.add(step.text)
            mark, style = _MARKS.get(step.event, ("•", "default"))
            lines.add_row(" ", Text(mark, style=style), Text(step.text))
    return lines


def _ending(report: Report) -> RenderableType:
    if report.served_by is None:
        return Panel(Text(report.error), title="exhausted", border_style="red", title_align="left")
    footer = Text(f"\nserved by {report.served_by} in {report.seconds:.1f} s", style="dim")
    return Panel(
        Group(Text(report.haiku, style="italic"), footer), title="a haiku", border_style="green", title_align="left"
    )


def _table(lines: tuple[BucketLine, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("bucket", "calls", "reason", "what settled it", "remedy"):
        table.add_column(heading, justify="right" if heading == "calls" else "left")
    for line in lines:
        finding = line.finding
        if line.served:
            reason, fact, remedy = Text("served", style="green"), "", ""
        elif finding is None:
            reason, fact, remedy = Text("not needed", style="dim"), "", ""
        else:
            reason = Text(finding.reason or "", style="yellow")
            fact, remedy = finding.text.removeprefix(f"{line.name}: "), finding.remedy
        table.add_row(line.name, str(line.calls), reason, fact, remedy)
    return table
