"""What happened, step by step: the records of the log, kept in order while a scenario runs."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bucket_failover.journal import LOGGER
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


class _Listener(logging.Handler):
    """Keeps what is logged."""

    def __init__(self, steps: list[Step]) -> None:
        super().__init__(logging.DEBUG)
        self._steps = steps

    def emit(self, record: logging.LogRecord) -> None:
        facts = vars(record)
        fields = {name: facts[name] for name in _FIELDS if facts.get(name) is not None}
        text = record.getMessage().removeprefix(f"{facts['provider']}: ")
        self._steps.append(Step(facts["event"], text, fields, facts.get("finding")))


@contextmanager
def listening() -> Iterator[list[Step]]:
    """The steps that the log tells while the block runs, in order; nothing of them reaches other handlers."""
    steps: list[Step] = []
    listener = _Listener(steps)
    level, propagate = LOGGER.level, LOGGER.propagate
    LOGGER.addHandler(listener)
    LOGGER.setLevel(logging.DEBUG)
    LOGGER.propagate = False
    try:
        yield steps
    finally:
        LOGGER.removeHandler(listener)
        LOGGER.setLevel(level)
        LOGGER.propagate = propagate
