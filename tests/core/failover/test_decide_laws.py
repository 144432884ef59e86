"""What holds of every failover, whatever the profile, the world, and the failures of the request."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from bucket_failover_core import (
    AllBucketsExhausted,
    BucketSnapshot,
    CallFailed,
    Cause,
    FailoverDecision,
    FailoverEvent,
    FailoverSnapshot,
    Limit,
    TokenHeld,
    TokenState,
    TokenUnread,
    Trigger,
    UseBucket,
    advance,
    decide_failover,
)
from tests.support.oracle import foresee
from tests.support.worlds import (
    FINGERPRINTS,
    MOMENTS,
    NAMES,
    NOW,
    Question,
    Run,
    World,
    answer_of,
    call_failures,
    fresh_profiles,
    named,
    rebuilt,
    run,
    used_buckets,
    used_profiles,
    worlds,
)

DECISIONS: TypeAdapter[FailoverDecision] = TypeAdapter(FailoverDecision)
EVENTS: TypeAdapter[FailoverEvent] = TypeAdapter(FailoverEvent)
NAMED = FINGERPRINTS[1:]
FAILURES = st.lists(call_failures(), min_size=1, max_size=8)


@dataclass(frozen=True)
class Request:
    """A whole request: a failover after each failed call, until no bucket is left or the calls stop failing."""

    failovers: tuple[Run, ...]

    @property
    def questions(self) -> list[Question]:
        return [question for each in self.failovers for question in each.questions]


def play(snapshot: FailoverSnapshot, world: World, failures: list[CallFailed]) -> Request:
    """Each failure is the current bucket's; one that names a token names the one that the call used."""
    failovers: list[Run] = []
    for failure in failures:
        event = honest(snapshot, failure)
        failovers.append(run(advance(snapshot, event), world))
        snapshot = failovers[-1].snapshot
        if isinstance(failovers[-1].answer, AllBucketsExhausted):
            break
    return Request(tuple(failovers))


def honest(snapshot: FailoverSnapshot, failure: CallFailed) -> CallFailed:
    """The failure, naming the token that the call used, if it names one."""
    token = current_of(snapshot).token if snapshot.buckets else TokenUnread()
    named = token.fingerprint if failure.trigger.fingerprint and isinstance(token, TokenHeld) else None
    return failure.model_copy(update={"trigger": failure.trigger.model_copy(update={"fingerprint": named})})


def current_of(snapshot: FailoverSnapshot) -> BucketSnapshot:
    """The bucket in use."""
    return named(snapshot, snapshot.current or snapshot.buckets[0].name)


@pytest.mark.requirement("REQ-1598-FL01")
@settings(max_examples=800)
@given(snapshot=used_profiles(), world=worlds())
def test_a_failover_ends_as_the_oracle_says(snapshot: FailoverSnapshot, world: World) -> None:
    """Up to five buckets in the middle of any request: the same steps, the same end, the same reasons."""
    story = run(snapshot, world)
    prophecy = foresee(snapshot, world, now=NOW)
    assert story.questions == prophecy.questions
    if isinstance(story.answer, UseBucket):
        assert (story.answer.bucket, story.answer.switched, story.answer.via) == prophecy.use
        return
    assert prophecy.use is None
    assert story.answer.reasons == prophecy.reasons
    assert list(story.answer.reasons) == [each.name for each in snapshot.buckets]
    assert story.answer.needs_login == prophecy.needs_login
    assert story.answer.retry_at == prophecy.retry_at


@pytest.mark.requirement("REQ-1598-PE03")
@settings(max_examples=200)
@given(snapshot=fresh_profiles(), world=worlds(), failures=FAILURES)
def test_no_step_is_taken_twice_in_a_request(
    snapshot: FailoverSnapshot, world: World, failures: list[CallFailed]
) -> None:
    """However often its calls fail: no bucket is refreshed or prompted for twice, nor read twice in one search."""
    request = play(snapshot, world, failures)
    healed = [question for question in request.questions if question[0] != "read-token"]
    assert len(healed) == len(set(healed))
    for search in request.failovers:
        assert len(search.questions) == len(set(search.questions)) <= 3 * len(snapshot.buckets)


@settings(max_examples=200)
@given(snapshot=fresh_profiles(), world=worlds(), failures=FAILURES)
def test_a_request_asks_for_as_many_logins_as_the_policy_allows(
    snapshot: FailoverSnapshot, world: World, failures: list[CallFailed]
) -> None:
    """Over all its failovers together."""
    request = play(snapshot, world, failures)
    logins = sum(kind == "reauthenticate" for kind, _ in request.questions)
    assert logins == request.failovers[-1].snapshot.reauths_spent <= snapshot.policy.reauths_per_request


@settings(max_examples=200)
@given(snapshot=fresh_profiles(min_size=1), world=worlds(), failures=FAILURES)
def test_a_refused_token_is_never_used_again(
    snapshot: FailoverSnapshot, world: World, failures: list[CallFailed]
) -> None:
    """Whatever its expiry says, and whichever bucket holds it."""
    refused: set[str] = set()
    for failover, failure in zip(play(snapshot, world, failures).failovers, failures, strict=False):
        trigger = failure.trigger
        cause = trigger.cause or {401: Cause.UNAUTHENTICATED, 403: Cause.FORBIDDEN}.get(trigger.status or 0)
        named = failover.snapshot.trigger.fingerprint
        if cause in {Cause.UNAUTHENTICATED, Cause.FORBIDDEN} and named:
            refused.add(named)
        if isinstance(failover.answer, UseBucket):
            token = current_of(failover.snapshot).token
            assert isinstance(token, TokenHeld)
            assert token.fingerprint not in refused
            assert token.fingerprint not in current_of(failover.snapshot).rejected


@settings(max_examples=200)
@given(snapshot=fresh_profiles(min_size=1), world=worlds(), trigger=call_failures().map(lambda event: event.trigger))
def test_a_request_that_never_succeeds_ends(snapshot: FailoverSnapshot, world: World, trigger: Trigger) -> None:
    """Each bucket is used at most four times: as it was, as it was found, refreshed, and logged in to."""
    endless = [CallFailed(trigger=trigger)] * (4 * len(snapshot.buckets) + 1)
    assert isinstance(play(snapshot, world, endless).failovers[-1].answer, AllBucketsExhausted)


@settings(max_examples=200)
@given(snapshot=fresh_profiles(), world=worlds(), failures=FAILURES)
def test_a_bucket_that_failed_is_not_gone_back_to_unless_renewed(
    snapshot: FailoverSnapshot, world: World, failures: list[CallFailed]
) -> None:
    """A switch leads to a bucket that was not tried, or that a refresh or a login has renewed since."""
    tried: set[str] = set()
    for failover in play(snapshot, world, failures).failovers:
        answer = failover.answer
        if isinstance(answer, UseBucket) and answer.switched:
            assert answer.bucket not in tried or answer.via != "token"
        tried = {each.name for each in failover.snapshot.buckets if each.tried}


@pytest.mark.requirement("REQ-1598-FL11")
@settings(max_examples=200)
@given(snapshot=used_profiles(min_size=2), world=worlds())
def test_nobody_gives_up_while_a_bucket_is_left(snapshot: FailoverSnapshot, world: World) -> None:
    """An untried bucket that is usable, or was made so by its refresh, is used: its world is made kind here."""
    other = next(each for each in snapshot.buckets if each is not current_of(snapshot))
    kind = other.model_copy(
        update={"token": TokenUnread(), "tried": False, "paused": False, "limits": (), "reauth_spent": False}
    )
    unlimited = snapshot.trigger.model_copy(update={"limits": ()})
    buckets = tuple(kind if each is other else each for each in snapshot.buckets)
    good = TokenHeld(expiry=NOW + 1, fingerprint="good")
    stale = TokenHeld(expiry=NOW, fingerprint="stale")
    hopeful = snapshot.model_copy(update={"buckets": buckets, "trigger": unlimited})
    steps = dict(world.outcomes)
    steps["read-token", other.name] = good if other.refresh_spent or other.api_key else stale
    steps["refresh-token", other.name] = good
    assert isinstance(run(hopeful, World(steps)).answer, UseBucket)


@pytest.mark.requirement("REQ-1598-SM04")
@settings(max_examples=200)
@given(snapshot=fresh_profiles(NAMED), world=worlds(NAMED), failures=FAILURES)
def test_a_reason_once_earned_is_not_overwritten_by_skipped(
    snapshot: FailoverSnapshot, world: World, failures: list[CallFailed]
) -> None:
    """Unless a refresh or a login has brought another token since. One without a name is not remembered: none here."""
    earned: set[str] = set()
    for failover in play(snapshot, world, failures).failovers:
        renewed = {name for kind, name in failover.questions if kind != "read-token"}
        reasons = {each.bucket: each.reason for each in failover.answer.findings}
        assert not {name for name in earned - renewed if reasons.get(name) == "skipped"}
        earned -= renewed
        earned |= {name for name, reason in reasons.items() if reason not in {None, "skipped"}}


@pytest.mark.requirement("REQ-1598-PE02")
@given(snapshot=used_profiles(min_size=2), foreign=used_buckets())
def test_buckets_after_the_one_that_is_asked_about_are_not_looked_at(
    snapshot: FailoverSnapshot, foreign: BucketSnapshot
) -> None:
    """Whatever is known of them, the answer is the same."""
    answer = answer_of(snapshot)
    looked_at = {finding.bucket for finding in answer.findings}
    buckets = tuple(
        each if each.name in looked_at else foreign.model_copy(update={"name": each.name}) for each in snapshot.buckets
    )
    assert answer_of(rebuilt(snapshot, buckets=buckets)) == answer


@given(snapshot=used_profiles(), world=worlds())
def test_json_leaves_every_answer_unchanged(snapshot: FailoverSnapshot, world: World) -> None:
    """A recording can be judged again: snapshots, decisions and events survive the way out and back, at each step."""
    story = run(snapshot, world)
    for event, decision in zip(story.events, (*story.decisions, story.answer), strict=False):
        again = FailoverSnapshot.model_validate_json(snapshot.model_dump_json())
        assert again == snapshot
        assert decide_failover(again, now=NOW) == decide_failover(snapshot, now=NOW)
        if not isinstance(decision, AllBucketsExhausted):
            assert DECISIONS.validate_json(DECISIONS.dump_json(decision)) == decision
        assert EVENTS.validate_json(EVENTS.dump_json(event)) == event
        snapshot = advance(snapshot, event)
    if isinstance(story.answer, AllBucketsExhausted):
        assert AllBucketsExhausted.model_validate_json(story.answer.model_dump_json()) == story.answer


@given(snapshot=used_profiles(), names=st.permutations(NAMES))
def test_names_are_only_names(snapshot: FailoverSnapshot, names: list[str]) -> None:
    """Renaming the buckets renames the answer, and nothing else."""
    new = dict(zip(NAMES, names, strict=True))
    buckets = tuple(each.model_copy(update={"name": new[each.name]}) for each in snapshot.buckets)
    current = None if snapshot.current is None else new[snapshot.current]
    renamed = answer_of(rebuilt(snapshot, buckets=buckets, current=current))
    answer = answer_of(snapshot)
    findings = tuple(each.model_copy(update={"bucket": new[each.bucket]}) for each in answer.findings)
    named = (
        {"buckets": tuple(new[name] for name in answer.buckets)}
        if isinstance(answer, AllBucketsExhausted)
        else {"bucket": new[answer.bucket]}
    )
    assert renamed == answer.model_copy(update={"findings": findings, **named})


@given(snapshot=used_profiles(min_size=1), world=worlds(), order=st.permutations(NAMES))
def test_order_does_not_decide_whether_all_are_exhausted(
    snapshot: FailoverSnapshot, world: World, order: list[str]
) -> None:
    """Without logins, which go by order, each bucket has the same reason in any order of the profile."""
    policy = snapshot.policy.model_copy(update={"reauths_per_request": 0})
    first = rebuilt(snapshot, policy=policy, current=current_of(snapshot).name)
    by_name = {each.name: each for each in first.buckets}
    second = rebuilt(first, buckets=tuple(by_name[name] for name in order if name in by_name))
    one, two = run(first, world).answer, run(second, world).answer
    assert isinstance(one, AllBucketsExhausted) == isinstance(two, AllBucketsExhausted)
    if isinstance(one, AllBucketsExhausted) and isinstance(two, AllBucketsExhausted):
        assert one.reasons == two.reasons


@given(snapshot=used_profiles(), offset=st.integers(-(10**9), 10**9))
def test_only_differences_of_time_matter(snapshot: FailoverSnapshot, offset: int) -> None:
    """Moving the clock and every moment by the same amount moves the moments in the answer, and nothing else."""

    def move_limit(each: Limit) -> Limit:
        return each.model_copy(update={"until": each.until + offset})

    def move_token(token: TokenState) -> TokenState:
        if not isinstance(token, TokenHeld) or token.expiry is None:
            return token
        return token.model_copy(update={"expiry": token.expiry + offset})

    def move(each: BucketSnapshot) -> BucketSnapshot:
        limits = tuple(map(move_limit, each.limits))
        return each.model_copy(update={"token": move_token(each.token), "limits": limits})

    trigger = snapshot.trigger.model_copy(update={"limits": tuple(map(move_limit, snapshot.trigger.limits))})
    moved = snapshot.model_copy(update={"buckets": tuple(map(move, snapshot.buckets)), "trigger": trigger})
    answer = answer_of(snapshot)
    findings = tuple(
        each if each.until is None else each.model_copy(update={"until": each.until + offset})
        for each in answer.findings
    )
    assert answer_of(moved, now=NOW + offset) == answer.model_copy(update={"findings": findings})


@given(snapshot=used_profiles(), now=st.sampled_from(MOMENTS))
def test_the_same_question_has_the_same_answer(snapshot: FailoverSnapshot, now: float) -> None:
    """Asking changes nothing, and an equal snapshot is as good as the same one."""
    before = snapshot.model_dump_json()
    assert decide_failover(snapshot, now=now) == decide_failover(snapshot.model_copy(deep=True), now=now)
    assert snapshot.model_dump_json() == before


@given(snapshot=used_profiles(), world=worlds())
def test_every_exhausted_bucket_has_a_reason(snapshot: FailoverSnapshot, world: World) -> None:
    """And every finding before the end is of another bucket; the last is of the one that is asked about."""
    story = run(snapshot, world)
    for decision in (*story.decisions, story.answer):
        names = [finding.bucket for finding in decision.findings]
        assert len(names) == len(set(names))
        if decision.kind in {"read-token", "refresh-token", "use-bucket"}:
            assert names[-1] == decision.bucket
            assert all(finding.reason is not None for finding in decision.findings[:-1])
    if isinstance(story.answer, AllBucketsExhausted):
        assert [finding.bucket for finding in story.answer.findings] == [each.name for each in snapshot.buckets]
        assert all(finding.reason is not None for finding in story.answer.findings)
