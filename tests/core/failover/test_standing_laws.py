"""What holds of every bucket's standing."""

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from returns.pipeline import is_successful

from bucket_failover_core import (
    BucketFailureReason,
    BucketSnapshot,
    BucketStanding,
    BucketUnavailable,
    Limit,
    TokenAbsent,
    TokenUnread,
    classify_bucket,
)
from bucket_failover_core.failover.standing import OPEN_FACTS, find
from tests.support.worlds import MOMENTS, NOW, bucket, limits, used_buckets

STANDINGS: TypeAdapter[BucketStanding] = TypeAdapter(BucketStanding)
MODELS = st.sampled_from((None, "opus", "haiku"))


@settings(max_examples=300)
@given(known=used_buckets(), now=st.sampled_from(MOMENTS), model=MODELS)
def test_ruled_out_or_one_step_away(known: BucketSnapshot, now: float, model: str | None) -> None:
    """The public answer is the finding: a failure has its reason, its words and its moment, a success has none."""
    finding = find(known, now=now, model=model)
    answer = classify_bucket(known, now=now, model=model)
    assert is_successful(answer) == (finding.fact in OPEN_FACTS) == (finding.reason is None)
    if not is_successful(answer):
        out = answer.failure()
        assert (out.bucket, out.reason, out.detail, out.until) == (
            known.name,
            finding.reason,
            finding.text,
            finding.until,
        )


@given(known=used_buckets(), model=MODELS)
def test_answers_survive_json(known: BucketSnapshot, model: str | None) -> None:
    """Both kinds."""
    answer = classify_bucket(known, now=NOW, model=model)
    if is_successful(answer):
        assert STANDINGS.validate_json(STANDINGS.dump_json(answer.unwrap())) == answer.unwrap()
    else:
        out = answer.failure()
        assert BucketUnavailable.model_validate_json(out.model_dump_json()) == out


@given(known=used_buckets(), more=limits())
def test_a_limit_never_opens_a_bucket(known: BucketSnapshot, more: tuple[Limit, ...]) -> None:
    """More bad news about quota: what was ruled out stays so."""
    if not is_successful(classify_bucket(known, now=NOW)):
        worse = known.model_copy(update={"limits": known.limits + more})
        assert not is_successful(classify_bucket(worse, now=NOW))


@given(known=used_buckets(), model=MODELS)
def test_a_bucket_is_believed_to_be_usable_at_its_until(known: BucketSnapshot, model: str | None) -> None:
    """Asked again at that moment, in a new request, nothing that is known rules it out: its limits have ended."""
    until = find(known, now=NOW, model=model).until
    if until is not None:
        anew = known.model_copy(update={"tried": False, "token": TokenUnread()})
        assert until > NOW
        assert is_successful(classify_bucket(anew, now=until, model=model))


@given(known=used_buckets())
def test_limits_of_requests_bench_no_bucket(known: BucketSnapshot) -> None:
    """They are about the request that earned them."""
    none = tuple(each for each in known.limits if each.scope != "request")
    assert find(known, now=NOW) == find(known.model_copy(update={"limits": none}), now=NOW)


@given(known=used_buckets())
def test_a_failed_login_is_told_first(known: BucketSnapshot) -> None:
    """Whatever else is known of the bucket."""
    failed = known.model_copy(update={"reauth_spent": True, "token": TokenAbsent(), "api_key": False})
    assert find(failed, now=NOW).reason is BucketFailureReason.REAUTH_FAILED


@given(now=st.floats(-1e12, 1e12))
def test_nothing_known_is_to_be_read(now: float) -> None:
    """At any time."""
    assert classify_bucket(bucket("b"), now=now).unwrap().kind == "needs-read"
