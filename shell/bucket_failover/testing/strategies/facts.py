"""What is known: tokens, limits, failed calls, buckets, policies, and the profiles that are made of them."""

from collections.abc import Sequence
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from bucket_failover_core import (
    BucketSnapshot,
    Cause,
    FailoverPolicy,
    FailoverSnapshot,
    KnownToken,
    Limit,
    RetryPolicy,
    TokenAbsent,
    TokenCorrupt,
    TokenHeld,
    TokenOutage,
    TokenUnread,
    Trigger,
)
from bucket_failover_core.facts import Problem

NOW: Final = 1_786_553_400.0
"""Around which moment everything lies, unless the caller says otherwise: 2026-08-12T16:50:00Z."""
NAMES: Final = ("default", "claudius", "vybestack", "acoliver", "spare")
"""What buckets are called."""
FINGERPRINTS: Final = ("", "fp-1", "fp-2", "fp-3")
"""Of tokens; the empty one is unknown."""

_DOMAINS: Final = ("", "org-1", "org-2")
_MODELS: Final = (None, "opus", "haiku")
_OFFSETS: Final = (-1.0, 0.0, 1.0, 60.0, 9_000.0)


def _moments(now: float) -> tuple[float, ...]:
    return tuple(now + offset for offset in _OFFSETS)


def tokens(*, now: float = NOW, fingerprints: Sequence[str] = FINGERPRINTS) -> SearchStrategy[KnownToken]:
    """Whatever a store may answer: a token that has ended, ends now, or lives on; none; a corrupt one; an outage.

    Example: `tokens(now=1_000.0).filter(lambda token: token.kind == "held")`.

    Args:
        now: Unix seconds; an expiry is unknown, or from one second before to 9 000 after.
        fingerprints: those that a token may have, at least one.
    """
    held = st.builds(
        TokenHeld,
        expiry=st.sampled_from((None, *_moments(now))),
        fingerprint=st.sampled_from(fingerprints),
        refreshable=st.booleans(),
    )
    return st.one_of(
        held,
        held,
        st.just(TokenAbsent()),
        st.builds(TokenCorrupt, detail=st.sampled_from(("", "half a token"))),
        st.builds(TokenOutage, detail=st.sampled_from(("", "disk on fire"))),
    )


def limits(*, now: float = NOW) -> SearchStrategy[tuple[Limit, ...]]:
    """What may be believed of a bucket's quota: mostly nothing, at most three limits of any scope and strength.

    Example: `limits(now=1_000.0).filter(bool)` is at least one limit, until 999, 1000, 1001, 1060 or 10 000.

    Args:
        now: Unix seconds; a limit was read then, two seconds before, or at a moment that is not known.
    """
    one = st.builds(
        Limit,
        until=st.sampled_from(_moments(now)),
        window=st.sampled_from(("minute", "5h", "week")),
        source=st.just("header"),
        scope=st.sampled_from(("request", "model", "credential", "organization", "provider")),
        strength=st.sampled_from(("directive", "advisory")),
        model=st.sampled_from(_MODELS),
        observed_at=st.sampled_from((None, now - 2, now)),
    )
    return st.one_of(st.just(()), st.just(()), st.lists(one, max_size=3).map(tuple))


def triggers(*, now: float = NOW, fingerprints: Sequence[str] = FINGERPRINTS) -> SearchStrategy[Trigger]:
    """Whatever is known of a failed call: a status or none, a cause or none, which token it used, limits.

    Example: `triggers().map(lambda trigger: CallFailed(trigger=trigger))`.

    Args:
        now: Unix seconds, for its limits.
        fingerprints: those that the call's token may have, at least one.
    """
    return st.builds(
        Trigger,
        status=st.sampled_from((None, 401, 401, 402, 403, 408, 429, 500, 529)),
        cause=st.one_of(st.none(), st.none(), st.sampled_from(Cause)),
        fingerprint=st.sampled_from((None, *fingerprints)),
        limits=limits(now=now),
        detail=st.sampled_from(("", "as the provider put it")),
    )


def buckets(
    *, now: float = NOW, fingerprints: Sequence[str] = FINGERPRINTS, used: bool = False
) -> SearchStrategy[BucketSnapshot]:
    """A bucket named "claudius": a login or an API key, read or not, paused or not, with its limits.

    Example: `buckets(used=True).map(lambda bucket: bucket.model_copy(update={"name": "work"}))`.

    Args:
        now: Unix seconds.
        fingerprints: see `tokens`.
        used: it is in the middle of a request: refused, refreshed, tried, with at most three problems; else at its
            beginning.
    """
    fresh = st.builds(
        BucketSnapshot,
        name=st.just("claudius"),
        token=st.one_of(st.just(TokenUnread()), tokens(now=now, fingerprints=fingerprints)),
        paused=st.sampled_from((False, False, True)),
        limits=limits(now=now),
        quota_domain=st.sampled_from(_DOMAINS),
        api_key=st.sampled_from((False, False, True)),
    )
    return st.builds(_aged, fresh, _histories()) if used else fresh


def _histories() -> SearchStrategy[dict[str, object]]:
    """What may have befallen a bucket in a request."""
    problems = st.builds(
        Problem,
        cause=st.one_of(st.none(), st.sampled_from(Cause)),
        detail=st.sampled_from(("", "earlier", "later")),
    )
    return st.fixed_dictionaries(
        {
            "rejected": st.sampled_from(((), (), ("fp-1",), ("fp-2",), ("fp-2", "fp-3"))),
            "refresh_spent": st.booleans(),
            "reauth_spent": st.sampled_from((False, False, True)),
            "renewed_by": st.sampled_from((None, None, "refresh", "reauth")),
            "tried": st.booleans(),
            "problems": st.lists(problems, max_size=3).map(tuple),
        }
    )


def _aged(fresh: BucketSnapshot, past: dict[str, object]) -> BucketSnapshot:
    """The bucket with that history; nothing has renewed a token that is not there."""
    return fresh.model_copy(update=past if fresh.token.kind == "held" else {**past, "renewed_by": None})


def failover_policies() -> SearchStrategy[FailoverPolicy]:
    """What a user may allow: 0 to 3 logins, of 1 to 300 seconds, and probes every second to every ten minutes.

    Example: `failover_policies().map(lambda policy: policy.reauths_per_request)` is 0, 1, 2 or 3.
    """
    return st.builds(
        FailoverPolicy,
        reauths_per_request=st.integers(0, 3),
        reauth_timeout_seconds=st.sampled_from((300.0, 1.0)),
        probe_interval_seconds=st.sampled_from((600.0, 1.0)),
        spread_seconds=st.sampled_from((30.0, 0.0, 600.0)),
    )


def retry_policies() -> SearchStrategy[RetryPolicy]:
    """How patient a request may be: 1 to 4 calls or the default, own waits of 0 to 30 s, hints of up to 0 to 300 s.

    Example: `begin_request(session, now=now, draw=0.5, policy=data.draw(retry_policies()))`.
    """
    return st.builds(
        RetryPolicy,
        max_attempts=st.sampled_from((None, None, 1, 2, 4)),
        backoff_min_seconds=st.sampled_from((5.0, 0.0)),
        jitter=st.sampled_from((0.3, 0.0, 1.0)),
        hint_max_seconds=st.sampled_from((300.0, 30.0, 0.0)),
        waits_for_profile=st.sampled_from((True, True, False)),
        patience_seconds=st.sampled_from((None, None, 0.0, 60.0)),
    )


@st.composite
def _snapshots(
    draw: st.DrawFn,
    facts: SearchStrategy[BucketSnapshot],
    trigger: SearchStrategy[Trigger],
    policies: SearchStrategy[FailoverPolicy],
    sizes: tuple[int, int],
) -> FailoverSnapshot:
    names = draw(st.permutations(NAMES))[: draw(st.integers(*sizes))]
    return FailoverSnapshot(
        provider="anthropic",
        buckets=tuple(draw(facts).model_copy(update={"name": name}) for name in names),
        current=draw(st.sampled_from((None, *names))),
        trigger=draw(trigger),
        policy=draw(policies),
        model=draw(st.sampled_from(_MODELS)),
    )


def snapshots(
    *,
    now: float = NOW,
    fingerprints: Sequence[str] = FINGERPRINTS,
    min_size: int = 0,
    max_size: int = len(NAMES),
    used: bool = False,
    policies: SearchStrategy[FailoverPolicy] | None = None,
) -> SearchStrategy[FailoverSnapshot]:
    """Profiles of which a call has failed, for `decide_failover`: buckets in any order, any of them in use.

    Example: `snapshots(min_size=1, max_size=3)` has one to three buckets, whose names are among `NAMES`.

    Args:
        now: Unix seconds.
        fingerprints: see `tokens`.
        min_size: the fewest buckets, 0 or more.
        max_size: the most, 5 or fewer.
        used: the request is under way, and its buckets have a history; else this is its first failure.
        policies: what the user allows; None: `failover_policies()`.
    """
    return _snapshots(
        buckets(now=now, fingerprints=fingerprints, used=used),
        triggers(now=now, fingerprints=fingerprints),
        failover_policies() if policies is None else policies,
        (min_size, max_size),
    )
