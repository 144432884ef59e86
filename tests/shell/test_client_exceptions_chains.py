"""What stands behind an exception: its cause, its context, and the failures of a group."""

import asyncio
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from bucket_failover import CallFailure, describe_exception
from bucket_failover.client_exceptions import is_harmless
from tests.shell.test_client_exceptions import ask_anthropic, ask_httpx2, ask_openai, caught, url

__all__ = ["url"]


class WrapperError(Exception):
    """In the shape of pydantic-ai's `ModelHTTPError`: status and body are its own, the headers are on its cause."""

    def __init__(self, status_code: int, body: object = None) -> None:
        super().__init__("status and body")
        self.status_code = status_code
        self.body = body


class PlainError(Exception):
    """A wrapper with nothing of its own."""


def raised(error: BaseException, *, cause: BaseException | None = None, context: BaseException | None = None) -> Any:
    """The exception, as if it had been raised from the cause, or while the context was being handled."""
    error.__cause__ = cause
    error.__context__ = cause or context
    error.__suppress_context__ = cause is not None
    return error


@pytest.mark.parametrize("ask", [ask_anthropic, ask_openai, ask_httpx2])
@pytest.mark.parametrize("is_cause", [True, False])
def test_headers_are_read_where_a_wrapper_has_left_them(url: str, ask: Any, *, is_cause: bool) -> None:
    """On its cause, or on what was being handled; its own body stays."""
    client_error = caught(lambda: ask(f"{url}/429"))
    chain = {"cause" if is_cause else "context": client_error}
    failure = describe_exception(raised(WrapperError(429, {"error": {"message": "mine"}}), **chain))
    assert failure is not None
    assert (failure.status, failure.body) == (429, '{"error": {"message": "mine"}}')
    assert ("retry-after", "20") in failure.headers
    bare = describe_exception(raised(WrapperError(429), **chain))
    assert bare is not None
    assert "rate_limit_error" in (bare.body or "")


def test_headers_are_read_through_several_wrappers(url: str) -> None:
    """Those that say nothing are passed by, a group with one failure among them."""
    client_error = caught(lambda: ask_openai(f"{url}/429"))
    group = ExceptionGroup("calls", [raised(PlainError(), cause=client_error)])
    failure = describe_exception(raised(WrapperError(429), cause=raised(PlainError(), cause=group)))
    assert failure is not None
    assert ("retry-after", "20") in failure.headers


@pytest.mark.parametrize("status", [400, 500])
def test_another_answer_s_headers_are_left_where_they_are(url: str, status: int) -> None:
    """They speak of another call; what stands behind that one is not asked either."""
    same = caught(lambda: ask_openai(f"{url}/429"))
    other = raised(caught(lambda: ask_openai(f"{url}/{status}")), context=same)
    for chain in ({"cause": other}, {"context": other}):
        assert describe_exception(raised(WrapperError(429), **chain)) == CallFailure(status=429)


def test_a_broken_connection_gets_no_status_of_an_earlier_answer(url: str) -> None:
    """Neither from its cause nor from its context."""
    answer = caught(lambda: ask_openai(f"{url}/429"))
    for error in (ConnectionResetError(), TimeoutError()):
        own = describe_exception(error)
        assert own in {CallFailure(error_kind="network"), CallFailure(error_kind="timeout")}
        assert describe_exception(raised(error, cause=answer)) == own
        assert describe_exception(raised(error, context=answer)) == own


def test_a_mistake_in_a_handler_is_no_failed_call(url: str) -> None:
    """What was being handled gives a status to nothing; what an exception was raised from does."""

    def handle(*, chained: bool) -> None:
        try:
            ask_anthropic(f"{url}/429")
        except anthropic.APIError as error:
            if chained:
                raise ValueError from error
            raise ValueError  # noqa: B904 - the mistake is the subject

    assert describe_exception(caught(lambda: handle(chained=False))) is None
    failure = describe_exception(caught(lambda: handle(chained=True)))
    assert failure is not None
    assert failure.status == 429
    assert ("retry-after", "20") in failure.headers
    earlier = caught(lambda: handle(chained=False))
    assert describe_exception(raised(PlainError(), cause=earlier)) is None


def test_an_error_event_gets_its_status_from_its_cause_alone(url: str) -> None:
    """It has a body of its own, and no status."""
    answer = caught(lambda: ask_openai(f"{url}/529"))
    body = {"code": "server_is_overloaded"}
    request = httpx2.Request("POST", "http://127.0.0.1/")
    told = describe_exception(raised(openai.APIError("x", request, body=body), cause=answer))
    assert told is not None
    assert (told.status, told.body) == (529, '{"code": "server_is_overloaded"}')
    alone = describe_exception(raised(openai.APIError("x", request, body=body), context=answer))
    assert alone == CallFailure(body='{"code": "server_is_overloaded"}')


def test_a_group_is_its_only_failure() -> None:
    """At any depth, beside cancellations, told once or twice; wrapped like any other."""
    failure = WrapperError(429)
    told = CallFailure(status=429)
    cancelled = asyncio.CancelledError()
    groups = [
        ExceptionGroup("calls", [failure]),
        BaseExceptionGroup("calls", [cancelled, failure, asyncio.CancelledError()]),
        ExceptionGroup("calls", [ExceptionGroup("inner", [failure])]),
        ExceptionGroup("calls", [failure, ExceptionGroup("inner", [failure])]),
        ExceptionGroup("calls", [raised(PlainError(), cause=failure)]),
    ]
    assert [describe_exception(group) for group in groups] == [told] * 5
    assert describe_exception(raised(PlainError(), cause=groups[0])) == told
    assert describe_exception(BaseExceptionGroup("calls", [cancelled])) == CallFailure(error_kind="cancelled")


def test_a_group_of_several_failures_is_none() -> None:
    """Two that could be named, or one beside a mistake, or a mistake alone."""
    groups = [
        ExceptionGroup("calls", [WrapperError(429), WrapperError(429)]),
        ExceptionGroup("calls", [WrapperError(429), ValueError()]),
        ExceptionGroup("calls", [WrapperError(429), ExceptionGroup("inner", [ConnectionResetError()])]),
        ExceptionGroup("calls", [ValueError()]),
    ]
    assert [describe_exception(raised(group, cause=WrapperError(401))) for group in groups] == [None] * 4


def test_a_group_with_a_status_of_its_own_says_it() -> None:
    """What a library has put on it counts."""

    class StatusGroup(ExceptionGroup[Exception]):
        status_code = 503

    group = StatusGroup("calls", [ValueError(), KeyError()])
    assert describe_exception(group) == CallFailure(status=503)
    assert describe_exception(ExceptionGroup("outer", [group])) == CallFailure(status=503)


def test_chains_and_groups_without_an_end_are_left_alone() -> None:
    """Cycles, chains of a thousand, groups of a thousand in one another."""
    first, second = PlainError(), PlainError()
    raised(first, cause=second)
    raised(second, cause=first)
    assert describe_exception(first) is None
    wrapper = WrapperError(429)
    raised(wrapper, cause=raised(PlainError(), cause=wrapper))
    assert describe_exception(wrapper) == CallFailure(status=429)
    long: BaseException = WrapperError(429)
    for _ in range(1_000):
        long = raised(PlainError(), cause=long)
    assert describe_exception(long) is None
    deep: Exception = WrapperError(429)
    for _ in range(1_000):
        deep = ExceptionGroup("deeper", [deep])
    assert describe_exception(deep) is None


def test_what_was_sent_is_told_by_the_exception_that_tells_the_failure(url: str) -> None:
    """A wrapper's own refresh may have been heard, or never sent; the client's exception says which."""
    request = httpx2.Request("POST", "http://127.0.0.1/")
    unsent, unheard = httpx2.ConnectError("x", request=request), httpx2.ReadTimeout("x", request=request)
    assert [is_harmless(error) for error in (unsent, unheard, ValueError())] == [True, False, False]
    assert [is_harmless(WrapperError(status)) for status in (400, 503, 408, 504)] == [True, True, False, False]
    assert [is_harmless(raised(PlainError(), cause=error)) for error in (unsent, unheard)] == [True, False]
    assert [is_harmless(ExceptionGroup("x", [error])) for error in (unsent, unheard)] == [True, False]
    assert not is_harmless(raised(PlainError(), context=unsent))
