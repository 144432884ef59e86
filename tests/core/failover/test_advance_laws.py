"""What holds of every event: a snapshot only gains facts."""

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from bucket_failover_core import (
    BucketSnapshot,
    BucketSwitched,
    CallFailed,
    CallSucceeded,
    FailoverEvent,
    FailoverSnapshot,
    Limit,
    Reauthenticated,
    ReauthFailed,
    RefreshFailed,
    TokenRead,
    TokenRefreshed,
    TokenUnread,
    advance,
)
from bucket_failover_core.facts import WindowReading
from bucket_failover_core.facts.limits import is_shared
from bucket_failover_core.failover import hold_limits, learn_limits, learn_readings, learn_success
from tests.support.worlds import NOW, limits, tokens, triggers, used_profiles

EVENTS: TypeAdapter[FailoverEvent] = TypeAdapter(FailoverEvent)
DETAILS = st.sampled_from(("", "in a few words"))


@st.composite
def stories(draw: st.DrawFn, most: int = 6) -> tuple[FailoverSnapshot, list[FailoverEvent]]:
    """A profile, and what happens to it."""
    snapshot = draw(used_profiles(min_size=1))
    name = st.sampled_from([each.name for each in snapshot.buckets])
    event = st.one_of(
        st.builds(TokenRead, bucket=name, token=tokens()),
        st.builds(TokenRefreshed, bucket=name, token=tokens()),
        st.builds(RefreshFailed, bucket=name, detail=DETAILS, permanent=st.booleans()),
        st.builds(Reauthenticated, bucket=name, token=tokens()),
        st.builds(ReauthFailed, bucket=name, detail=DETAILS, timed_out=st.booleans()),
        st.builds(BucketSwitched, bucket=name),
        st.builds(CallFailed, trigger=triggers(), bucket=st.one_of(st.none(), name)),
        st.just(CallSucceeded()),
    )
    return snapshot, draw(st.lists(event, min_size=1, max_size=most))


@settings(max_examples=200)
@given(story=stories())
def test_the_ledger_only_gains_facts(story: tuple[FailoverSnapshot, list[FailoverEvent]]) -> None:
    """Spent stays spent, tried stays tried, refused stays refused; problems grow at their end; buckets keep places."""
    snapshot, events = story
    for event in events:
        after = advance(snapshot, event)
        assert [each.name for each in after.buckets] == [each.name for each in snapshot.buckets]
        assert after.reauths_spent >= snapshot.reauths_spent
        assert (after.provider, after.policy, after.model) == (snapshot.provider, snapshot.policy, snapshot.model)
        for old, new in zip(snapshot.buckets, after.buckets, strict=True):
            assert_grown(old, new)
        snapshot = after


def assert_grown(old: BucketSnapshot, new: BucketSnapshot) -> None:
    """Nothing that was known of it is unknown now."""
    assert new.refresh_spent >= old.refresh_spent
    assert new.reauth_spent >= old.reauth_spent
    assert new.tried >= old.tried
    assert new.rejected[: len(old.rejected)] == old.rejected
    assert new.problems[: len(old.problems)] == old.problems
    assert (new.paused, new.quota_domain, new.api_key) == (old.paused, old.quota_domain, old.api_key)
    assert len(set(new.rejected)) == len(new.rejected)
    assert "" not in new.rejected


@given(story=stories())
def test_the_ledger_stays_valid(story: tuple[FailoverSnapshot, list[FailoverEvent]]) -> None:
    """Whatever happens, the snapshot validates, and survives JSON; and so does each event."""
    snapshot, events = story
    for event in events:
        snapshot = advance(snapshot, event)
        assert EVENTS.validate_json(EVENTS.dump_json(event)) == event
    assert FailoverSnapshot.model_validate_json(snapshot.model_dump_json()) == snapshot


@given(story=stories())
def test_a_ledger_from_json_goes_on_as_the_original(story: tuple[FailoverSnapshot, list[FailoverEvent]]) -> None:
    """The same events make the same of both, and the original is unchanged."""
    snapshot, events = story
    before = snapshot.model_dump_json()
    one, two = snapshot, FailoverSnapshot.model_validate_json(before)
    for event in events:
        one, two = advance(one, event), advance(two, event)
    assert one == two
    assert snapshot.model_dump_json() == before


@given(story=stories(most=1))
def test_an_event_touches_only_whom_it_is_about(story: tuple[FailoverSnapshot, list[FailoverEvent]]) -> None:
    """Another bucket learns which tokens were refused, and what limits its domain has or has not; nothing else.

    After a failed call, what the store had said to be missing is to be read again.
    """
    snapshot, (event,) = story
    if isinstance(event, CallSucceeded | BucketSwitched) or event.bucket is None:
        return
    after = advance(snapshot, event)
    for old, new in zip(snapshot.buckets, after.buckets, strict=True):
        if new.name != event.bucket:
            hidden: dict[str, object] = {"rejected": (), "limits": ()}
            if isinstance(event, CallFailed) and old.token.kind in {"absent", "corrupt", "outage"}:
                hidden["token"] = TokenUnread()
            assert new.model_copy(update=hidden) == old.model_copy(update=hidden)


@given(story=stories(most=1))
def test_what_happens_twice_is_known_once(story: tuple[FailoverSnapshot, list[FailoverEvent]]) -> None:
    """A read, a switch or a success that is told again changes nothing more."""
    snapshot, (event,) = story
    if isinstance(event, TokenRead | BucketSwitched | CallSucceeded):
        once = advance(snapshot, event)
        assert advance(once, event) == once


@settings(max_examples=200)
@given(snapshot=used_profiles(min_size=1), earned=limits())
def test_shared_limits_reach_the_whole_domain(snapshot: FailoverSnapshot, earned: tuple[Limit, ...]) -> None:
    """And no other bucket learns of anything."""
    earner = snapshot.buckets[0]
    after = learn_limits(snapshot, earner.name, earned)
    assert earned or after is snapshot
    for old, new in zip(snapshot.buckets[1:], after.buckets[1:], strict=True):
        if old.quota_domain != earner.quota_domain or old.quota_domain == "":
            assert new == old
        else:
            assert set(new.limits) <= {*old.limits, *filter(is_shared, earned)}
            for limit in filter(is_shared, earned):
                assert any(
                    (held.window, held.scope, held.model) == (limit.window, limit.scope, limit.model)
                    for held in new.limits
                )


@given(snapshot=used_profiles(min_size=1))
def test_a_success_takes_away_only_beliefs(snapshot: FailoverSnapshot) -> None:
    """Each limit that goes was advisory; the order of the others stays; and none comes."""
    served = snapshot.buckets[0]
    after = learn_success(snapshot, served.name)
    for old, new in zip(snapshot.buckets, after.buckets, strict=True):
        gone = [limit for limit in old.limits if limit not in new.limits]
        assert all(limit.strength == "advisory" for limit in gone)
        assert [limit for limit in old.limits if limit in new.limits] == list(new.limits)
        assert new.model_copy(update={"limits": old.limits}) == old
    own = after.buckets[0]
    assert not [
        limit
        for limit in own.limits
        if limit.strength == "advisory"
        and limit.scope != "request"
        and (limit.model is None or snapshot.model is None or limit.model == snapshot.model)
    ]


READINGS = st.lists(
    st.builds(
        WindowReading,
        window=st.sampled_from(("minute", "5h", "week")),
        used=st.sampled_from((None, 0.5)),
        scope=st.sampled_from(("model", "credential", "organization", "provider")),
        model=st.sampled_from((None, "opus", "haiku")),
        observed_at=st.sampled_from((None, NOW - 1, NOW)),
    ),
    max_size=3,
).map(tuple)


def replaces(reading: WindowReading, limit: Limit) -> bool:
    """Whether a window that is reported open was believed to be used up, no later than now reported."""
    same = (reading.window, reading.scope, reading.model) == (limit.window, limit.scope, limit.model)
    return same and (limit.observed_at or 0.0) <= (9e9 if reading.observed_at is None else reading.observed_at)


@settings(max_examples=200)
@given(snapshot=used_profiles(min_size=1), readings=READINGS)
def test_a_reading_takes_away_what_it_replaces_and_nothing_else(
    snapshot: FailoverSnapshot, readings: tuple[WindowReading, ...]
) -> None:
    """Of its own bucket whatever its scope, of its domain's others only what is wider than a bucket."""
    newest = tuple({(each.window, each.scope, each.model): each for each in readings}.values())
    reported = snapshot.buckets[0]
    after = learn_readings(snapshot, reported.name, newest)
    assert newest or after is snapshot
    for old, new in zip(snapshot.buckets, after.buckets, strict=True):
        own = old.name == reported.name
        joint = own or old.quota_domain == reported.quota_domain != ""
        telling = [each for each in newest if own or (joint and each.scope in {"organization", "provider"})]
        kept = tuple(limit for limit in old.limits if not any(replaces(each, limit) for each in telling))
        assert new == old.model_copy(update={"limits": kept, "readings": newest if own else old.readings})
    assert learn_readings(after, reported.name, newest) == after


@given(snapshot=used_profiles(), others=used_profiles())
def test_limits_that_are_held_are_exactly_those(snapshot: FailoverSnapshot, others: FailoverSnapshot) -> None:
    """Nothing else changes, and strangers are passed over; held again, it is the same object."""
    told = {each.name: each.limits for each in others.buckets}
    after = hold_limits(snapshot, told)
    assert after == snapshot.model_copy(
        update={
            "buckets": tuple(each.model_copy(update={"limits": told.get(each.name, ())}) for each in snapshot.buckets)
        }
    )
    assert hold_limits(after, told) is after
