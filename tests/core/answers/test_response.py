"""One answer as the dialects see it: bounded, its header names in lower case, its error unpacked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucket_failover_core import CallFailure
from bucket_failover_core.answers import is_success
from bucket_failover_core.answers.error_body import NO_ERROR
from bucket_failover_core.answers.response import Answer, answer_of
from tests.core.answers.answers import answer

EVENT = {"type": "error", "error": {"type": "overloaded_error"}}
UNKNOWN_EVENT = {"type": "error", "error": {"type": "strange"}}


def told(*headers: tuple[str, str]) -> Answer:
    """An answer with these headers."""
    return answer_of(answer(429, *headers))


def test_headers_are_stripped_and_their_names_in_lower_case() -> None:
    """What does not speak of limits, and what is blank, is left out."""
    found = told(
        ("Retry-After", " 20\t"), ("Date", "x"), ("X-RateLimit-Reset", " \t"), ("x-ratelimit-remaining", "\u00a05")
    )
    assert found.headers == {"retry-after": "20", "x-ratelimit-remaining": "\u00a05"}
    assert found.repeated == {}
    assert found.values("retry-after") == ("20",)
    assert found.values("x-ratelimit-reset") == ()
    assert found.values("date") == ()


def test_a_repeated_header_keeps_all_its_values() -> None:
    """In their order, blank ones left out; the last is the one that counts where one does."""
    found = told(
        ("retry-after", "1"), ("x-codex-a", "7"), ("Retry-After", " "), ("RETRY-AFTER", " 3 "), ("x-codex-b", "")
    )
    assert found.headers == {"retry-after": "3", "x-codex-a": "7"}
    assert found.values("retry-after") == ("1", "3")
    assert found.values("x-codex-a") == ("7",)
    assert found.values("x-codex-b") == ()
    assert found.values("x-codex-c") == ()
    assert told(("retry-after", "2"), ("retry-after", " ")).headers == {"retry-after": "2"}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (None, None, None),
        (None, "plain words", None),
        (None, EVENT, 529),
        (None, {"error": {"code": 429}}, 429),
        (None, {"code": "slow_down"}, 429),
        (None, UNKNOWN_EVENT, 500),
        (None, {"code": "strange"}, None),
        (200, None, 200),
        (200, EVENT, 529),
        (200, UNKNOWN_EVENT, 500),
        (200, {"code": 429}, 200),
        (299, EVENT, 529),
        (300, EVENT, 300),
        (199, EVENT, 199),
        (429, EVENT, 429),
        (500, {"error": {"code": 429}}, 500),
    ],
)
def test_the_status_of_a_stream_that_fails_is_the_one_that_its_error_means(
    status: int | None, body: object, expected: int | None
) -> None:
    """Of 500, if its type says nothing; a status that says that it has failed stands."""
    found = answer_of(answer(status, body=body))
    assert (found.http_status, found.status) == (status, expected)
    assert found.succeeded is (expected is not None and 200 <= expected < 300)


def test_the_words_of_a_success_are_no_error() -> None:
    """Its document is kept, for usage endpoints."""
    found = answer_of(answer(200, body={"message": "try again in 9 days", "code": 429}))
    assert found.error == NO_ERROR._replace(document={"message": "try again in 9 days", "code": 429})
    assert answer_of(answer(200, body="try again in 9 days")).error is NO_ERROR


@pytest.mark.parametrize(
    ("status", "failed"),
    [(None, True), (199, False), (200, False), (304, False), (399, False), (400, True), (999, True)],
)
def test_the_body_of_a_failure_is_about_an_error(status: int | None, *, failed: bool) -> None:
    """From 400 on, and where there is no status."""
    assert (answer_of(answer(status, body="words")).error.message == "words") is failed


@pytest.mark.parametrize("status", [None, 429, 500])
def test_the_name_of_an_exception_may_stand_in_a_header(status: int | None) -> None:
    """After the body's own names."""
    header = ("x-amzn-ErrorType", "com.amazon#ThrottlingException :http://x/")
    found = answer_of(answer(status, header, body={"code": "c"}))
    assert found.error.names == ("c", "ThrottlingException")
    assert found.status == (429 if status is None else status)
    assert answer_of(answer(status, header)).error.names == ("ThrottlingException",)
    assert answer_of(answer(200, header)).error == NO_ERROR


def test_only_the_first_64_kib_of_the_headers_are_looked_at() -> None:
    """Names and values counted, to the character; what comes first counts."""
    name, value = "retry-after", "20"
    room = 65_536 - len(name) - len(value)
    assert told(("x" * room, ""), (name, value)).headers == {name: value}
    assert told((name, value), ("x" * room, "")).headers == {name: value}
    assert told(("x" * room, "y"), (name, value)).headers == {}
    assert told((name, value), ("x" * room, "y")).headers == {name: value}
    assert told((name, value), ("x" * room, "y"), ("retry-after", "30")).headers == {name: value}
    assert told((name, "x" * 65_536)).headers == {}
    assert told(("x" * 65_537, "")).headers == {}


def test_what_stands_in_an_answer_besides_is_kept() -> None:
    """The model that was asked, and whether open allowances are wanted."""
    assert answer_of(answer(200, model="m")).model == "m"
    assert answer_of(answer(200)).model is None
    assert not answer_of(answer(200)).reads_open
    assert answer_of(answer(200), reads_open=True).reads_open


PAIRS = st.tuples(st.sampled_from(["retry-after", "Retry-After", "x-codex-a", "date", ""]), st.text(" \t1", max_size=3))


@given(headers=st.lists(PAIRS, max_size=6).map(tuple))
def test_values_are_the_same_by_the_dumb_way(headers: tuple[tuple[str, str], ...]) -> None:
    """Filter, strip, and leave out what is blank."""
    found = answer_of(CallFailure(status=200, headers=headers))
    for name in ("retry-after", "x-codex-a", "date"):
        stripped = [value.strip(" \t") for other, value in headers if other.lower() == name and name != "date"]
        values = tuple(value for value in stripped if value)
        assert found.values(name) == values
        assert found.headers.get(name) == (values[-1] if values else None)


@pytest.mark.parametrize(
    ("failure", "succeeded"),
    [
        (answer(200), True),
        (answer(299, ("retry-after", "20"), body={"message": "words"}), True),
        (answer(200, body=EVENT), False),
        (answer(200, body="event: error\ndata: x\n\n"), False),
        (answer(199), False),
        (answer(300), False),
        (answer(429), False),
        (answer(None), False),
        (answer(None, body=EVENT), False),
        (answer(200, error_kind="timeout"), False),
    ],
)
def test_what_is_a_success(failure: CallFailure, *, succeeded: bool) -> None:
    """A 2xx whose body is no error event, if there was an answer at all."""
    assert is_success(failure) is succeeded
