"""What holds of every choice of a bucket for a new request."""

from hypothesis import given, settings
from hypothesis import strategies as st
from returns.pipeline import is_successful

from bucket_failover_core import AllBucketsExhausted, FailoverSnapshot, UseBucket, choose_bucket, classify_bucket
from tests.support.worlds import MOMENTS, NOW, rebuilt, triggers, used_profiles

TIMES = st.sampled_from(MOMENTS)


@settings(max_examples=300)
@given(snapshot=used_profiles(), now=TIMES)
def test_the_choice_is_the_obvious_one(snapshot: FailoverSnapshot, now: float) -> None:
    """The session's bucket, then the profile's in order: the first that its standing does not rule out."""
    result = choose_bucket(snapshot, now=now)
    names = [each.name for each in snapshot.buckets]
    session = snapshot.current or (names[0] if names else "")
    in_order = sorted(snapshot.buckets, key=lambda each: each.name != session)
    free = [each.name for each in in_order if is_successful(classify_bucket(each, now=now, model=snapshot.model))]
    if not free:
        out = result.failure()
        assert out.provider == snapshot.provider
        assert list(out.buckets) == [finding.bucket for finding in out.findings] == names
        return
    choice = result.unwrap()
    assert (choice.bucket, choice.switched) == (free[0], free[0] != session)
    assert choice.findings[-1].bucket == choice.bucket


@given(snapshot=used_profiles(), now=TIMES)
def test_a_chosen_bucket_is_chosen_again(snapshot: FailoverSnapshot, now: float) -> None:
    """Once the session is with it, it stays there."""
    result = choose_bucket(snapshot, now=now)
    if is_successful(result):
        again = choose_bucket(rebuilt(snapshot, current=result.unwrap().bucket), now=now).unwrap()
        assert (again.bucket, again.switched, again.via) == (result.unwrap().bucket, False, result.unwrap().via)


@given(snapshot=used_profiles(), trigger=triggers(), now=TIMES)
def test_the_trigger_does_not_matter(snapshot: FailoverSnapshot, trigger: object, now: float) -> None:
    """It belongs to a request in progress."""
    assert choose_bucket(rebuilt(snapshot, trigger=trigger), now=now) == choose_bucket(snapshot, now=now)


@given(snapshot=used_profiles())
def test_answers_survive_json(snapshot: FailoverSnapshot) -> None:
    """And so does the snapshot that they were made of."""
    result = choose_bucket(snapshot, now=NOW)
    assert choose_bucket(FailoverSnapshot.model_validate_json(snapshot.model_dump_json()), now=NOW) == result
    if is_successful(result):
        assert UseBucket.model_validate_json(result.unwrap().model_dump_json()) == result.unwrap()
    else:
        assert AllBucketsExhausted.model_validate_json(result.failure().model_dump_json()) == result.failure()
