"""What did an answer say, of everything that callers ask about it?

Rules: an answer is read once, by its sender's clock (`skew`), and what was read is told in our time. Only `detail` is
text, and that is our own: the provider's stays where it came from.

Intuition: verdict, limits and windows are three questions to one text. Asked one by one, they parse it three times.

Road not taken: to keep the `CallFailure` and ask it again whenever something is needed. A failure would then be judged
at the moment of the question, and differently each time.
"""

from typing import final

from bucket_failover_core.answers.classify import hear
from bucket_failover_core.answers.clock_skew import (
    NO_SKEW,
    estimate_skew,
    limits_in_our_time,
    reading_in_our_time,
    verdict_in_our_time,
)
from bucket_failover_core.facts.calls import CallFailure, Verdict
from bucket_failover_core.facts.limits import Limit
from bucket_failover_core.facts.windows import WindowReading
from bucket_failover_core.value import Value, check_moment, trusted


@final
class AnswerRead(Value):
    """What an answer said.

    Args:
        at: Unix seconds at which it came, by our clock.
        served: it is no failure at all.
        verdict: what the failed call was; None: it was served, or says nothing that is known.
        limits: what it says of quota; of a failure, what its verdict says.
        readings: what it reports of windows that are still open.
        model: the model that was asked, None if unknown.
        skew_seconds: how far its sender's clock is ahead of ours; None: unknown.
        output_started: something of it has reached the caller.
    """

    at: float
    served: bool
    verdict: Verdict | None = None
    limits: tuple[Limit, ...] = ()
    readings: tuple[WindowReading, ...] = ()
    model: str | None = None
    skew_seconds: float | None = None
    output_started: bool = False


_read = trusted(AnswerRead)


def read_answer(failure: CallFailure, *, now: float, reads_windows: bool = True) -> AnswerRead:
    """What an answer said, a failed or a successful one, read once.

    Example: a 429 with `retry-after: 20` that comes at 1000.0 is not served; its verdict is `throttled`, with one limit
    until 1020.0, and `at` is 1000.0, whenever a caller asks about it.

    Args:
        failure: what is left of the call. An answer that cannot be classified has neither `served` nor a `verdict`.
        now: Unix seconds at which the answer came.
        reads_windows: windows that are still open are wanted as well: a strategy goes by them, or a limit is believed
            that they may end.

    Raises:
        ValueError: `now` is no moment.
    """
    check_moment(now)
    skew = estimate_skew(failure, now=now).value_or(None) if failure.headers else None
    clock = NO_SKEW if skew is None else skew
    heard = hear(failure, now=now + clock.seconds, reads_windows=reads_windows)
    limits = limits_in_our_time(heard.limits, clock) if heard.limits else ()
    readings = heard.readings
    return _read(
        at=now,
        served=heard.served,
        verdict=None if heard.verdict is None else verdict_in_our_time(heard.verdict, clock),
        limits=limits,
        readings=tuple(reading_in_our_time(reading, clock) for reading in readings) if readings else (),
        model=failure.model,
        skew_seconds=None if skew is None else skew.seconds,
        output_started=failure.output_started,
    )
