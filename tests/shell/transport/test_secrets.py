"""A credential is in nothing that a transport shows: no text, no log, no answer, no local variable of ours."""

import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import openai
import pytest

from bucket_failover import Bucket, MemoryTokenStore, OAuthToken, Profile, RetryPolicy, clients
from bucket_failover.transport import FailoverTransport, Keys, exhausted_error
from bucket_failover.transport.keys import profile_of_keys
from tests.support.callers import KINDS, Waits, calling
from tests.support.inner import Answer, Inner
from tests.support.scripted import ASK, NOW, both_families_both_loops, marks

SECRET = "sk-planted-5ecre7"
URL = "https://api.anthropic.com/v1/messages"
KEYS = {"first": SECRET, "second": f"{SECRET}-2"}
PACKAGE = "/bucket_failover/"

ENDS: dict[str, Answer | str] = {
    "exhausted": Answer(429, {"retry-after": "7200", "anthropic-ratelimit-unified-status": "rejected"}, (b"{}",)),
    "mistake": Answer(400, {}, (b"{}",)),
    "busy": Answer(529, {}, (b"{}",)),
    "revoked": Answer(401, {}, (b'{"error": {"type": "authentication_error"}}',)),
    "served": Answer(200, {}, (b"{}",)),
    "network": "ConnectError",
    "protocol": "RemoteProtocolError",
    "unknown": "DecodingError",
}


def chain(error: BaseException | None, seen: set[int] | None = None) -> Iterator[BaseException]:
    """An exception and all that is behind it."""
    seen = set() if seen is None else seen
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield error
    for behind in (error.__cause__, error.__context__, getattr(error, "last_error", None)):
        yield from chain(behind, seen)


def shown(error: BaseException) -> Iterator[str]:
    """All that a report of an exception may show: texts, and the local variables of our frames."""
    for each in chain(error):
        yield from (str(each), repr(each), repr(each.args), repr(vars(each)))
        for frame, _ in traceback.walk_tb(each.__traceback__):
            if PACKAGE in frame.f_code.co_filename:
                yield from (f"{frame.f_code.co_qualname}.{name} = {value!r}" for name, value in frame.f_locals.items())


def check(*texts: str) -> None:
    """None of them has the secret."""
    assert [text for text in texts if SECRET in text or "5ecre7" in text] == []


@both_families_both_loops
@pytest.mark.parametrize("end", ENDS)
def test_however_a_request_ends(kind: str, end: str, caplog: pytest.LogCaptureFixture) -> None:
    """Answers, exceptions, logs, and the texts of transport and client."""
    caplog.set_level(logging.DEBUG)
    http, how = KINDS[kind].http, ENDS[end]

    def answer(_: Any) -> Answer:
        if isinstance(how, Answer):
            return how
        message = "broken"
        raise getattr(http, how)(message)

    options: dict[str, Any] = {"inner": Inner(http, answer), "waits": Waits(NOW), "policy": RetryPolicy(max_attempts=2)}
    with calling(kind, keys=KEYS, provider="anthropic", **options) as caller:
        check(repr(caller.transport), repr(caller.client), repr(vars(caller.transport)))
        check(repr(vars(caller.transport._target)), repr(caller.transport.handler.snapshot()))
        try:
            got = caller.send("POST", f"{URL}?key=bucket-failover", json=ASK)
        except http.HTTPError as error:
            check(*shown(error), repr(error.request.headers.raw))
        else:
            check(repr(got), repr(got.headers.raw), repr(got.request.headers.raw), str(got.request.url), got.text)
            with pytest.raises(http.HTTPStatusError) as caught:
                http.Response.raise_for_status(got if got.is_error else http.Response(500, request=got.request))
            check(*shown(caught.value))
            told = exhausted_error(caught.value)
            if told is not None:
                check(*shown(told))
                assert str(pickle.loads(pickle.dumps(told))) == str(told)
    check(caplog.text, *(repr(vars(record)) for record in caplog.records))


@both_families_both_loops
@pytest.mark.parametrize("damage", [" {}", "{} ", "{}\n", "{}\r\nx: y", "{}é", "{}\0"])
def test_a_credential_that_no_header_carries(kind: str, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is sent nowhere, begins no header of its own, and the next bucket serves."""
    caplog.set_level(logging.DEBUG)
    store = MemoryTokenStore()
    fields = {"token_type": "api-key"}
    store.write("anthropic", "a", OAuthToken.model_validate(fields | {"access_token": damage.format(SECRET)}))
    store.write("anthropic", "b", OAuthToken.from_api_key("k2"))
    profile = Profile(provider="anthropic", buckets=(Bucket("a", api_key=True), Bucket("b", api_key=True)))
    inner = Inner(KINDS[kind].http, lambda _: Answer(200))
    with calling(kind, profile=profile, store=store, inner=inner, waits=Waits(NOW)) as caller:
        assert marks(caller.send("POST", URL, json=ASK)) == ("b", "1", "0")
    check(*(repr(sent.headers.raw) for sent in inner.sent), caplog.text)


MAKERS: dict[str, Callable[[Keys], Any]] = {
    "transport": lambda keys: FailoverTransport(keys=keys),
    "keys": lambda keys: profile_of_keys("openai", keys),
    "both": lambda keys: FailoverTransport("work", keys=keys),
    "address": lambda keys: FailoverTransport(keys=keys, provider="acme"),
    "openai": lambda keys: clients.openai_client(keys=keys),
    "async-openai": lambda keys: clients.async_openai_client(keys=keys),
    "anthropic": lambda keys: clients.anthropic_client(keys=keys),
    "async-anthropic": lambda keys: clients.async_anthropic_client(keys=keys),
    "google": lambda keys: clients.google_client(keys=keys),
}


@pytest.mark.parametrize("keys", [[f"{SECRET}", f"{SECRET}\n"], {"a": SECRET, "b": f"{SECRET} "}, SECRET])
@pytest.mark.parametrize("maker", MAKERS)
def test_keys_that_are_refused(maker: str, keys: Any) -> None:
    """Neither the error nor a local variable of ours on its way shows one."""
    with pytest.raises(ValueError, match=r"key|base_url") as caught:
        MAKERS[maker](keys)
    check(*shown(caught.value))


def test_an_sdks_exception() -> None:
    """With all that it carries."""
    failing = Answer(529, {}, (b"{}",))
    inner = Inner(KINDS["httpx2"].http, lambda _: failing)
    waits = Waits(NOW)
    options: dict[str, Any] = {"inner": inner, "clock": waits.clock, "sleep": waits.sleep}
    policy = RetryPolicy(max_attempts=2)
    messages: Any = [{"role": "user", "content": "A haiku, please."}]
    with openai_or_anthropic("openai", policy, options) as client, pytest.raises(openai.APIStatusError) as of_openai:
        client.chat.completions.create(model="m", messages=messages)
    with openai_or_anthropic("", policy, options) as other, pytest.raises(anthropic.APIStatusError) as of_anthropic:
        other.messages.create(model="m", messages=messages, max_tokens=64)
    for caught in (of_openai, of_anthropic):
        check(*shown(caught.value), repr(caught.value.response.request.headers.raw))


def openai_or_anthropic(name: str, policy: RetryPolicy, options: dict[str, Any]) -> Any:
    """An SDK's client."""
    make = clients.openai_client if name == "openai" else clients.anthropic_client
    return make(keys=KEYS, policy=policy, **options)
