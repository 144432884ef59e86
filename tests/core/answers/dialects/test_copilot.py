"""GitHub Copilot: a month's allowance of each kind in a header of its own."""

from functools import partial

import pytest

from bucket_failover_core import Cause
from bucket_failover_core.answers.dialects.copilot import PREFIX
from bucket_failover_core.formats import parse_rfc_3339
from tests.core.answers.answers import NOW, limit, limits_read, verdict

KIND = f"{PREFIX}premium_interactions"
END = "2026-09-01T00%3A00%3A00Z"
UNTIL = parse_rfc_3339("2026-09-01T00:00:00Z")
NO_QUOTA = {"error": {"message": "You have no quota", "code": "quota_exceeded"}}
judged = partial(verdict, dialect="copilot")
read = partial(limits_read, dialect="copilot")


def snapshot(rem: str = "0.0", rst: str = END, permitted: str = "false", kind: str = KIND) -> tuple[str, str]:
    """The header of one kind."""
    return (kind, f"ent=300&ov=0.0&ovPerm={permitted}&rem={rem}&rst={rst}")


def month(until: float | None = UNTIL) -> object:
    """Its limit."""
    assert until is not None
    return limit(until - NOW, "month", "header", f"{KIND}: rem=0")


@pytest.mark.parametrize("rem", ["0", "0.0", "-0.3", "-1"])
def test_nothing_left_on_a_refusal_is_a_month(rem: str) -> None:
    """Until the reset that the header names, and no balance beside it."""
    found = judged(402, snapshot(rem), body=NO_QUOTA)
    assert (found.cause, found.limits) == (Cause.QUOTA, (month(),))


@pytest.mark.parametrize("rem", ["0.1", "1", "100.0"])
def test_something_left_is_no_month(rem: str) -> None:
    """What the words say is all that is known."""
    found = judged(402, snapshot(rem), body=NO_QUOTA)
    assert [told.window for told in found.limits] == ["balance"]


@pytest.mark.parametrize(
    "rst", [END, "2026-09-01T00:00:00Z", "2026-09-01T02%3a00%3a00%2B02%3a00", "2026-09-01T02:00:00%2B02:00"]
)
def test_a_reset_is_percent_encoded_or_not(rst: str) -> None:
    """In letters of either case."""
    assert judged(402, snapshot(rst=rst), body=NO_QUOTA).limits == (month(),)


def test_a_reset_that_cannot_be_read_is_unknown() -> None:
    """The month is guessed, and so is the balance that the words are about."""
    found = judged(402, snapshot(rst="soon"), body=NO_QUOTA)
    assert {told.window for told in found.limits} == {"month", "balance"}
    assert {told.source for told in found.limits} == {"guess"}


@pytest.mark.parametrize(("permitted", "windows"), [("true", []), ("1", []), ("TRUE", []), ("false", ["month"])])
def test_where_overage_is_permitted_the_money_flows(permitted: str, windows: list[str]) -> None:
    """A refusal is then for something else."""
    found = judged(429, snapshot(permitted=permitted), ("retry-after", "20"), body={"message": "no"})
    assert [told.window for told in found.limits if told.source == "header"] == windows


def test_a_success_says_nothing_of_the_kind_that_was_asked_for() -> None:
    """It reports every kind."""
    assert read(200, snapshot()) == ()
    assert read(200, snapshot("50.0")) == ()


def test_a_header_that_cannot_be_read_is_said_to_be_so() -> None:
    """If nothing else can be."""
    assert read(200, (KIND, "ent=300")) == f"{KIND} cannot be read"
    assert read(200, (KIND, "ent=300"), snapshot("1", kind=f"{PREFIX}chat")) == ()
