"""Which access token the provider has refused: the named one, else the one held then or read next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucket_failover_core import BucketSnapshot, Cause, FailoverSnapshot, TokenAbsent, Trigger, advance
from bucket_failover_core.failover.refusal import is_refused, refused_fingerprint
from tests.support.playbook import fails, refresh_brings, store_holds, switched
from tests.support.worlds import NOW, bucket, held, profile, used_buckets

REFUSAL = Trigger(status=401)


def refused(own: BucketSnapshot, trigger: Trigger) -> str:
    """Of the bucket alone in its profile."""
    return refused_fingerprint(profile(own, trigger=trigger), own)


@pytest.mark.parametrize(
    ("trigger", "own", "fingerprint"),
    [
        (Trigger(), bucket("b", held(fingerprint="b-1")), ""),
        (Trigger(status=500, fingerprint="b-1"), bucket("b", held(fingerprint="b-1")), ""),
        (Trigger(status=401, cause=Cause.QUOTA, fingerprint="b-1"), bucket("b", held(fingerprint="b-1")), ""),
        (Trigger(status=401, fingerprint="b-0"), bucket("b", held(fingerprint="b-1")), "b-0"),
        (Trigger(status=403, fingerprint="b-0"), bucket("b"), "b-0"),
        (Trigger(cause=Cause.FORBIDDEN, status=200), bucket("b", held(fingerprint="b-1")), "b-1"),
        (REFUSAL, bucket("b", held(fingerprint="b-1")), "b-1"),
        (Trigger(status=401, fingerprint=""), bucket("b", held(fingerprint="b-1")), "b-1"),
        (REFUSAL, bucket("b", held()), ""),
        (REFUSAL, bucket("b"), ""),
        (REFUSAL, bucket("b", TokenAbsent()), ""),
        (REFUSAL, bucket("b", held(fingerprint="b-2"), renewed_by="refresh"), ""),
        (REFUSAL, bucket("b", held(fingerprint="b-2"), renewed_by="reauth"), ""),
        (Trigger(status=401, fingerprint="b-1"), bucket("b", held(fingerprint="b-2"), renewed_by="reauth"), "b-1"),
    ],
)
def test_which_token_was_refused(trigger: Trigger, own: BucketSnapshot, fingerprint: str) -> None:
    """Only a refusal refuses; a name wins over what is held; what was renewed since is another."""
    assert refused(own, trigger) == fingerprint


@pytest.mark.parametrize(
    ("fingerprint", "named", "rejected", "is_it"),
    [
        ("b-1", "b-1", (), True),
        ("b-1", "", ("b-0", "b-1"), True),
        ("b-1", "b-2", ("b-0",), False),
        ("b-1", "", (), False),
        ("", "", (), False),
        ("", "b-1", ("b-1",), False),
        ("", "", ("",), False),
    ],
)
def test_whether_a_token_was_refused(fingerprint: str, named: str, rejected: tuple[str, ...], is_it: bool) -> None:  # noqa: FBT001 - a column
    """By the trigger, or earlier in the request; an empty fingerprint is unknown and matches nothing."""
    token = held(NOW + 1, fingerprint)
    assert is_refused(bucket("b", token, rejected=rejected), token, named) is is_it


def test_a_refused_token_is_remembered_in_every_bucket() -> None:
    """Held then, or read next; and after the switch that answers the trigger."""
    pair = profile("default", "claudius")
    failed = advance(pair, fails(401))
    assert [each.rejected for each in failed.buckets] == [(), ()]
    known = advance(failed, store_holds("default", held(fingerprint="d-1")))
    assert [each.rejected for each in known.buckets] == [("d-1",), ("d-1",)]
    assert known.trigger.fingerprint == "d-1"
    left = advance(known, switched("claudius"))
    assert left.trigger == Trigger()
    assert [each.rejected for each in left.buckets] == [("d-1",), ("d-1",)]


def test_a_token_read_for_another_bucket_is_not_the_refused_one() -> None:
    """Only the bucket whose call was refused tells which token that was."""
    failed = advance(profile("default", "claudius"), fails(401))
    read = advance(failed, store_holds("claudius", held(fingerprint="c-1")))
    assert [each.rejected for each in read.buckets] == [(), ()]
    assert read.trigger.fingerprint is None


def test_the_token_that_a_refresh_replaces_is_the_refused_one() -> None:
    """The snapshot came with its trigger; the name is taken before the token goes."""
    known = profile(bucket("default", held(fingerprint="d-1")), trigger=REFUSAL)
    healed = advance(known, refresh_brings("default", held(fingerprint="d-2")))
    assert healed.buckets[0].rejected == ("d-1",)
    assert healed.trigger.fingerprint == "d-1"
    assert advance(healed, store_holds("default", held(fingerprint="d-2"))) == healed


@given(own=used_buckets(), named=st.sampled_from(("", "fp-1", "fp-2")))
def test_only_names_that_are_known_refuse(own: BucketSnapshot, named: str) -> None:
    """A token is refused if and only if its own name is the trigger's, or among those remembered."""
    snapshot: FailoverSnapshot = profile(own, trigger=Trigger(status=401, fingerprint=named))
    fingerprint = refused_fingerprint(snapshot, own)
    if named:
        assert fingerprint == named
    for each in ("", "fp-1", "fp-2", "fp-3"):
        token = held(NOW + 1, each)
        assert is_refused(own, token, fingerprint) == (each in {fingerprint, *own.rejected} - {""})
