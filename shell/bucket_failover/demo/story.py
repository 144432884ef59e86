"""What happened, step by step: an observer that keeps what a request tells while a scenario runs."""

from dataclasses import dataclass
from typing import Any

from bucket_failover.lines import Line
from bucket_failover.observe import Narrator, Observed
from bucket_failover_core import BucketFinding

_FIELDS = ("bucket", "reason", "cause", "status", "attempt", "former", "via", "step", "outcome", "why")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened.

    Args:
        event: what kind of thing, as the log names it.
        text: in words.
        fields: its facts.
        finding: the core's finding, if it is a classification.
    """

    event: str
    text: str
    fields: dict[str, Any]
    finding: BucketFinding | None = None

    @property
    def as_json(self) -> dict[str, Any]:
        """For machines."""
        finding = {"finding": self.finding.model_dump(mode="json")} if self.finding is not None else {}
        return {"event": self.event, "text": self.text, **self.fields, **finding}


class Story:
    """The steps of one request, in order; hand `hear` to the orchestrator as its observer."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._narrator = Narrator(self._keep, tells_steps=True)

    def hear(self, observed: Observed) -> None:
        """Something has happened."""
        self._narrator.hear(observed.what, now=observed.at)

    def _keep(self, line: Line) -> None:
        fields = {name: line.fields[name] for name in _FIELDS if line.fields.get(name) is not None}
        finding = line.fields.get("finding")
        self.steps.append(Step(line.event, line.text, fields, finding if isinstance(finding, BucketFinding) else None))
