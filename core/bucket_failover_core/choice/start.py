"""Which bucket to call with first, beliefs that may be wrong included?

Rules: `choose_bucket` says which, with three additions, all of which concern beliefs that are merely advisory.

* *The ceiling.* At most half of a profile's buckets are benched on advisory evidence; those over it whose limits end
  first count as usable. A provider's bad minute does not become an hour of ours.
* *The canary.* From time to time one request of real traffic, of no named conversation, tests an advisory limit before
  its end: one bucket at a time, not before an interval (spread by `draw`) has passed since anybody last heard of it or
  tested another. If it is served, the limit is disproved; if not, the request goes on elsewhere, the session stays, and
  the limit is fresh again.
* *The last resort.* If nothing is believed usable, the bucket whose advisory limits end first is tried. Only what has
  been said outright, of all of them, ends a request without a call; and with a single bucket the call is always made.

Intuition: a limit that nobody tests is believed until its end, however wrong it is; one that everybody tests is none.

Road not taken: to probe in the background. A request that nobody needs costs quota, and proves nothing about ours.
"""

from typing import Final

from returns.result import Failure, Success

from bucket_failover_core.choice.choose import choose_bucket
from bucket_failover_core.choice.strategies import Strategy
from bucket_failover_core.facts.limits import Limit, counts_for, is_directive
from bucket_failover_core.facts.snapshots import BucketSnapshot, FailoverSnapshot, current_bucket, has_limits
from bucket_failover_core.failover.decisions import ChoiceResult, UseBucket
from bucket_failover_core.failover.findings import BucketFinding, found
from bucket_failover_core.failover.learned import learn_call, learn_probe, move_session
from bucket_failover_core.failover.standing import OPEN_FACTS, find, token_fact
from bucket_failover_core.value import trusted

_INTERVAL_SPREAD: Final = 0.2
"""A probe is due after the interval, or up to this fraction of it later, by `draw`."""

_used = trusted(UseBucket)


def choose_start(
    snapshot: FailoverSnapshot,
    *,
    now: float,
    strategy: Strategy = "sticky",
    session_key: str | None = None,
    draw: float = 0.0,
) -> ChoiceResult:
    """The bucket to call with first, also if nothing is believed to be usable.

    Example: both buckets have advisory limits, until 9000.0 and until 5000.0: the second is tried. Were both limits
    directive, the answer would be `Failure`, with `retry_at=5000.0`.

    Args:
        snapshot: what is known.
        now: Unix seconds.
        strategy: see `choose_bucket`.
        session_key: see `choose_bucket`.
        draw: chance, in [0, 1).

    Returns:
        `Success` of `UseBucket`, with `is_probe` if the request is a canary. The caller tells the session what has
        begun (`begin_with`). `Failure` of `AllBucketsExhausted` if no call is worth making.

    Raises:
        ValueError: `now` is no moment, `draw` is not in [0, 1), or there is no such strategy.
    """
    choice = choose_bucket(snapshot, now=now, strategy=strategy, session_key=session_key, draw=draw)
    current = current_bucket(snapshot)
    if current is None:
        return choice
    if len(snapshot.buckets) == 1:
        return choice if isinstance(choice, Success) else _try(current, choice, current)
    if not has_limits(snapshot):
        return choice
    if isinstance(choice, Failure):
        left = [bucket for bucket in snapshot.buckets if _may_serve(bucket, now, snapshot.model)]
        soonest = min(left, key=lambda bucket: _end(bucket, now, snapshot.model), default=None)
        return choice if soonest is None else _try(soonest, choice, current)
    doubtful = [bucket for bucket in snapshot.buckets if is_doubtful(bucket, now=now, model=snapshot.model)]
    canary = _canary(snapshot, doubtful, now=now, draw=draw) if session_key is None else None
    if canary is not None:
        return _probe(canary, choice, current)
    excess = len(doubtful) - len(snapshot.buckets) // 2
    if excess <= 0:
        return choice
    by_end = sorted(doubtful, key=lambda bucket: _end(bucket, now, snapshot.model))
    trusted = frozenset(bucket.name for bucket in by_end[:excess])
    eased = snapshot.evolve({"buckets": tuple(_eased(bucket, trusted) for bucket in snapshot.buckets)})
    return _told(choose_bucket(eased, now=now, strategy=strategy, session_key=session_key, draw=draw), trusted)


def begin_with(snapshot: FailoverSnapshot, start: UseBucket, *, at: float, strategy: Strategy) -> FailoverSnapshot:
    """The session after a request has begun with the bucket of `choose_start`. The same object if nothing changes.

    A canary is remembered, so that there is no second one. `round-robin` moves the session on; `least-used` counts.
    With the other strategies, a request that starts elsewhere makes a detour, and the session stays with its bucket.

    Args:
        snapshot: the session.
        start: what `choose_start` answered.
        at: Unix seconds.
        strategy: the one that was asked for.

    Raises:
        ValueError: the profile has no such bucket.
    """
    if start.is_probe:
        return learn_probe(snapshot, start.bucket, at=at)
    if strategy == "round-robin":
        return move_session(snapshot, start.bucket)
    return learn_call(snapshot, start.bucket) if strategy == "least-used" else snapshot


def is_doubtful(bucket: BucketSnapshot, *, now: float, model: str | None) -> bool:
    """Whether the bucket is ruled out by advisory limits alone."""
    limits = _in_force(bucket, now, model)
    return not any(map(is_directive, limits)) and _is_benched(bucket, limits, now, model)


def _may_serve(bucket: BucketSnapshot, now: float, model: str | None) -> bool:
    """Whether the bucket may serve this very request, though limits bench it.

    A limit about a model, if ours is unknown, benches it, but nobody has said that it is ours.
    """
    limits = _in_force(bucket, now, model)
    return not any(_is_certain(limit, model) for limit in limits) and _is_benched(bucket, limits, now, model)


def _is_benched(bucket: BucketSnapshot, limits: list[Limit], now: float, model: str | None) -> bool:
    """Whether limits alone rule it out: there is a token to call with, or it can be had."""
    found = find(bucket, now=now, model=model)
    return limits != [] and found.fact == "limit-in-force" and token_fact(bucket, now=now) in OPEN_FACTS


def _in_force(bucket: BucketSnapshot, now: float, model: str | None) -> list[Limit]:
    return [limit for limit in bucket.limits if limit.until > now and counts_for(limit, model)]


def _is_certain(limit: Limit, model: str | None) -> bool:
    """Whether a limit is the provider's word on this very request: one about a model may not be, if ours is unknown."""
    about_a_model = limit.model is not None or limit.scope == "model"
    return is_directive(limit) and (model is not None or not about_a_model)


def _end(bucket: BucketSnapshot, now: float, model: str | None) -> float:
    return max(limit.until for limit in _in_force(bucket, now, model))


def _canary(
    snapshot: FailoverSnapshot, doubtful: list[BucketSnapshot], *, now: float, draw: float
) -> BucketSnapshot | None:
    """The bucket that this request tests: the one that nobody has heard of for longest, if a test is due."""
    if not doubtful:
        return None
    interval = snapshot.policy.probe_interval_seconds * (1 + _INTERVAL_SPREAD * draw)
    probes = [bucket.probed_at for bucket in snapshot.buckets if bucket.probed_at is not None]
    if probes and now < max(probes) + interval:
        return None
    oldest = min(doubtful, key=lambda bucket: _heard_at(bucket, now, snapshot.model))
    return oldest if now >= _heard_at(oldest, now, snapshot.model) + interval else None


def _heard_at(bucket: BucketSnapshot, now: float, model: str | None) -> float:
    """When the provider was last heard on the bucket's limits, as far as that is known: else now."""
    moments = [now if limit.observed_at is None else limit.observed_at for limit in _in_force(bucket, now, model)]
    return max([*moments, bucket.probed_at] if bucket.probed_at is not None else moments)


def _eased(bucket: BucketSnapshot, trusted: frozenset[str]) -> BucketSnapshot:
    """The bucket as if its limits were not, if it is one of those trusted."""
    return bucket.evolve({"limits": ()}) if bucket.name in trusted else bucket


def _probe(canary: BucketSnapshot, choice: ChoiceResult, current: BucketSnapshot) -> ChoiceResult:
    """The bucket whose limit is tested; the others' findings are those of the choice that it replaces."""
    others = (finding for finding in choice.unwrap().findings if finding.bucket != canary.name)
    return _use(canary, (*others, found(bucket=canary.name, fact="probe-due")), current)


def _told(choice: ChoiceResult, trusted: frozenset[str]) -> ChoiceResult:
    """The choice, with a finding that says so if its bucket is one that the ceiling has freed."""
    use = choice.unwrap()
    if use.bucket not in trusted:
        return choice
    freed = found(bucket=use.bucket, fact="over-ceiling")
    return Success(use.evolve({"findings": (*use.findings[:-1], freed)}))


def _try(bucket: BucketSnapshot, ruled_out: ChoiceResult, current: BucketSnapshot) -> ChoiceResult:
    """The bucket in spite of what is believed, with the findings of the others."""
    findings = ruled_out.failure().findings
    own = next(finding for finding in findings if finding.bucket == bucket.name)
    others = tuple(finding for finding in findings if finding is not own)
    last = found(bucket=bucket.name, fact="last-resort", detail=own.detail, until=own.until)
    return _use(bucket, (*others, last), current)


def _use(bucket: BucketSnapshot, findings: tuple[BucketFinding, ...], current: BucketSnapshot) -> ChoiceResult:
    via = bucket.renewed_by or "token"
    return Success(_used(bucket=bucket.name, switched=bucket is not current, via=via, findings=findings))
