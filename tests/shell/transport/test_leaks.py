"""What a transport gives back: the connection of every answer that the caller does not get, whatever goes wrong."""

import gzip
from typing import Any

import pytest

from bucket_failover import Profile, RetryPolicy
from bucket_failover.orchestrator.request import Request
from tests.support.callers import KINDS, Caller, Waits, calling
from tests.support.inner import Answer, Inner
from tests.support.scripted import ASK, DELTA, ERROR_EVENT, NOW, START, both_families_both_loops, marks

SSE = {"content-type": "text/event-stream"}
URL = "https://api.anthropic.com/v1/messages"
SPENT = Answer(429, {"retry-after": "7200", "anthropic-ratelimit-unified-status": "rejected"}, (b"{}",))
SERVED = Answer(200, {"content-type": "application/json"}, (b'{"ok": ', b"true}"))
BUSY = Answer(529, {}, (b"busy",))


def key_of(request: Any) -> str:
    """The API key that a request came with."""
    return str(request.headers["x-api-key"])


def by_key(kind: str, connections_max: int | None = None, **answers: list[Answer]) -> Inner:
    """An inner transport that answers each key in turn; its last answer again and again."""

    def answer(request: Any) -> Answer:
        left = answers[key_of(request)]
        return left.pop(0) if len(left) > 1 else left[0]

    return Inner(KINDS[kind].http, answer, connections_max=connections_max)


def one_connection(kind: str, **answers: list[Answer]) -> dict[str, Any]:
    """A transport with two keys, whose inner one has a single connection."""
    inner = by_key(kind, 1, **answers)
    return {"keys": ["k1", "k2"], "provider": "anthropic", "inner": inner, "waits": Waits(NOW)}


def post(caller: Caller, **options: Any) -> Any:
    """One request to the API."""
    return caller.send("POST", URL, json=ASK, **options)


@both_families_both_loops
class TestOneConnection:
    """A pool of one connection serves thousands of requests, of which most fail."""

    @pytest.mark.parametrize(
        "failed",
        [
            SPENT,
            BUSY,
            Answer(200, SSE, (START, ERROR_EVENT, DELTA)),
            Answer(404, {}, (b"x" * 600_000, b"x" * 600_000, b"x" * 600_000)),
            Answer(429, {"content-encoding": "gzip"}, (b"no gzip",)),
            Answer(401, {}, (b"{",)),
        ],
        ids=["spent", "busy", "error-event", "long", "not-gzip", "revoked"],
    )
    def test_a_failed_answer(self, kind: str, failed: Answer) -> None:
        """It is closed before the next bucket is asked, and before a wait."""
        options = one_connection(kind, k1=[failed], k2=[failed, failed, SERVED, failed])
        inner = options["inner"]
        with calling(kind, policy=RetryPolicy(max_attempts=4), **options) as caller:
            for _ in range(50):
                post(caller)
                assert inner.open_now == 0

    def test_while_a_request_waits_it_holds_no_connection(self, kind: str) -> None:
        """Its failed answer is closed before the wait, not after it."""
        long = Answer(529, {}, (b"x" * 600_000, b"x" * 600_000, b"x"))
        event = Answer(200, SSE, (START, ERROR_EVENT.replace(b"rate_limit", b"overloaded"), DELTA))
        for failed in (long, event):
            options = one_connection(kind, k1=[failed, SERVED])
            inner, waits, held = options["inner"], options["waits"], list[int]()
            options["keys"] = ["k1"]
            with calling(kind, **options) as caller:
                waits.append = lambda _, held=held, inner=inner: held.append(inner.open_now)
                assert post(caller).status_code == 200
            assert held
            assert not any(held)

    def test_a_stream_that_the_caller_abandons(self, kind: str) -> None:
        """Closed half way: one that was read ahead, and one that was not."""
        for headers in (SSE, {}):
            options = one_connection(kind, k1=[Answer(200, headers, (START, DELTA, DELTA, DELTA))])
            inner = options["inner"]
            with calling(kind, **options) as caller:
                for _ in range(3):
                    self._abandon(caller)
                    assert inner.open_now == 0

    @staticmethod
    def _abandon(caller: Caller) -> None:
        if not caller.kind.is_async:
            with caller.client.stream("POST", URL, json=ASK) as answer:
                next(iter(answer.iter_raw()))
            return

        async def abandon() -> None:
            async with caller.client.stream("POST", URL, json=ASK) as answer:
                async for _ in answer.aiter_raw():
                    break

        caller._run(abandon())

    def test_a_close_that_fails_changes_nothing(self, kind: str) -> None:
        """Neither of a failed answer, nor of one that was read to its end: the caller gets what the provider said."""
        failing = RuntimeError("close")
        for failed in (SPENT, Answer(404), Answer(200, SSE, (START, ERROR_EVENT, b"x"))):
            options = one_connection(kind, k1=[failed._replace(at_close=failing)], k2=[SERVED])
            with calling(kind, **options) as caller:
                assert post(caller).status_code in {200, 404}

    def test_what_the_machine_raises_closes_a_good_answer(self, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """An error of our own, after the provider has answered, leaves no connection behind."""
        options = one_connection(kind, k1=[SERVED])
        with calling(kind, **options) as caller:

            def fail(*_: Any, **__: Any) -> None:
                raise ZeroDivisionError

            monkeypatch.setattr(f"{Request.__module__}.{Request.__name__}._success", fail)
            with pytest.raises(ZeroDivisionError):
                post(caller)
        assert options["inner"].open_now == 0


@both_families_both_loops
class TestFailedAnswers:
    """A failed answer that the caller gets is one like any other of its client."""

    @pytest.mark.parametrize("status", [400, 500, 0], ids=["mistake", "attempts", "exhausted"])
    def test_it_can_be_read_in_every_way(self, kind: str, status: int) -> None:
        """Piece by piece as well, and it knows how long it took."""
        failed = SPENT if not status else Answer(status, {}, (b'{"a":', b" 1}"))
        options = one_connection(kind, k1=[failed], k2=[failed])
        with calling(kind, policy=RetryPolicy(max_attempts=2), **options) as caller:
            answer, pieces = caller.stream(URL, json=ASK)
            whole = post(caller)
        assert status == 0 or b"".join(pieces) == whole.content == b'{"a": 1}'
        assert whole.elapsed.total_seconds() >= 0
        assert answer.elapsed.total_seconds() >= 0
        assert int(whole.headers.get("content-length", len(whole.content))) == len(whole.content)

    def test_one_that_is_cut_off_says_what_its_head_says(self, kind: str) -> None:
        """A spent window is known by status and headers: the next bucket is asked, not the same one again."""
        http = KINDS[kind].http
        cut = SPENT._replace(pieces=(b'{"error', http.RemoteProtocolError("closed")))
        options = one_connection(kind, k1=[cut], k2=[SERVED])
        with calling(kind, **options) as caller:
            assert marks(post(caller)) == ("key-2", "1", "0")
        assert options["inner"].open_now == 0

    def test_one_that_cannot_be_unpacked_says_what_its_head_says(self, kind: str) -> None:
        """So does one that is said to be packed and is not."""
        for body in (b"plain", gzip.compress(b'{"error": {}}' * 50)[:30]):
            failed = SPENT._replace(headers=SPENT.headers | {"content-encoding": "gzip"}, pieces=(body,))
            options = one_connection(kind, k1=[failed], k2=[SERVED])
            with calling(kind, **options) as caller:
                assert marks(post(caller)) == ("key-2", "1", "0")


@both_families_both_loops
class TestClosing:
    """A transport that is closed."""

    def test_twice(self, kind: str, tmp_path: Any) -> None:
        """The second time does nothing."""
        profile = Profile.model_validate({"provider": "anthropic", "buckets": ["work"]})
        options = {"profile": profile, "store": tmp_path / "tokens.db", "inner": by_key(kind)}
        with calling(kind, waits=Waits(NOW), **options) as caller:
            for _ in range(2):
                caller._run(caller.transport.aclose() if caller.kind.is_async else caller.transport.close())

    def test_an_inner_transport_that_fails_leaves_no_store_open(self, kind: str, tmp_path: Any) -> None:
        """Its error is the caller's, and the stores are closed."""

        class Failing(Inner):
            def close(self) -> None:
                raise ZeroDivisionError

            async def aclose(self) -> None:
                raise ZeroDivisionError

        profile = Profile.model_validate({"provider": "anthropic", "buckets": ["work"]})
        inner = Failing(KINDS[kind].http, lambda _: SERVED)
        options = {"profile": profile, "store": tmp_path / "tokens.db", "inner": inner, "waits": Waits(NOW)}
        closed: list[bool] = []
        with pytest.raises(ZeroDivisionError), calling(kind, **options) as caller:
            caller.transport._closing.callback(lambda: closed.append(True))
        assert closed == [True]

    def test_a_body_that_was_sent_is_not_sent_in_part(self, kind: str) -> None:
        """A redirect of a body that is too long to be kept fails as it does without us: it was read already."""
        moved = Answer(307, {"location": f"{URL}/there"})
        options = one_connection(kind, k1=[moved, SERVED]) | {"replay_bytes_max": 5}
        client = {"follow_redirects": True}
        parts = [b"one ", b"two ", b"three"]
        with calling(kind, client=client, **options) as caller:
            body = caller.body(parts) if caller.kind.is_async else (part for part in parts)
            with pytest.raises(caller.kind.http.StreamConsumed):
                caller.send("POST", URL, content=body)
