"""The transports of both families, with and without an event loop, over real HTTP on loopback."""

import json
import logging
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from bucket_failover import Observed, RetryPolicy, UseBucket
from bucket_failover.transport import PLACEHOLDER, FailoverTransport, api_address, exhausted_error
from tests.support.callers import Caller, Script, Waits, calling
from tests.support.scripted import ASK, NOW, both_families_both_loops, marks, served, spent


@both_families_both_loops
class TestAnswers:
    """What a client gets."""

    def test_a_spent_bucket_costs_one_more_call(self, kind: str) -> None:
        """The provider's own answer comes from the next bucket, and says so; the next request begins there."""
        script = Script(k1=[spent], k2=[served])
        with script.serve() as url, calling(kind, keys=["k1", "k2"], provider="anthropic", base_url=url) as caller:
            answer = caller.send("POST", f"{url}/v1/messages", json=ASK)
            assert (answer.status_code, answer.json()) == (200, {"ok": True})
            assert marks(answer) == ("key-2", "1", "0")
            assert marks(caller.send("POST", f"{url}/v1/messages", json=ASK)) == ("key-2", "0", "0")
        assert script.keys == ["k1", "k2", "k2"]
        assert [json.loads(each.body) for each in script.received] == [ASK] * 3

    def test_exhausted(self, kind: str) -> None:
        """An answer in the API's own shape, which says what to do, and why is reachable from it."""
        script = Script(k1=[spent], k2=[spent])
        waits = Waits(NOW)
        options: dict[str, Any] = {"keys": ["k1", "k2"], "provider": "anthropic", "waits": waits}
        with script.serve() as url, calling(kind, base_url=url, **options) as caller:
            answer = caller.send("POST", f"{url}/v1/messages", json=ASK)
            error = exhausted_error(caller.kind.http.HTTPStatusError("", request=answer.request, response=answer))
        assert answer.status_code == 429
        assert (answer.headers["x-should-retry"], answer.headers["retry-after"]) == ("false", "7200")
        assert answer.json()["error"]["message"].startswith("Wait until 2026-08-12 ")
        assert error is not None
        assert set(error.bucket_failure_reasons) == {"key-1", "key-2"}
        assert waits == []

    def test_a_callers_mistake_comes_back_as_it_is(self, kind: str) -> None:
        """Status, headers and body; no other bucket is asked, and an SDK's own retries are told to stay off."""
        script = Script(k1=[lambda: JSONResponse({"error": {"message": "no such model"}}, 400, {"request-id": "r1"})])
        with script.serve() as url, calling(kind, keys=["k1", "k2"], base_url=url) as caller:
            answer = caller.send("POST", f"{url}/v1/chat/completions", json=ASK)
        assert (answer.status_code, answer.json()["error"]["message"]) == (400, "no such model")
        assert (answer.headers["request-id"], answer.headers["x-should-retry"]) == ("r1", "false")
        assert script.keys == ["k1"]

    def test_a_server_error_is_waited_out(self, kind: str) -> None:
        """With the same bucket, and the wait is told."""
        script = Script(k1=[lambda: Response("busy", 529), served])
        waits = Waits(NOW)
        with script.serve() as url, calling(kind, keys=["k1"], base_url=url, waits=waits) as caller:
            answer = caller.send("POST", f"{url}/v1/chat/completions", json=ASK)
        assert marks(answer) == ("key-1", "0", "1")
        assert len(waits) == 1

    def test_attempts_that_are_used_up_end_with_the_last_answer(self, kind: str) -> None:
        """It is the provider's own."""
        script = Script(k1=[lambda: Response("busy", 529)])
        options: dict[str, Any] = {"keys": ["k1"], "waits": Waits(NOW), "policy": RetryPolicy(max_attempts=2)}
        with script.serve() as url, calling(kind, base_url=url, **options) as caller:
            answer = caller.send("POST", f"{url}/v1/chat/completions", json=ASK)
        assert (answer.status_code, answer.text, len(script.keys)) == (529, "busy", 2)

    def test_a_wait_longer_than_the_client_waits_is_refused(self, kind: str) -> None:
        """The provider's answer comes back at once; so does the patience that a program has set."""
        script = Script(k1=[lambda: JSONResponse({}, 429, {"retry-after": "120"})])
        for options in ({"client": {"timeout": 60}}, {"patience_seconds": 60.0}):
            waits = Waits(NOW)
            with script.serve() as url, calling(kind, keys=["k1"], base_url=url, waits=waits, **options) as caller:
                assert caller.send("POST", f"{url}/v1/chat/completions", json=ASK).status_code == 429
            assert sum(waits) < 60

    def test_a_hint_longer_than_the_client_waits_sends_the_request_elsewhere(self, kind: str) -> None:
        """A free bucket serves it at once."""
        script = Script(k1=[lambda: JSONResponse({}, 429, {"retry-after": "10"})], k2=[served])
        waits = Waits(NOW)
        options: dict[str, Any] = {"keys": ["k1", "k2"], "patience_seconds": 2.0, "waits": waits}
        with script.serve() as url, calling(kind, base_url=url, **options) as caller:
            answer = caller.send("POST", f"{url}/v1/chat/completions", json=ASK)
        assert (answer.status_code, marks(answer), waits) == (200, ("key-2", "1", "0"), [])

    def test_a_broken_connection_is_the_clients_own_exception(self, kind: str) -> None:
        """Of its family, when the attempts are used up."""
        with Script().serve() as url:
            pass
        options: dict[str, Any] = {"keys": ["k1"], "waits": Waits(NOW), "policy": RetryPolicy(max_attempts=2)}
        with calling(kind, base_url=url, **options) as caller, pytest.raises(caller.kind.http.ConnectError):
            caller.send("POST", f"{url}/v1/chat/completions", json=ASK)


def test_an_observer_hears_of_each_decision() -> None:
    """With the very objects of the core."""
    heard: list[Observed] = []
    script = Script(k1=[spent], k2=[served])
    options: dict[str, Any] = {"keys": ["k1", "k2"], "provider": "anthropic", "observe": heard.append}
    with script.serve() as url, calling("httpx2", base_url=url, **options) as caller:
        caller.send("POST", f"{url}/v1/messages", json=ASK)
    kinds = [observed.what.kind for observed in heard]
    assert kinds.count("call-bucket") == 2
    assert kinds[-1] == "served"
    assert not any(isinstance(observed.what, UseBucket) for observed in heard)


def test_a_client_that_retries_by_itself_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """In the log: its retries and ours would multiply."""
    script = Script(k1=[served])
    with script.serve() as url, calling("httpx2", keys=["k1"], base_url=url) as caller:
        caller.send("POST", f"{url}/v1/x", headers={"x-stainless-retry-count": "0"})
        assert not [record for record in caplog.records if record.name == "bucket_failover"]
        for _ in range(2):
            caller.send("POST", f"{url}/v1/x", headers={"x-stainless-retry-count": "1"})
    told = [record for record in caplog.records if record.name == "bucket_failover"]
    assert [(record.levelno, vars(record)["event"]) for record in told] == [(logging.WARNING, "client-retries")]
    assert "max_retries=0" in told[0].getMessage()


def test_a_client_that_asks_another_host_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """In the log: its requests get no credential there."""
    elsewhere = Script()
    with elsewhere.serve() as url, calling("httpx2", keys=["k1"], base_url="https://api.example") as caller:
        for _ in range(2):
            caller.send("POST", f"{url}/v1/x", headers={"authorization": f"Bearer {PLACEHOLDER}"})
        caller.send("GET", f"{url}/file")
    told = [record for record in caplog.records if record.name == "bucket_failover"]
    assert [(record.levelno, vars(record)["event"]) for record in told] == [(logging.WARNING, "sent-elsewhere")]
    assert "a request to 127.0.0.1 got no credential: they go to api.example alone" in told[0].getMessage()


@pytest.mark.parametrize(
    ("provider", "given", "variable", "address"),
    [
        ("openai", "https://a.example", "https://b.example", "https://a.example"),
        ("openai", None, "https://b.example", "https://b.example"),
        ("openai", None, "", "https://api.openai.com/v1"),
        ("groq", None, "https://b.example", "https://api.groq.com/openai/v1"),
        ("acme", None, "https://b.example", None),
    ],
)
def test_where_an_api_is(
    provider: str, given: str | None, variable: str, address: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the caller says, as the SDK's variable says, as the provider's reference says."""
    monkeypatch.setenv("OPENAI_BASE_URL", variable)
    assert api_address(provider, given) == address


def test_where_the_api_is_has_to_be_known() -> None:
    """Credentials go to no address that the caller has not named or the provider's reference has not."""
    with pytest.raises(ValueError, match="base_url: say where the API of 'acme' is reached"):
        FailoverTransport(keys=["k"], provider="acme")


@pytest.mark.parametrize(
    ("variables", "url", "is_proxied"),
    [
        ({"HTTP_PROXY": "{proxy}"}, "http://api.example/v1/x", True),
        ({"ALL_PROXY": "{proxy}"}, "http://api.example/v1/x", True),
        ({"HTTP_PROXY": "{proxy}", "NO_PROXY": "127.0.0.1"}, "{direct}/v1/x", False),
    ],
)
def test_the_environments_proxies_are_used(
    variables: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch, *, is_proxied: bool
) -> None:
    """As the client's own transport would."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    proxy, direct = Script(k1=[served]), Script(k1=[served])
    with proxy.serve() as proxy_url, direct.serve() as direct_url:
        for name, value in variables.items():
            monkeypatch.setenv(name, value.format(proxy=proxy_url))
        address = url.format(direct=direct_url)
        with calling("httpx2", keys=["k1"], base_url=address.rpartition("/v1")[0]) as caller:
            assert isinstance(caller, Caller)
            assert caller.send("POST", address).status_code == 200
    assert (len(proxy.received), len(direct.received)) == ((1, 0) if is_proxied else (0, 1))
