"""Bad input: every mistake is a `ValueError` that names the field and the value."""

from collections.abc import Callable

import pytest

from bucket_failover.testing import EmbeddedProvider, Quota

NAN = float("nan")


def provider() -> EmbeddedProvider:
    """With the account "a"."""
    built = EmbeddedProvider(clock=lambda: 0.0)
    built.add_account("a")
    return built


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda _: Quota(requests=-1, window_seconds=60), "requests must be at least 0, not -1"),
        (lambda _: Quota(requests=1.5, window_seconds=60), "requests must be a whole number, not 1.5"),  # type: ignore[arg-type] # the mistake
        (lambda _: Quota(requests=1, window_seconds=0), "window_seconds must be above 0, not 0"),
        (lambda _: Quota(requests=1, window_seconds=NAN), "window_seconds must be a finite number, not nan"),
        (lambda _: Quota(requests=1, window_seconds=1, window="1h"), "window must be one of 5h, 7d, minute, not '1h'"),  # type: ignore[arg-type] # the mistake
        (lambda p: p.add_account(""), "account must have a name, not ''"),
        (lambda p: p.add_account("a"), "account 'a' exists already"),
        (lambda p: p.add_account("b", token_lifetime_seconds=0), "token_lifetime_seconds must be above 0, not 0"),
        (lambda p: p.user("a", answer="perhaps"), "answer must be one of yes, no, not 'perhaps'"),
        (lambda p: p.issue("a", lifetime_seconds=-1), "lifetime_seconds must be above 0, not -1"),
        (
            lambda p: p.issue("a", lifetime_seconds=1, expired=True),
            "lifetime_seconds must not be given with expired=True, not 1",
        ),
        (lambda p: p.spend("a", until=float("inf")), "until must be a finite number, not inf"),
        (lambda p: p.fail_next(199), "status must be at least 200, not 199"),
        (lambda p: p.fail_next(600), "status must be at most 599 and allow a body, not 600"),
        (lambda p: p.fail_next(204), "status must be at most 599 and allow a body, not 204"),
        (lambda p: p.fail_next(429, retry_after=-1), "retry_after must be at least 0, not -1"),
        (lambda p: p.fail_next(429, at="authorize"), "at must be one of messages, token, not 'authorize'"),
        (lambda p: p.overload(0), "times must be at least 1, not 0"),
        (lambda p: p.break_stream_next(after_pieces=-1), "after_pieces must be at least 0, not -1"),
        (lambda p: p.reset_stream_next(after_pieces=0.5), "after_pieces must be a whole number, not 0.5"),
        (lambda p: p.slow_next(first_byte_seconds=-1), "first_byte_seconds must be at least 0, not -1"),
        (lambda p: p.slow_next(piece_seconds=NAN), "piece_seconds must be a finite number, not nan"),
        (lambda p: p.slow_next(times=0), "times must be at least 1, not 0"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(mistake: Callable[[EmbeddedProvider], object], message: str) -> None:
    """The message is the whole story."""
    with pytest.raises(ValueError, match=r".") as caught:
        mistake(provider())
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "ask",
    [
        lambda p: p.user("x", answer="no"),
        lambda p: p.issue("x"),
        lambda p: p.add_api_key("x"),
        lambda p: p.spend("x", until=1.0),
        lambda p: p.expire("x"),
        lambda p: p.revoke("x"),
        lambda p: p.fail_next(account="x"),
        lambda p: p.overload(account="x"),
        lambda p: p.disconnect_next(account="x"),
        lambda p: p.break_stream_next(account="x"),
        lambda p: p.reset_stream_next(account="x"),
        lambda p: p.slow_next(account="x"),
        lambda p: p.refreshes("x"),
    ],
)
def test_an_account_that_the_test_did_not_open_is_named(ask: Callable[[EmbeddedProvider], object]) -> None:
    """A typo in a test is an error, not a bucket that never fails."""
    with pytest.raises(ValueError, match=r"^account 'x' is unknown; add_account\(\) opens one$"):
        ask(provider())


def test_a_body_that_json_cannot_hold_is_a_type_error_at_once() -> None:
    """Not at the moment when the fault happens, in another thread."""
    with pytest.raises(TypeError):
        provider().fail_next(500, body={"key": object()})
