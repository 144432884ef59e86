"""When an issued token ends, until when an issuer is busy, and what else issuers have words of their own for."""

import pytest

from bucket_failover_core.oauth import (
    DeviceDeclined,
    NothingIssued,
    read_device_poll,
    read_issuer_answer,
)
from tests.support.issuer_answers import ACCESS, NOW, REFUSED, UNHEARD, UNISSUED, issued


@pytest.mark.parametrize(
    ("body", "last_lifetime", "expiry"),
    [
        ({"expires_in": 60, "access_token_exp": 5_000.0}, 10.0, NOW + 60),
        ({"access_token_exp": 5_000.0}, 10.0, 5_000.0),
        ({"expires_in": "soon", "access_token_exp": 5_000}, None, 5_000.0),
        ({"access_token_exp": "nonsense"}, 10.0, NOW + 10),
        ({}, 3_600.0, NOW + 3_600),
        ({}, 0.0, None),
        ({}, -5.0, None),
        ({}, None, None),
    ],
)
def test_an_end_is_named_claimed_or_as_the_last_one(
    body: dict[str, object], last_lifetime: float | None, expiry: float | None
) -> None:
    """In this order; without any of them the issuer has named none, and the token is usable until it is refused."""
    answer = read_issuer_answer(200, ACCESS | body, now=NOW, last_lifetime=last_lifetime)
    assert answer == issued(expiry)


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize(
    ("retry_after", "retry_at"),
    [
        ("", None),
        ("600", NOW + 600),
        ("0", None),
        ("soon", None),
        ("-5", None),
        ("Thu, 01 Jan 1970 01:00:00 GMT", 3_600.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", None),
        ("99999999", NOW + 86_400),
    ],
)
def test_an_issuer_that_is_busy_says_until_when(status: int, retry_after: str, retry_at: float | None) -> None:
    """In seconds or as a date, for a day at most; what cannot be read is no wait."""
    answer = read_issuer_answer(status, None, now=NOW, retry_after=retry_after)
    assert answer == NothingIssued(is_known=True, retry_at=retry_at)


def test_a_wait_beside_any_other_answer_is_none() -> None:
    """A refusal is for good, and of a timeout it is not known what came of it."""
    assert read_issuer_answer(400, {"error": "invalid_grant"}, now=NOW, retry_after="60") == REFUSED
    assert read_issuer_answer(400, {"error": "invalid_request"}, now=NOW, retry_after="60") == UNISSUED
    assert read_issuer_answer(504, None, now=NOW, retry_after="60") == UNHEARD


def test_a_no_has_two_names() -> None:
    """RFC 8628's and Microsoft's."""
    for name in ("access_denied", "authorization_declined"):
        assert read_device_poll(400, {"error": name}, now=NOW) == DeviceDeclined()
