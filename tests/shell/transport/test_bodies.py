"""What a transport sends again, and what it reads of a stream before it passes it on."""

import gzip
from typing import Any

import pytest
from starlette.responses import Response

from bucket_failover import RetryPolicy
from tests.support.callers import Script, Waits, calling
from tests.support.scripted import (
    ASK,
    DELTA,
    ERROR_EVENT,
    NOW,
    START,
    both_families_both_loops,
    events,
    marks,
    served,
    spent,
)


@both_families_both_loops
class TestStreams:
    """Answers that come piece by piece."""

    def test_an_error_before_the_first_output_fails_over(self, kind: str) -> None:
        """The client sees one stream, from its beginning."""
        script = Script(k1=[events(START, ERROR_EVENT)], k2=[events(START, DELTA, DELTA)])
        waits = Waits(NOW)
        options: dict[str, Any] = {"keys": ["k1", "k2"], "provider": "anthropic", "waits": waits}
        with script.serve() as url, calling(kind, base_url=url, **options) as caller:
            answer, pieces = caller.stream(f"{url}/v1/messages", json=ASK | {"stream": True})
        assert b"".join(pieces) == START + DELTA + DELTA
        assert marks(answer)[0] == "key-2"

    def test_an_error_after_it_is_the_clients(self, kind: str) -> None:
        """Two answers are not mixed."""
        script = Script(k1=[events(START, DELTA, ERROR_EVENT)], k2=[served])
        options: dict[str, Any] = {"keys": ["k1", "k2"], "provider": "anthropic"}
        with script.serve() as url, calling(kind, base_url=url, **options) as caller:
            _, pieces = caller.stream(f"{url}/v1/messages", json=ASK | {"stream": True})
        assert b"".join(pieces) == START + DELTA + ERROR_EVENT
        assert script.keys == ["k1"]

    @pytest.mark.parametrize("encoding", ["gzip", "br"])
    def test_a_packed_stream_is_passed_on_packed(self, kind: str, encoding: str) -> None:
        """Gzip is unpacked to be looked at; what we cannot unpack is not looked at."""
        packed = gzip.compress(START + ERROR_EVENT)
        script = Script(k1=[events(packed, **{"content-encoding": encoding})], k2=[events(START, DELTA)])
        options: dict[str, Any] = {"keys": ["k1", "k2"], "provider": "anthropic", "waits": Waits(NOW)}
        with script.serve() as url, calling(kind, base_url=url, **options) as caller:
            _, pieces = caller.stream(f"{url}/v1/messages", json=ASK | {"stream": True})
        assert b"".join(pieces) == (START + DELTA if encoding == "gzip" else packed)

    def test_a_packed_error_is_read(self, kind: str) -> None:
        """A gateway packs small answers too."""
        body = gzip.compress(b'{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}')
        headers = {"content-encoding": "gzip", "content-type": "application/json"}
        script = Script(k1=[lambda: Response(body, 500, headers)])
        options: dict[str, Any] = {"keys": ["k1"], "waits": Waits(NOW), "policy": RetryPolicy(max_attempts=1)}
        with script.serve() as url, calling(kind, base_url=url, provider="anthropic", **options) as caller:
            answer = caller.send("POST", f"{url}/v1/messages", json=ASK)
        assert answer.json()["error"]["type"] == "overloaded_error"

    def test_a_long_failure_is_read_in_part(self, kind: str) -> None:
        """The client gets all of it."""
        page = b"<html>" + b"x" * 3_000_000
        script = Script(k1=[lambda: Response(page, 404, {"content-type": "text/html"})])
        with script.serve() as url, calling(kind, keys=["k1"], base_url=url) as caller:
            answer = caller.send("POST", f"{url}/v1/chat/completions", json=ASK)
        assert (answer.status_code, answer.content) == (404, page)


@both_families_both_loops
class TestBodies:
    """What is sent, and sent again."""

    def test_a_body_that_can_be_read_once_is_kept(self, kind: str) -> None:
        """Both buckets get all of it, with its length."""
        script = Script(k1=[spent], k2=[served])
        options: dict[str, Any] = {"keys": ["k1", "k2"], "provider": "anthropic"}
        with script.serve() as url, calling(kind, base_url=url, **options) as caller:
            caller.send("POST", f"{url}/v1/messages", content=caller.body([b"one ", b"two"]))
        assert [each.body for each in script.received] == [b"one two", b"one two"]
        assert [each.headers.get("content-length") for each in script.received] == ["7", "7"]

    def test_a_body_that_is_too_long_is_sent_once(self, kind: str) -> None:
        """The first failure is final, and its answer is the provider's; what it said of limits is known."""
        script = Script(k1=[spent], k2=[served])
        options: dict[str, Any] = {"keys": ["k1", "k2"], "provider": "anthropic", "replay_bytes_max": 5}
        with script.serve() as url, calling(kind, base_url=url, **options) as caller:
            answer = caller.send("POST", f"{url}/v1/messages", content=caller.body([b"one ", b"two ", b"three"]))
            assert (answer.status_code, script.keys) == (429, ["k1"])
            assert caller.send("POST", f"{url}/v1/messages", json=ASK).status_code == 200
        assert script.received[0].body == b"one two three"
        assert script.keys == ["k1", "k2"]

    def test_an_upload(self, kind: str) -> None:
        """A file in a form is sent to both, whole."""
        script = Script(k1=[spent], k2=[served])
        options: dict[str, Any] = {"keys": ["k1", "k2"], "provider": "anthropic"}
        with script.serve() as url, calling(kind, base_url=url, **options) as caller:
            caller.send("POST", f"{url}/v1/files", files={"file": ("a.bin", b"x" * 100_000)})
        bodies = [each.body for each in script.received]
        assert len(bodies) == 2
        assert bodies[0] == bodies[1]
        assert b"x" * 100_000 in bodies[0]
