"""What the retry loop learns of quota, from failures and from successes, and what it may spend on retries.

All of it runs over both twins; `describe_answer` alone has none.
"""

from email.utils import formatdate
from types import MappingProxyType
from typing import Any

import httpx2
import pytest

from bucket_failover import (
    ActiveBucket,
    AllBucketsExhaustedError,
    CallFailure,
    RetriesExhaustedError,
    RetryBudget,
    RetryPolicy,
    SqliteLimitStore,
    describe_answer,
)
from tests.support.line import Line, failing
from tests.support.people import CallError, token
from tests.support.twins import Pieces, Twin, each_twin

twin = each_twin

_SPENT = (
    ("x-ratelimit-remaining-requests", "0"),
    ("x-ratelimit-reset-requests", "40s"),
)


class Answer:
    """An answer with headers, as a client returns it."""

    def __init__(self, *headers: tuple[str, str], status: int = 200) -> None:
        self.status_code = status
        self.headers = dict(headers)


def test_a_success_that_says_it_was_the_last_is_believed(twin: Twin) -> None:
    """Remaining 0, reset in 40 s: the next request starts elsewhere, without a call that would only hear so."""
    line = Line("default", "claudius", twin=twin)

    def operation(bucket: ActiveBucket) -> Answer:
        line.calls.append((bucket.name, line.world.now))
        return Answer(*(_SPENT if bucket.name == "default" else ()))

    line.call(operation)
    line.call(operation)
    assert line.names() == ["default", "claudius"]
    line.world.now += 40.0
    line.call(operation)
    assert line.names() == ["default", "claudius", "default"]


def test_a_real_response_is_read_without_being_told() -> None:
    """Repeated headers and all; what a plain text says is not looked for."""
    response = httpx2.Response(200, headers=[("x-a", "1"), ("x-a", "2")])
    assert describe_answer(response) == CallFailure(status=200, headers=(("x-a", "1"), ("x-a", "2")))
    for plain in ("text", b"bytes", {"headers": {}}, None, 5, object()):
        assert describe_answer(plain) is None


def test_an_answer_behind_a_result_is_found() -> None:
    """The raw answers of SDKs have the response in an attribute."""

    class Raw:
        response = Answer(*_SPENT)

    class Nothing:
        response = object()

    class NoStatus:
        headers = MappingProxyType[str, str]({})

    assert describe_answer(Raw()) == CallFailure(status=200, headers=_SPENT)
    assert describe_answer(Nothing()) is None
    assert describe_answer(NoStatus()) is None


def test_an_operation_can_tell_what_an_answer_said(twin: Twin) -> None:
    """`bucket.report`, for those whose result is no answer."""
    line = Line("default", "claudius", twin=twin)

    def operation(bucket: ActiveBucket) -> str:
        bucket.report(CallFailure(status=200, headers=_SPENT))
        return bucket.name

    assert line.call(operation) == "default"
    assert line.call(operation) == "claudius"
    assert "report" not in repr(line.handler.choose_start())


def test_a_stream_is_read_as_well(twin: Twin) -> None:
    """The headers of the answer that it came in."""
    line = Line("default", "claudius", twin=twin)

    class Stream(Pieces, Answer):
        def __init__(self) -> None:
            Pieces.__init__(self, "a piece")
            Answer.__init__(self, *_SPENT)

    def operation(bucket: ActiveBucket) -> Stream:
        line.calls.append((bucket.name, line.world.now))
        return Stream()

    assert line.stream(operation) == ["a piece"]
    assert line.stream(operation) == ["a piece"]
    assert line.names() == ["default", "claudius"]


def test_a_limit_of_another_model_does_not_count(twin: Twin) -> None:
    """The request says which model it asks; the failure is about that one, too."""
    line = Line("default", "claudius", twin=twin)
    headers = [
        ("anthropic-ratelimit-unified-status", "rejected"),
        ("anthropic-ratelimit-unified-7d_oi-status", "rejected"),
        ("anthropic-ratelimit-unified-7d_oi-reset", str(int(line.world.now) + 9_000)),
    ]
    line.faults["default"] = [CallError(429, headers=headers)]
    assert line.call(model="opus") == "an answer from claudius"
    line.handler.reset()
    assert line.call(model="sonnet") == "an answer from default"
    assert line.call(model="opus") == "an answer from claudius"
    assert line.call() == "an answer from claudius"


def test_a_conversation_stays_with_its_bucket(twin: Twin) -> None:
    """Different conversations are spread, each returns to its own."""
    line = Line("default", "claudius", "vybestack", twin=twin)
    first = [line.call(session_key=str(key)) for key in range(12)]
    again = [line.call(session_key=str(key)) for key in range(12)]
    assert first == again
    assert len(set(first)) == 3


def test_a_canary_finds_an_early_reset(twin: Twin) -> None:
    """One request per interval tests what is merely believed; if it is served, the belief is gone."""
    line = Line("default", "claudius", twin=twin)
    headers = [
        ("x-codex-primary-used-percent", "100"),
        ("x-codex-primary-window-minutes", "10080"),
        ("x-codex-primary-reset-after-seconds", "500000"),
    ]
    line.faults["default"] = [CallError(429, headers=headers)] * 2
    assert [line.call() for _ in range(2)] == ["an answer from claudius"] * 2
    line.world.now += 600.0
    assert line.call() == "an answer from claudius"
    assert line.names()[-2:] == ["default", "claudius"]
    line.world.now += 600.0
    assert line.call() == "an answer from default"
    assert all(not bucket.limits for bucket in line.handler.snapshot().session.profile.buckets)


def test_moments_are_met_by_the_providers_clock(twin: Twin) -> None:
    """It is five minutes ahead: what ends at its 12:10 ends at our 12:05."""
    line = Line("default", "claudius", twin=twin)
    ahead = line.world.now + 300.0
    date = formatdate(ahead, usegmt=True)
    reset = str(int(ahead) + 3_600)
    headers = [
        ("date", date),
        ("anthropic-ratelimit-unified-5h-status", "rejected"),
        ("anthropic-ratelimit-unified-5h-reset", reset),
    ]
    line.faults["default"] = [CallError(429, headers=headers)]
    line.call()
    (limit,) = line.handler.snapshot().session.profile.buckets[0].limits
    assert limit.until == pytest.approx(line.world.start + 3_600.0, abs=1.5)


class TestBudget:
    """All requests of an orchestrator share what may be spent on retries."""

    def test_a_bad_hour_is_told_instead_of_retried(self, twin: Twin) -> None:
        """Two retries are left: the third request that meets the provider's trouble is told so at once."""
        line = Line("default", twin=twin, budget=RetryBudget(capacity=2.0, refill_per_second=0.0))
        line.faults["default"] = failing(*[503] * 20)
        with pytest.raises(RetriesExhaustedError):
            line.call()
        assert len(line.calls) == 3
        with pytest.raises(RetriesExhaustedError):
            line.call()
        assert len(line.calls) == 4

    def test_successes_and_time_give_back(self, twin: Twin) -> None:
        """A tenth of a retry each."""
        line = Line("default", twin=twin, budget=RetryBudget(capacity=1.0, refill_per_second=0.01, refund=0.25))
        line.faults["default"] = failing(503)
        line.call()
        for _ in range(2):
            line.call()
        line.world.now += 25.0
        line.faults["default"] = failing(503)
        assert line.call() == "an answer from default"

    def test_a_burst_fails_over_at_once(self, twin: Twin) -> None:
        """Another account may have room; first calls are always free."""
        line = Line("default", "claudius", twin=twin, budget=RetryBudget(capacity=1.0, left=0.0, refill_per_second=0.0))
        line.faults["default"] = [CallError(429, headers=[("retry-after", "1")])]
        assert line.call() == "an answer from claudius"
        assert [seconds for _, seconds in line.calls] == [0.0, 0.0]

    def test_without_a_budget_nothing_is_counted(self, twin: Twin) -> None:
        """As long as the request's own attempts last."""
        line = Line("default", twin=twin, budget=None)
        line.faults["default"] = failing(*[503] * 5)
        assert line.call() == "an answer from default"


def test_a_handler_that_knows_less_is_asked_for_less(twin: Twin) -> None:
    """`choose_start` of one's own may take no arguments at all."""
    line = Line("default", "claudius", twin=twin)
    chosen = line.handler.choose_start

    class Simple:
        def __getattr__(self, name: str) -> Any:
            return getattr(line.handler, name)

        def choose_start(self) -> Any:
            return chosen()

    class Curious(Simple):
        def choose_start(self, **asked: Any) -> Any:
            assert set(asked) >= {"model", "session_key", "draw"}
            return chosen(**asked)

    for handler in (Simple(), Curious()):
        line.orchestrator = line.orchestrate(handler)
        assert line.call() == "an answer from default"


def test_exhaustion_by_guesses_alone_is_never_told_without_a_call(twin: Twin) -> None:
    """Every bucket has run into a minute that is merely guessed: the next request tries the one that ends first."""
    line = Line("default", "claudius", twin=twin, policy=RetryPolicy(waits_for_profile=False))
    line.faults = {"default": failing(429, 429), "claudius": failing(429, 429)}
    for _ in range(2):
        with pytest.raises(AllBucketsExhaustedError):
            line.call()
    assert line.call() == "an answer from default"


def test_a_canary_that_is_refused_moves_no_session(twin: Twin) -> None:
    """The request goes on elsewhere, and the session stays with its bucket, whose caches are warm."""
    line = Line("default", "claudius", "vybestack", twin=twin)
    headers = [
        ("x-codex-primary-used-percent", "100"),
        ("x-codex-primary-window-minutes", "10080"),
        ("x-codex-primary-reset-after-seconds", "500000"),
    ]
    line.faults = {"default": [CallError(429, headers=headers)] * 2, "claudius": failing(500, 500)}
    assert line.call() == "an answer from vybestack"
    line.world.now += 600.0
    line.call()
    assert "default" in line.names()[4:]
    assert line.handler.get_current_bucket() == "vybestack"
    assert line.store.read_session_bucket("anthropic") == "vybestack"
    line.faults["vybestack"] = failing(402)
    line.call()
    assert line.handler.get_current_bucket() != "vybestack"


def test_a_canary_with_a_short_hint_is_not_waited_for(twin: Twin) -> None:
    """It has its answer: the request goes on elsewhere at once."""
    line = Line("default", "claudius", twin=twin)
    spent = [("x-codex-primary-used-percent", "100"), ("x-codex-primary-reset-after-seconds", "500000")]
    line.faults["default"] = [CallError(429, headers=spent), CallError(429, headers=[("retry-after", "25")])]
    line.call()
    line.world.now += 600.0
    began = line.world.now
    assert line.call() == "an answer from claudius"
    assert line.names()[-2:] == ["default", "claudius"]
    assert line.world.now == began


def test_a_canary_that_was_served_is_none_any_more(twin: Twin) -> None:
    """The bucket's next failure moves the session, and the store is told."""
    line = Line("default", "claudius", twin=twin)
    spent = [("x-codex-primary-used-percent", "100"), ("x-codex-primary-reset-after-seconds", "500000")]
    line.faults["default"] = [CallError(429, headers=spent)]
    line.call()
    line.handler.reset()
    line.world.now += 600.0
    assert line.call() == "an answer from default"
    line.faults["default"] = failing(402)
    assert line.call() == "an answer from claudius"
    assert line.handler.get_current_bucket() == "claudius"
    assert line.store.read_session_bucket("anthropic") == "claudius"


def test_the_last_resort_is_there_for_a_request_whose_bucket_has_no_token(twin: Twin) -> None:
    """No call has been made: what is merely believed of the other one does not end it."""
    line = Line("default", "claudius", twin=twin, tokens={"default": None, "claudius": token("claudius")})
    line.handler.report_answer("claudius", CallFailure(status=429))
    reset = (("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "300s"))
    line.handler.report_answer("claudius", CallFailure(status=200, headers=reset))
    assert line.call() == "an answer from claudius"
    told = (("retry-after", "3600"),)
    line.handler.report_answer("claudius", CallFailure(status=429, headers=told))
    with pytest.raises(AllBucketsExhaustedError) as caught:
        line.call()
    assert caught.value.retry_at is not None


def test_an_answer_is_about_the_model_that_was_asked(twin: Twin) -> None:
    """A deployment that is used up benches no other one."""
    line = Line("default", "claudius", twin=twin)

    def operation(bucket: ActiveBucket) -> Answer:
        line.calls.append((bucket.name, line.world.now))
        return Answer(
            ("apim-request-id", "x"), ("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "60")
        )

    line.call(operation, model="gpt-4o")
    line.call(operation, model="gpt-5")
    assert line.names() == ["default", "default"]
    line.call(operation, model="gpt-4o")
    assert line.names()[-1] == "claudius"


def test_processes_that_share_do_not_go_back_and_forth(twin: Twin, tmp_path: Any) -> None:
    """The draw of a process is one for all its requests."""
    line = Line("default", "claudius", twin=twin)
    draws = iter([0.1, 0.9] * 10)
    with SqliteLimitStore(tmp_path / "buckets.db") as limits:
        handler = twin.handler(
            ["default", "claudius"], "anthropic", line.manager, clock=line.world.clock, limits=limits
        )
        line.orchestrator = line.orchestrate(handler, draw=lambda: next(draws))
        reset = (("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "60s"))
        handler.report_answer("default", CallFailure(status=200, headers=reset))
        line.world.now += 65.0
        for _ in range(6):
            line.call()
    assert len(set(line.names())) == 1
