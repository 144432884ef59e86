"""Refused tokens: for how long they are believed to be refused, and by which requests."""

import pytest
from pydantic import ValidationError

from bucket_failover_core.request.refused_tokens import REFUSED_SECONDS, Refusal, refused_in
from tests.support.dialogue import live
from tests.support.worlds import NOW, bucket, profile


@pytest.mark.parametrize(
    ("count", "seconds"),
    [(1, 600.0), (2, 1_200.0), (3, 2_400.0), (6, 19_200.0), (7, 21_600.0), (8, 21_600.0), (10_000, 21_600.0)],
)
def test_a_refusal_is_believed_for_ten_minutes_doubling_to_six_hours(count: int, seconds: float) -> None:
    """From its newest moment; a count without end does not overflow."""
    assert Refusal(fingerprint="A", at=1_000.0, count=count).until() == 1_000.0 + seconds


def test_a_refusal_counts_from_one() -> None:
    """None at all is no refusal."""
    assert Refusal(fingerprint="A", at=0.0).count == 1
    with pytest.raises(ValidationError, match="count"):
        Refusal(fingerprint="A", at=0.0, count=0)


def test_a_profile_with_what_other_processes_were_refused() -> None:
    """Only the token that is held now counts, and only while the refusal is believed."""
    held = profile(bucket("a", live("f")), bucket("b", live("g")), bucket("c"))
    refusals = {
        "a": (Refusal(fingerprint="f", at=NOW),),
        "b": (Refusal(fingerprint="former", at=NOW), Refusal(fingerprint="g", at=NOW, is_account=True)),
        "c": (Refusal(fingerprint="", at=NOW),),
    }
    seen = refused_in(held, refusals, now=NOW)
    assert [(each.rejected, each.account_disabled) for each in seen.buckets[:2]] == [(("f",), False), (("g",), True)]
    later = refused_in(held, refusals, now=NOW + REFUSED_SECONDS)
    assert later == held
    assert refused_in(held, {}, now=NOW) == held


def test_in_a_profile_of_one_no_refusal_counts() -> None:
    """There is nothing else to call with."""
    held = profile(bucket("a", live("f")))
    assert refused_in(held, {"a": (Refusal(fingerprint="f", at=NOW),)}, now=NOW) is held
