"""What follows from what was signal: the cause, the limits, and the moment before which no repetition is wanted.

Rules, none of which knows a provider:

* A 402 is `quota`. A 429 is `quota` if a window of five hours or longer, or a balance, is used up, or the wait asked
  for is over 300 s; `throttled` if all that is named is shorter, or all that is reported is open; else the status
  decides.
* A web gateway's page or challenge with a 401 or 403 never reached the provider: it is `network`.
* What an error says of itself in codes and words beats the status (`word_signals`).
* The provider's own trouble creates no limit. Every other answer may: `directive` if it signal so outright.
* A wait on a 429 or 402 is a limit as well, of the longest used-up window, and as wide as the answer says.
* Of two statements about the same thing the later moment counts. Each window has a ceiling.
* Where nothing says until when, it is guessed: a long window 10 minutes, money 6 hours, anything else a minute.

Intuition: a wait that is asked for ("come back in 20 s") is about this request, the limit about the account. They often
come in one header, and are still two answers to two questions.

Road not taken: a verdict per provider. Ten of them disagree on what a minute is.
"""

from typing import Final, NamedTuple, assert_never

from bucket_failover_core.answers.error_message import NO_MESSAGE
from bucket_failover_core.answers.error_names import MONEY_NAMES
from bucket_failover_core.answers.error_text import parse_wait
from bucket_failover_core.answers.rate_limit_headers import asked_wait
from bucket_failover_core.answers.response import Answer
from bucket_failover_core.answers.signals import (
    Named,
    Noted,
    Open,
    Reach,
    Signal,
    ThisRequestOnly,
    Unreadable,
    UsedUp,
    Wait,
)
from bucket_failover_core.facts.causes import Cause, is_spent
from bucket_failover_core.facts.limits import (
    LONG_WINDOWS,
    WINDOW_CEILING_SECONDS,
    Limit,
    LimitScope,
    LimitSource,
    Strength,
    Window,
)
from bucket_failover_core.facts.status_codes import cause_of_status
from bucket_failover_core.value import trusted

LONG_WAIT_SECONDS: Final = 300.0
"""A 429 that asks for a longer wait is about a window, not a burst."""

ASKED_WAIT_MAX_SECONDS: Final = 32 * 86_400.0
"""A wait that is asked for is cut at this."""

_GUESS_SECONDS: Final = 60.0
_SAME_MOMENT_SECONDS: Final = 5.0
_GUESS_BY_WINDOW: Final[dict[Window, float]] = {
    "5h": 600.0,
    "day": 600.0,
    "week": 600.0,
    "month": 600.0,
    "balance": 6 * 3_600.0,
}

_SHORT_WINDOWS: Final[frozenset[Window]] = frozenset({"minute", "concurrency"})
_BREADTH: Final[dict[LimitScope, int]] = {"request": 0, "model": 1, "credential": 2, "organization": 3, "provider": 4}
_PROVIDERS_TROUBLE: Final = frozenset({Cause.OVERLOADED, Cause.SERVER_ERROR, Cause.NETWORK, Cause.TIMEOUT})
_PAYMENT, _TOO_MANY = 402, 429
_SPENT_STATUSES: Final = frozenset({_PAYMENT, _TOO_MANY})
_REFUSALS: Final = frozenset({401, 403})
_CREDENTIAL: Final = Reach("credential")
_believed = trusted(Limit)
_FROM_HEADER: Final[LimitSource] = "retry-after"
_FROM_BODY: Final[LimitSource] = "body"


class AskedWait(NamedTuple):
    """The moment before which the provider wants no repetition of this request, and where it signal so."""

    until: float
    source: LimitSource


class Conclusion(NamedTuple):
    """What follows from an answer.

    Args:
        cause: what the failed call was; None: it was none, or says nothing that is known.
        limits: what it says of quota.
        guess: what is believed of quota if it says nothing more of it than that the call was refused for it.
        is_spoken: the answer itself says so, and not only its status.
        retry_not_before: Unix seconds before which no repetition is wanted.
        detail: in words of our own.
        unreadable: a field that speaks of limits, if none that does can be read; else empty.
        account_disabled: the provider has disabled the account.
    """

    cause: Cause | None
    limits: tuple[Limit, ...] = ()
    guess: tuple[Limit, ...] = ()
    is_spoken: bool = False
    retry_not_before: float | None = None
    detail: str = ""
    unreadable: str = ""
    account_disabled: bool = False


class SignalsByKind(NamedTuple):
    """An answer's signals, sorted by what they are about.

    Args:
        used_up: the allowances that are used up.
        named: the cause that the error names itself.
        reach: whom it all concerns.
        wait: the latest moment that a field of the body asks to wait for.
        is_short: something is reported, and open; or the request alone was refused.
        is_alone: the request alone was refused, if nothing else is signal.
        is_readable: something about limits can be read.
        unreadable: the first field about limits that cannot be read; else empty.
    """

    used_up: list[UsedUp]
    named: Named | None = None
    reach: Reach = _CREDENTIAL
    wait: float | None = None
    is_short: bool = False
    is_alone: bool = False
    is_readable: bool = False
    unreadable: str = ""


def conclude(answer: Answer, signals: list[Signal], *, now: float) -> Conclusion:
    """What follows from an answer's signals at `now`."""
    by_kind = _sorted(signals)
    if answer.succeeded:
        limits = _limits(by_kind, None, answer, now=now) if by_kind.used_up else ()
        return Conclusion(None, limits, unreadable="" if by_kind.is_readable else by_kind.unreadable)
    asked, unreadable_wait = _asked_wait(answer, by_kind, now=now)
    cause = _cause(answer, by_kind, asked, now=now)
    detail = _origin(answer) if by_kind.named is None else f"{_origin(answer)}, {by_kind.named.detail}"
    not_before = None if asked is None else asked.until
    is_refusal = is_spent(cause) and answer.status in _SPENT_STATUSES
    unreadable = by_kind.unreadable or (unreadable_wait if is_refusal and asked is None else "")
    if by_kind.is_readable or (is_refusal and asked is not None):
        unreadable = ""
    if cause is None or cause in _PROVIDERS_TROUBLE:
        return Conclusion(cause, retry_not_before=not_before, detail=detail, unreadable=unreadable)
    limits = _limits(by_kind, asked if is_refusal else None, answer, now=now)
    guess = () if limits or by_kind.is_alone or not is_spent(cause) else (_bare_guess(answer, by_kind.reach, now=now),)
    is_spoken = by_kind.named is not None and is_spent(by_kind.named.cause) and by_kind.named.is_spoken
    disabled = cause is Cause.FORBIDDEN and answer.words.meaning == "disabled"
    return Conclusion(cause, limits, guess, is_spoken, not_before, detail, unreadable, disabled)


def _sorted(signals: list[Signal]) -> SignalsByKind:
    used_up: list[UsedUp] = []
    named, reach, wait, unreadable = None, None, None, ""
    is_open = is_alone = is_readable = False
    for signal in signals:
        match signal:
            case Open():
                is_open = True
            case UsedUp():
                used_up.append(signal)
            case Noted():
                is_readable = True
            case Wait():
                wait = signal.until if wait is None else max(wait, signal.until)
            case Named():
                named = named or signal
            case Reach():
                reach = reach or signal
            case Unreadable():
                unreadable = unreadable or signal.field
            case ThisRequestOnly():
                is_alone = True
            case never:
                assert_never(never)
    is_readable = is_readable or is_open or bool(used_up) or wait is not None
    return SignalsByKind(
        used_up, named, reach or _CREDENTIAL, wait, is_open or is_alone, is_alone, is_readable, unreadable
    )


def _cause(answer: Answer, by_kind: SignalsByKind, asked: AskedWait | None, *, now: float) -> Cause | None:
    """What the failed call was."""
    status, named, windows = answer.status, by_kind.named, [signal.window for signal in by_kind.used_up]
    if answer.is_page and status in _REFUSALS:
        return Cause.NETWORK
    if answer.words.meaning == "no-capacity":
        return Cause.OVERLOADED
    if status != _TOO_MANY:
        return cause_of_status(status) if named is None else named.cause
    if not LONG_WINDOWS.isdisjoint(windows) or (asked is not None and asked.until - now > LONG_WAIT_SECONDS):
        return Cause.QUOTA
    if named is not None:
        return named.cause
    if windows:
        return Cause.THROTTLED if _SHORT_WINDOWS.issuperset(windows) else Cause.QUOTA
    return Cause.THROTTLED if asked is not None or by_kind.is_short else Cause.QUOTA


def _asked_wait(answer: Answer, by_kind: SignalsByKind, *, now: float) -> tuple[AskedWait | None, str]:
    """The moment before which no repetition is wanted, and a header that asks for one and cannot be read.

    Words are read only where no header and no field gives a wait. A short wait beside a code for money is a gateway's.
    """
    in_headers, unreadable = asked_wait(answer, now=now)
    until, source = now if in_headers is None else in_headers, _FROM_HEADER
    if by_kind.wait is not None and by_kind.wait > until:
        until, source = by_kind.wait, _FROM_BODY
    if until <= now and answer.message is not NO_MESSAGE:
        until, source = now + (parse_wait(answer.message) or 0.0), _FROM_BODY
    is_short = until - now <= LONG_WAIT_SECONDS
    if until <= now or (is_short and not MONEY_NAMES.isdisjoint(answer.error.names)):
        return None, unreadable
    return AskedWait(min(until, now + ASKED_WAIT_MAX_SECONDS), source), unreadable


def _limits(by_kind: SignalsByKind, asked: AskedWait | None, answer: Answer, *, now: float) -> tuple[Limit, ...]:
    """One limit for each thing that is used up; a wait that is asked for is one as well."""
    found: dict[_Subject, _Belief] = {}
    used_up = by_kind.used_up
    if (
        asked is not None
        and asked.until - now <= LONG_WAIT_SECONDS
        and not all(signal.waiting_heals for signal in used_up)
    ):
        asked = None
    for signal in used_up:
        if signal.until is not None and signal.until > now and (asked is None or not signal.yields):
            _believe(found, _subject(signal), _Belief(signal.until, signal.source, signal.strength, signal.detail))
    if asked is not None:
        detail = f"HTTP {answer.status}, " + ("retry-after" if asked.source == _FROM_HEADER else "the wait in the body")
        _believe(found, _subject_of_wait(by_kind), _Belief(asked.until, asked.source, "directive", detail))
    endless = [signal for signal in used_up if signal.until is None and (asked is None or not signal.waiting_heals)]
    if len(endless) > 1:
        endless.sort(key=lambda signal: signal.window not in LONG_WINDOWS)
    for signal in endless:
        _guess(found, signal, answer, now=now)
    return tuple([_limit(subject, belief, now=now) for subject, belief in found.items()])


class _Subject(NamedTuple):
    """What a limit is about: statements about the same thing are one limit."""

    window: Window
    scope: LimitScope
    model: str | None


class _Belief(NamedTuple):
    """What is believed about it."""

    until: float
    source: LimitSource
    strength: Strength
    detail: str


def _subject(signal: UsedUp) -> _Subject:
    return _Subject(signal.window, signal.scope, signal.model)


def _subject_of_wait(by_kind: SignalsByKind) -> _Subject:
    """What a wait is about: the longest used-up window among those that reach furthest."""
    if not by_kind.used_up:
        return _Subject("unknown", by_kind.reach.scope, by_kind.reach.model)
    if len(by_kind.used_up) == 1:
        return _subject(by_kind.used_up[0])
    breadth = max(_BREADTH[signal.scope] for signal in by_kind.used_up)
    widest = [signal for signal in by_kind.used_up if _BREADTH[signal.scope] == breadth]
    return _subject(max(widest, key=lambda signal: (WINDOW_CEILING_SECONDS[signal.window], signal.window != "unknown")))


def _believe(found: dict[_Subject, _Belief], subject: _Subject, belief: _Belief) -> None:
    """Of two statements about the same thing the later counts. The same moment told twice is told as hard as once."""
    held = found.get(subject) if found else None
    if held is None:
        found[subject] = belief
        return
    later = belief if belief.until > held.until else held
    is_same = abs(belief.until - held.until) <= _SAME_MOMENT_SECONDS
    if is_same and belief.strength != held.strength:
        harder = held if held.strength == "directive" else belief
        later = harder._replace(until=later.until)
    found[subject] = later


def _guess(found: dict[_Subject, _Belief], signal: UsedUp, answer: Answer, *, now: float) -> None:
    """Believe for a while what nothing gives an end to.

    A short window is worth a guess only if the call was refused, and nothing else is known.
    """
    subject = _subject(signal)
    seconds = signal.guess_seconds
    if seconds is None:
        seconds = _GUESS_BY_WINDOW.get(signal.window, _GUESS_SECONDS)
    is_worth_it = signal.window in LONG_WINDOWS or not (answer.succeeded or found)
    if subject not in found and is_worth_it:
        found[subject] = _Belief(now + seconds, "guess", "advisory", signal.detail)


def _limit(subject: _Subject, belief: _Belief, *, now: float) -> Limit:
    return _believed(
        until=min(belief.until, now + WINDOW_CEILING_SECONDS[subject.window]),
        window=subject.window,
        source=belief.source,
        scope=subject.scope,
        strength=belief.strength,
        detail=belief.detail,
        model=subject.model,
        observed_at=now,
    )


def _bare_guess(answer: Answer, reach: Reach, *, now: float) -> Limit:
    """A refusal that gives nothing to go by."""
    belief = _Belief(now + _GUESS_SECONDS, "guess", "advisory", f"{_origin(answer)}, with no end given")
    return _limit(_Subject("unknown", reach.scope, reach.model), belief, now=now)


def _origin(answer: Answer) -> str:
    """Where it was signal."""
    return (
        f"HTTP {answer.status}" if answer.status is not None and answer.http_status == answer.status else "error event"
    )
