"""What happens: the outcome of a step, events that fit a snapshot, and sessions that have learned some."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from bucket_failover.testing.strategies.answers import answers
from bucket_failover.testing.strategies.facts import FINGERPRINTS, NAMES, NOW, snapshots, tokens, triggers
from bucket_failover_core import (
    BucketFailureReason,
    BucketSwitched,
    CallAnswered,
    CallBegun,
    CallFailed,
    CallSucceeded,
    FailoverEvent,
    FailoverPolicy,
    FailoverSnapshot,
    FailoverStep,
    ReadToken,
    Reauthenticate,
    Reauthenticated,
    ReauthFailed,
    RefreshFailed,
    RefreshToken,
    RequestEvent,
    SearchFailed,
    SessionSnapshot,
    TokenRead,
    TokenRefreshed,
    begin_session,
    learn,
    read_answer,
)

StepEvent = TokenRead | TokenRefreshed | RefreshFailed | Reauthenticated | ReauthFailed
"""What can come of a step about a token; both `advance` and `advance_request` take it."""


@st.composite
def _sessions(draw: st.DrawFn, profiles: SearchStrategy[FailoverSnapshot], now: float) -> SessionSnapshot:
    session = begin_session(draw(profiles), phase=draw(st.sampled_from((None, 0.0, 0.5))))
    for ago in sorted(draw(st.lists(st.sampled_from((0.0, 1.0, 60.0, 9_000.0)), max_size=5)), reverse=True):
        session = learn(session, draw(events(session, now=now - ago)))
    return session


def sessions(
    *,
    now: float = NOW,
    min_size: int = 1,
    max_size: int = len(NAMES),
    policies: SearchStrategy[FailoverPolicy] | None = None,
) -> SearchStrategy[SessionSnapshot]:
    """Sessions that can come about: a profile, and at most five events that it has learned, the oldest first.

    Example: `begin_request(data.draw(sessions(now=1_000.0)), now=1_000.0, draw=0.5)`.

    Args:
        now: Unix seconds; the events happened then, or up to 9 000 seconds before.
        min_size: the fewest buckets, 0 or more.
        max_size: the most, 5 or fewer.
        policies: what the user allows; None: `failover_policies()`.
    """
    return _sessions(snapshots(now=now, min_size=min_size, max_size=max_size, policies=policies), now)


def _named(names: tuple[str, ...], now: float) -> SearchStrategy[StepEvent]:
    """What may come of a step about the token of one of these buckets."""
    return st.sampled_from(names).flatmap(
        lambda name: st.one_of(_read(name, now), _refreshed(name, now), _logged_in(name, now))
    )


def _read(name: str, now: float) -> SearchStrategy[StepEvent]:
    keys = st.sampled_from((False, False, True))
    return st.builds(TokenRead, bucket=st.just(name), token=tokens(now=now), at=st.just(now), api_key=keys)


def _refreshed(name: str, now: float) -> SearchStrategy[StepEvent]:
    bucket, at = st.just(name), st.just(now)
    failed = st.builds(
        RefreshFailed,
        bucket=bucket,
        detail=st.sampled_from(("", "invalid_grant")),
        permanent=st.booleans(),
        at=at,
        retry_at=st.sampled_from((None, None, now + 60)),
    )
    return st.one_of(st.builds(TokenRefreshed, bucket=bucket, token=tokens(now=now), at=at), failed)


def _logged_in(name: str, now: float) -> SearchStrategy[StepEvent]:
    bucket, at, how = st.just(name), st.just(now), st.sampled_from(({}, {"timed_out": True}, {"declined": True}))
    failed = how.map(lambda said: ReauthFailed.model_validate({"bucket": name, "at": now} | said))
    return st.one_of(st.builds(Reauthenticated, bucket=bucket, token=tokens(now=now), at=at), failed)


def outcomes(step: FailoverStep, *, now: float = NOW) -> SearchStrategy[StepEvent]:
    """What may come of this very step: a token of any kind, or that a refresh or a login has brought nothing.

    Example: `event = data.draw(outcomes(decision, now=now))`, in place of a store, an issuer and a user.

    Args:
        step: what the core has asked for.
        now: Unix seconds at which it has ended.
    """
    match step:
        case ReadToken():
            return _read(step.bucket, now)
        case RefreshToken():
            return _refreshed(step.bucket, now)
        case Reauthenticate():
            return _logged_in(step.bucket, now)


def events(session: SessionSnapshot, *, now: float = NOW) -> SearchStrategy[RequestEvent]:
    """What may happen next to this session, for `learn` and `advance_request`: always of a bucket that it has.

    Example: `session = learn(session, data.draw(events(session, now=1_000.0)))`.

    Args:
        session: whose buckets they are about; without any, all that can happen is that a foreign search fails.
        now: Unix seconds; everything happens then, and a call that is answered began at most 30 seconds before.
    """
    names = tuple(bucket.name for bucket in session.profile.buckets)
    reasons = st.dictionaries(st.sampled_from(names), st.sampled_from(BucketFailureReason)) if names else st.just({})
    failed = st.builds(SearchFailed, reasons=reasons)
    if not names:
        return failed
    one, flag = st.sampled_from(names), st.booleans()
    begun = st.builds(CallBegun, bucket=one, at=st.just(now), is_probe=flag, moves=flag, is_retry=flag, is_counted=flag)
    answered = st.builds(
        CallAnswered,
        bucket=one,
        answer=answers(now=now).map(lambda answer: read_answer(answer, now=now)),
        begun_at=st.sampled_from((now, now - 0.5, now - 30)),
        fingerprint=st.sampled_from(FINGERPRINTS),
    )
    return st.one_of(_named(names, now), begun, answered, st.builds(BucketSwitched, bucket=one), failed)


def failover_events(snapshot: FailoverSnapshot, *, now: float = NOW) -> SearchStrategy[FailoverEvent]:
    """What may happen next to this snapshot, for `advance`: always of a bucket that it has.

    Example: `snapshot = advance(snapshot, data.draw(failover_events(snapshot, now=1_000.0)))`.

    Args:
        snapshot: whose buckets they are about; without any, calls without a bucket fail or succeed.
        now: Unix seconds at which everything happens.
    """
    names = tuple(bucket.name for bucket in snapshot.buckets)
    failed = st.builds(CallFailed, trigger=triggers(now=now), bucket=st.sampled_from((None, *names)))
    called = st.one_of(failed, st.just(CallSucceeded()))
    if not names:
        return called
    return st.one_of(_named(names, now), called, st.builds(BucketSwitched, bucket=st.sampled_from(names)))
