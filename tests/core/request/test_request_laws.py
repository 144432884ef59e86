"""What holds of every request, whatever the profile, the tokens, the limits, the answers and the policy."""

from dataclasses import dataclass, field, replace
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from bucket_failover_core import (
    AllBucketsExhausted,
    BucketSnapshot,
    BucketSwitched,
    CallAnswered,
    CallBegun,
    CallBucket,
    CallFailed,
    Cause,
    FailoverSnapshot,
    Reauthenticate,
    RequestEvent,
    RequestSnapshot,
    RetryPolicy,
    SearchFailed,
    SessionSnapshot,
    TokenHeld,
    TokenRead,
    Trigger,
    WaitUntil,
    advance,
    learn,
    read_answer,
)
from bucket_failover_core.retry.decide import attempts_allowed
from tests.support.request_cases import BAD, NAMES, Case, cases
from tests.support.request_oracle import foresee
from tests.support.request_worlds import (
    ANSWERS,
    Call,
    Fate,
    Play,
    World,
    end_of,
    held_by_store,
    run,
    session_of,
    turn,
)
from tests.support.worlds import NOW, Mishap
from tests.support.worlds import Fate as FailoverFate
from tests.support.worlds import World as FailoverWorld
from tests.support.worlds import run as run_failover

REFUSALS: Final = {"401", "403"}
EXAMPLES: Final = 200


@settings(max_examples=4 * EXAMPLES)
@given(case=cases(advisory=False))
def test_a_request_goes_as_the_oracle_says(case: Case) -> None:
    """Up to four buckets: the same calls, refreshes, logins and waits, the same end, and the session's bucket."""
    played = case.play()
    prophecy = foresee(case.session.profile, case.world, policy=case.policy, draw=case.draw)
    assert (played.judged, played.end) == (prophecy.deeds, prophecy.end)
    assert played.session.current == prophecy.current


@settings(max_examples=EXAMPLES)
@given(case=cases())
def test_the_same_question_has_the_same_answer(case: Case) -> None:
    """Asking twice at the same moment answers the same, and changes nothing."""
    play = case.begin()
    while play.end is None:
        before = (play.session.model_dump_json(), play.request.model_dump_json())
        answer = play.ask()
        copy = replace(play, session=play.session.model_copy(deep=True), request=play.request.model_copy(deep=True))
        assert answer == play.ask() == copy.ask()
        assert before == (play.session.model_dump_json(), play.request.model_dump_json())
        play = turn(play, case.world)


@settings(max_examples=EXAMPLES)
@given(case=cases(), turns=st.integers(0, 12))
def test_a_request_that_was_written_down_goes_on_as_before(case: Case, turns: int) -> None:
    """Written to JSON in the middle and read back, session and request decide the same for the rest."""
    play = case.begin()
    for _ in range(turns):
        if play.end is None:
            play = turn(play, case.world)
    session = SessionSnapshot.model_validate_json(play.session.model_dump_json())
    request = RequestSnapshot.model_validate_json(play.request.model_dump_json())
    assert (session, request) == (play.session, play.request)
    if play.end is None:
        assert run(replace(play, session=session, request=request), case.world) == run(play, case.world)


@settings(max_examples=EXAMPLES)
@given(case=cases())
def test_a_request_makes_no_more_calls_than_it_may(case: Case) -> None:
    """Calls never exceed `attempts_allowed`, and are counted from 1."""
    calls = case.play().calls
    assert [call.attempt for call in calls] == list(range(1, len(calls) + 1))
    assert len(calls) <= attempts_allowed(case.policy, len(case.world))


@settings(max_examples=EXAMPLES)
@given(case=cases(sizes=(2, 4)))
def test_no_bucket_of_several_gets_more_than_three_calls(case: Case) -> None:
    """The first, a retry, and one after it was healed."""
    called = [call.bucket for call in case.play().calls]
    assert all(called.count(name) <= 3 for name in case.world)


@settings(max_examples=EXAMPLES)
@given(case=cases(sizes=(2, 4)))
def test_no_request_waits_out_of_patience_while_a_bucket_is_usable(case: Case) -> None:
    """Never a wait after a search while another untried, unlimited, usable bucket stands by."""
    play = case.begin()
    while play.end is None:
        if isinstance(play.ask(), WaitUntil) and not is_a_retry_or_an_overload(play):
            standing_by = [each.name for each in play.session.profile.buckets if stands_by(play, case.world, each)]
            assert standing_by == []
        play = turn(play, case.world)


def is_a_retry_or_an_overload(play: Play) -> bool:
    """Whether the wait is for the bucket that has just failed for the first time, or for an overloaded provider."""
    if not play.calls:
        return False
    last = play.calls[-1]
    is_first = sum(call.bucket == last.bucket for call in play.calls) == 1
    return last.answer == "529" or (is_first and last.answer in {"500", "network", "429 in 20"})


def stands_by(play: Play, world: World, bucket: BucketSnapshot) -> bool:
    """Whether the bucket could be called with at once."""
    tried = any(call.bucket == bucket.name for call in play.calls)
    limited = any(limit.until > play.now for limit in bucket.limits)
    held = bucket.token if isinstance(bucket.token, TokenHeld) else held_by_store(play, bucket.name, world[bucket.name])
    if tried or limited or not isinstance(held, TokenHeld) or held.fingerprint in play.request.rejected:
        return False
    return world[bucket.name].api_key or (held.expiry is not None and held.expiry > play.now)


@settings(max_examples=EXAMPLES)
@given(case=cases())
def test_no_refused_token_is_called_with_again(case: Case) -> None:
    """Whatever its expiry says, and whichever bucket holds it."""
    refused: set[str] = set()
    for call in case.play().calls:
        assert call.fingerprint not in refused
        if call.answer in REFUSALS and call.fingerprint:
            refused.add(call.fingerprint)


@settings(max_examples=EXAMPLES)
@given(case=cases())
def test_nothing_is_asked_twice_in_a_request(case: Case) -> None:
    """No bucket is refreshed twice or logged in to twice, and there are no more logins than the policy allows."""
    steps = case.play().steps
    assert len(steps) == len(set(steps))
    assert sum(kind == "login" for kind, _ in steps) <= case.session.profile.policy.reauths_per_request


@settings(max_examples=EXAMPLES)
@given(case=cases(later=False), known=st.sets(st.sampled_from(NAMES)))
def test_it_makes_no_difference_which_request_has_read_a_token(case: Case, known: set[str]) -> None:
    """What an earlier request has read of a bucket that has not changed since is as good as what this one reads."""
    session = case.session
    for name in sorted(known & set(case.world)):
        fate = case.world[name]
        session = learn(session, TokenRead(bucket=name, token=fate.stored, at=NOW - 50, api_key=fate.api_key))
    knowing, reading = replace(case, session=session).play(), case.play()
    assert (knowing.judged, knowing.end) == (reading.judged, reading.end)


PATIENT: Final = st.builds(
    RetryPolicy, backoff_min_seconds=st.sampled_from((5.0, 0.0)), hint_max_seconds=st.sampled_from((300.0, 30.0))
)


@settings(max_examples=2 * EXAMPLES)
@given(case=cases(sizes=(2, 4), shared=False, later=False, said=(*BAD, "200", "200", "200"), policies=PATIENT))
def test_what_one_bucket_alone_would_have_served_is_served(case: Case) -> None:
    """Within three calls, in every profile that has the bucket.

    Unless a directive limit longer than `hint_max_seconds` is in force on it; no answer here is final. A
    token that expires meanwhile is another world if it is also refused; such worlds are left out.
    """
    played = case.play()
    for bucket in case.session.profile.buckets:
        fate = case.world[bucket.name]
        longest = NOW + case.policy.hint_max_seconds
        benched = any(limit.strength == "directive" and limit.until > longest for limit in bucket.limits)
        hints = {"429 in 60": 60.0, "429 in 7200": 7_200.0}
        if benched or any(hints.get(said, 0) > case.policy.hint_max_seconds for said in fate.answers):
            continue
        held = fate.stored
        expires = isinstance(held, TokenHeld) and held.expiry is not None and NOW < held.expiry < NOW + 100
        if expires and (not held_is_healed(fate) or REFUSALS & set(fate.answers)):
            continue
        alone = replace(case, session=session_of(bucket)).play()
        if alone.end == ("served", bucket.name) and len(alone.calls) <= 3:
            assert played.end is not None
            assert played.end[0] == "served", bucket.name


def held_is_healed(fate: Fate) -> bool:
    """Whether a refresh brings the bucket a token that lasts."""
    held = fate.stored
    is_refreshable = isinstance(held, TokenHeld) and held.refreshable and not fate.api_key
    return fate.api_key or (is_refreshable and isinstance(fate.refresh, TokenHeld) and fate.refresh.expiry != NOW)


SEARCHING: Final = RetryPolicy(waits_for_profile=False)


@settings(max_examples=2 * EXAMPLES)
@given(case=cases(sizes=(2, 4), limited=False, later=False, near=False, policies=st.just(SEARCHING)))
def test_the_search_in_a_request_is_that_of_decide_failover(case: Case) -> None:
    """After a failed call, the steps until the next one, and the end, are those of `decide_failover` told the same.

    Two bad answers for each bucket, so that none is out of calls. Readings of the bucket that has failed are left out:
    a request reads a refused token again.
    """
    world = {name: replace(fate, answers=fate.answers[:2]) for name, fate in case.world.items()}
    profile = case.session.profile
    known = (BucketSnapshot(name=each.name, api_key=world[each.name].api_key) for each in profile.buckets)
    play = replace(case, session=session_of(*known, current=profile.current)).begin()
    ledger = play.session.profile
    while play.end is None:
        before, play = play, turn(play, world)
        for event in play.told[len(before.told) :]:
            ledger = told_as_failover(ledger, event)
        if len(play.request.failures) > len(before.request.failures):
            compare_search(play, ledger, world)


def compare_search(play: Play, ledger: FailoverSnapshot, world: World) -> None:
    """What the request does until its next call, beside what a failover does."""
    failed, after = play.calls[-1].bucket, play
    while after.end is None and len(after.calls) == len(play.calls):
        after = turn(after, world)
    if (after.end is None and after.calls[-1].is_retry) or after.end in ENDS_WITHOUT_SEARCH:
        return
    story = run_failover(ledger, as_outcomes(play, world))
    steps = [(kind, bucket) for kind, bucket, _, _ in after.deeds[len(play.deeds) :] if kind in STEP_KINDS]
    asked = [(STEP_NAMES[kind], bucket) for kind, bucket in story.questions]
    own = ("read", failed)
    assert [step for step in steps if step != own] == [step for step in asked if step != own]
    if isinstance(story.answer, AllBucketsExhausted):
        assert after.end == end_of(story.answer)
    else:
        assert len(after.calls) > len(play.calls)
        assert after.calls[len(play.calls)].bucket == story.answer.bucket


STEP_NAMES: Final = {"read-token": "read", "refresh-token": "refresh", "reauthenticate": "login"}
STEP_KINDS: Final = frozenset(STEP_NAMES.values())
ENDS_WITHOUT_SEARCH: Final = {("give-up", Cause.CLIENT_ERROR, "final"), ("give-up", "", "unknown")}


def as_outcomes(play: Play, world: World) -> FailoverWorld:
    """The world as a failover meets it: what each step would bring now."""
    return FailoverWorld.of(
        **{
            name: FailoverFate(
                held_by_store(play, name, fate), fate.refresh or Mishap.REFUSED, fate.login or Mishap.FAILED
            )
            for name, fate in world.items()
        }
    )


def told_as_failover(ledger: FailoverSnapshot, event: RequestEvent) -> FailoverSnapshot:
    """The ledger of a failover that is told the same."""
    match event:
        case CallBegun(bucket=bucket):
            return advance(ledger, BucketSwitched(bucket=bucket))
        case CallAnswered(answer=answer, bucket=bucket, fingerprint=fingerprint):
            if answer.verdict is None:
                return ledger
            trigger = Trigger(cause=answer.verdict.cause, fingerprint=fingerprint, limits=answer.limits)
            return advance(ledger, CallFailed(trigger=trigger, bucket=bucket))
        case SearchFailed():
            message = "the core searches here"
            raise AssertionError(message)
        case _:
            return advance(ledger, event)


@dataclass
class Flight:
    """Two requests in flight, that began together and share a session; each turn of either takes a second."""

    case: Case
    events: tuple[list[RequestEvent], list[RequestEvent]] = field(default_factory=lambda: ([], []))
    order: list[int] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)

    def fly(self, turns: list[int]) -> SessionSnapshot:
        """Each turn is one of the first request (0) or of the second one (1)."""
        plays, used, now = [self.case.begin(), self.case.begin()], ["", ""], NOW
        shared = plays[0]
        for who in turns:
            now += 1
            play = replace(plays[who], session=shared.session, stored=shared.stored, calls=shared.calls, now=now)
            answer = play.ask()
            match answer:
                case WaitUntil(at=at):
                    now = max(now, at)
                case CallBucket() if play.request.call is None:
                    used[who] = answer.fingerprint
                    play = play.hear(answer.begun(at=now))
                case CallBucket(bucket=name):
                    play = self._answered(play, name, used[who])
                case _:
                    if isinstance(answer, Reauthenticate):
                        self.logins.append(answer.bucket)
                    play = turn(play, self.case.world) if end_of(answer) is None else play
            fresh = play.told[len(plays[who].told) :]
            self.events[who].extend(fresh)
            self.order.extend([who] * len(fresh))
            plays[who] = shared = play
        return shared.session

    def _answered(self, play: Play, name: str, used: str) -> Play:
        answers = self.case.world[name].answers
        made = sum(call.bucket == name for call in play.calls)
        said = answers[made] if made < len(answers) else "200"
        line = Call(name, play.now, used, made + 1, moves=False, is_retry=False, is_probe=False, answer=said)
        assert play.request.call is not None
        event = play.request.call.answered(read_answer(ANSWERS[said], now=play.now), fingerprint=used)
        return replace(play, calls=(*play.calls, line)).hear(event)


TURNS: Final = st.lists(st.integers(0, 1), min_size=30, max_size=60)


@settings(max_examples=2 * EXAMPLES)
@given(case=cases(later=False), turns=TURNS, ranks=st.integers(0, 2**60))
def test_what_is_learned_does_not_depend_on_the_order(case: Case, turns: list[int], ranks: int) -> None:
    """Two requests in flight: told in another order, each request's own kept, the session is equal.

    Apart from the bucket in use, from the retry budget, which is not counted here, and from what is believed of refused
    tokens.
    """
    flight = Flight(case)
    session = flight.fly(turns)
    queues = [list(events) for events in flight.events]
    other = case.session
    while any(queues):
        queue = queues[ranks % 2] or queues[1 - ranks % 2]
        other, ranks = learn(other, queue.pop(0)), ranks // 2
    assert without_place(other) == without_place(session)


def without_place(session: SessionSnapshot) -> SessionSnapshot:
    """The session without the bucket in use, and without what is believed of refused tokens."""
    accounts = tuple(account.model_copy(update={"refusals": (), "served_token": None}) for account in session.accounts)
    return session.model_copy(
        update={"profile": session.profile.model_copy(update={"current": None}), "accounts": accounts}
    )


@settings(max_examples=2 * EXAMPLES)
@given(case=cases(later=False), turns=TURNS)
def test_a_login_that_has_ended_is_not_asked_for_by_another_request_in_flight(case: Case, turns: list[int]) -> None:
    """However it ended; and the requests that were in flight then ask for no more logins than one of them may."""
    flight = Flight(case)
    flight.fly(turns)
    assert len(flight.logins) == len(set(flight.logins)) <= case.session.profile.policy.reauths_per_request
