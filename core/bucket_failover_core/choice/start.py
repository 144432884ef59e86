"""Which bucket to call with first, beliefs that may be wrong included?

Rules: `choose_bucket` says which, with three additions, all of which concern beliefs that are merely advisory.

* *The ejection ceiling* (`ejection_ceiling`): at most half of a profile's buckets are benched on advisory evidence.
* *The half-open probe* (`half_open_probe`): from time to time one request tests an advisory limit before its end.
* *The last resort.* If nothing is believed usable, the bucket whose advisory limits end first is tried. Only what has
  been said outright, of all of them, ends a request without a call; and with a single bucket the call is always made.

Intuition: what is merely believed may be wrong, and no belief may end a request without a call.

Road not taken: to trust every belief until its end. A provider that reports one minute wrongly would lose an hour.
"""

from returns.result import Failure, Success

from bucket_failover_core.choice.choose import choose_bucket
from bucket_failover_core.choice.ejection_ceiling import over_ceiling, without_limits
from bucket_failover_core.choice.half_open_probe import (
    due_probe,
    end_of_limits,
    is_benched,
    is_doubtful,
    limits_in_force,
)
from bucket_failover_core.choice.strategies import Strategy
from bucket_failover_core.facts.limits import Limit, is_directive
from bucket_failover_core.facts.snapshots import BucketSnapshot, FailoverSnapshot, current_bucket, has_limits
from bucket_failover_core.failover.decisions import ChoiceResult, UseBucket
from bucket_failover_core.failover.findings import BucketFinding, found
from bucket_failover_core.failover.learned import learn_call, learn_probe, move_session
from bucket_failover_core.value import trusted

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
        `Success` of `UseBucket`, with `is_probe` if the request is a probe. The caller tells the session what has
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
        soonest = min(left, key=lambda bucket: end_of_limits(bucket, now, snapshot.model), default=None)
        return choice if soonest is None else _try(soonest, choice, current)
    doubtful = [bucket for bucket in snapshot.buckets if is_doubtful(bucket, now=now, model=snapshot.model)]
    probed = due_probe(snapshot, doubtful, now=now, draw=draw) if session_key is None else None
    if probed is not None:
        return _probe(probed, choice, current)
    freed = over_ceiling(snapshot, doubtful, now=now)
    if not freed:
        return choice
    eased = without_limits(snapshot, freed)
    return _told(choose_bucket(eased, now=now, strategy=strategy, session_key=session_key, draw=draw), freed)


def begin_with(snapshot: FailoverSnapshot, start: UseBucket, *, at: float, strategy: Strategy) -> FailoverSnapshot:
    """The session after a request has begun with the bucket of `choose_start`. The same object if nothing changes.

    A probe is remembered, so that there is no second one. `round-robin` moves the session on; `least-used` counts.
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


def _may_serve(bucket: BucketSnapshot, now: float, model: str | None) -> bool:
    """Whether the bucket may serve this very request, though limits bench it.

    A limit about a model, if ours is unknown, benches it, but the provider has not said that it is ours.
    """
    limits = limits_in_force(bucket, now, model)
    return not any(_is_certain(limit, model) for limit in limits) and is_benched(bucket, limits, now, model)


def _is_certain(limit: Limit, model: str | None) -> bool:
    """Whether a limit is the provider's word on this very request: one about a model may not be, if ours is unknown."""
    about_a_model = limit.model is not None or limit.scope == "model"
    return is_directive(limit) and (model is not None or not about_a_model)


def _probe(probed: BucketSnapshot, choice: ChoiceResult, current: BucketSnapshot) -> ChoiceResult:
    """The bucket whose limit is tested; the others' findings are those of the choice that it replaces."""
    others = (finding for finding in choice.unwrap().findings if finding.bucket != probed.name)
    return _use(probed, (*others, found(bucket=probed.name, fact="probe-due")), current)


def _told(choice: ChoiceResult, freed: frozenset[str]) -> ChoiceResult:
    """The choice, with a finding that says so if its bucket is one that the ceiling has freed."""
    use = choice.unwrap()
    if use.bucket not in freed:
        return choice
    finding = found(bucket=use.bucket, fact="over-ceiling")
    return Success(use.evolve({"findings": (*use.findings[:-1], finding)}))


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
