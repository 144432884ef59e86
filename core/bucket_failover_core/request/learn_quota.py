"""What a session learns of quota: limits and readings of an answer, and what a success disproves.

A success disproves only what was observed before its call began; a fresh reading replaces a stale belief.
"""

from collections.abc import Callable

from bucket_failover_core.answers.read import AnswerRead
from bucket_failover_core.facts.limits import SHARED_SCOPES, Limit, counts_for, is_directive, is_shared, merge_limits
from bucket_failover_core.facts.snapshots import BucketSnapshot, has_limits
from bucket_failover_core.facts.windows import WindowReading, merge_readings, without_older
from bucket_failover_core.failover.learned import are_same, learn_readings, learn_success
from bucket_failover_core.request.session import SessionSnapshot, replaced_at

Served = tuple[tuple[str | None, float], ...]


def with_served(served: Served, model: str | None, begun_at: float) -> Served:
    """The newest call of each model."""
    if not served or (len(served) == 1 and served[0][0] == model):
        return served if served and served[0][1] >= begun_at else ((model, begun_at),)
    newest = dict(served)
    newest[model] = max(begun_at, newest.get(model, begun_at))
    return tuple(sorted(newest.items(), key=lambda held: held[0] or ""))


def hear_quota(session: SessionSnapshot, bucket: str, answer: AnswerRead, *, begun_at: float | None) -> SessionSnapshot:
    """The session with what an answer says of quota, and nothing else of it: no call of a request is meant.

    Args:
        session: the session.
        bucket: the one that the answer is about. One that the profile does not have changes nothing.
        answer: what `read_answer` made of it.
        begun_at: Unix seconds at which the call began: a success disproves what was observed before that; None: all
            that is believed so far.
    """
    place = session.profile.place_of(bucket)
    if place is None:
        return session
    if answer.served:
        account = session.accounts[place]
        if begun_at is None:
            profile = learn_success(session.profile, bucket, model=answer.model)
            session = session.evolve({"profile": learn_readings(profile, bucket, answer.readings)})
        served = with_served(account.served, answer.model, answer.at if begun_at is None else begun_at)
        session = session.evolve({"accounts": replaced_at(session.accounts, place, account.evolve({"served": served}))})
    return heard(session, place, answer)


def heard(session: SessionSnapshot, place: int, answer: AnswerRead) -> SessionSnapshot:
    """What an answer to the bucket at `place` says of quota; the same session if it says nothing."""
    if answer.limits or answer.readings or has_limits(session.profile):
        return _with_quota(session, place, answer.limits, answer.readings)
    return session


def _with_quota(
    session: SessionSnapshot, place: int, limits: tuple[Limit, ...], readings: tuple[WindowReading, ...]
) -> SessionSnapshot:
    """Limits and readings of an answer to the bucket at `place`; what they and successes disprove goes, everywhere."""
    earner = session.profile.buckets[place]
    shared = tuple(limit for limit in limits if is_shared(limit)) if earner.quota_domain else ()
    reported = merge_readings(earner.readings, readings) if readings else earner.readings

    def told(at: int, bucket: BucketSnapshot) -> BucketSnapshot:
        is_own = at == place
        joins = limits if is_own else shared if bucket.quota_domain == earner.quota_domain else ()
        held = merge_limits(bucket.limits, joins) if joins else bucket.limits
        kept = _in_order(tuple(limit for limit in held if not is_disproved(limit, at))) if held else ()
        facts: dict[str, object] = {} if kept == bucket.limits else {"limits": kept}
        if is_own and readings:
            facts["readings"] = reported
        return bucket.evolve(facts) if facts else bucket

    is_disproved = _disproof(session, place, reported)
    buckets = tuple(told(at, bucket) for at, bucket in enumerate(session.profile.buckets))
    if are_same(buckets, session.profile.buckets):
        return session
    return session.evolve({"profile": session.profile.evolve({"buckets": buckets})})


def _disproof(
    session: SessionSnapshot, place: int, reported: tuple[WindowReading, ...]
) -> Callable[[Limit, int], bool]:
    """Whether what is known of calls that were served, and of open windows, disproves a limit of the bucket at a place.

    Evidence of another bucket counts if it shares the limit.
    """
    buckets, accounts = session.profile.buckets, session.accounts

    def is_disproved(limit: Limit, at: int) -> bool:
        domain = buckets[at].quota_domain
        is_wide = domain != "" and limit.scope in SHARED_SCOPES
        others = (other for other, bucket in enumerate(buckets) if other != at and bucket.quota_domain == domain)
        witnesses = [at, *others] if is_wide else [at]
        for other in witnesses:
            seen = reported if other == place else buckets[other].readings
            if _disproves(accounts[other].served, limit) or (seen and not without_older((limit,), seen)):
                return True
        return False

    return is_disproved


def _disproves(served: Served, limit: Limit) -> bool:
    """Whether a call that began after the limit was observed, and that it would have benched, was served."""
    if not served or is_directive(limit):
        return False
    return any(
        (limit.observed_at is None or limit.observed_at < begun_at) and counts_for(limit, model)
        for model, begun_at in served
    )


def _in_order(limits: tuple[Limit, ...]) -> tuple[Limit, ...]:
    """The same limits, in an order that does not tell in which one they came."""
    if len(limits) < 2:  # noqa: PLR2004 - one is in order
        return limits
    return tuple(sorted(limits, key=lambda limit: (limit.window, limit.scope, limit.model or "", limit.until)))
