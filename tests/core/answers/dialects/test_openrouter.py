"""OpenRouter: limits of the account, a count with a reset in milliseconds, and errors of the providers behind it."""

from functools import partial

import pytest

from bucket_failover_core import Cause, Limit
from tests.core.answers.answers import DAY, HOUR, NOW, Pairs, bare, limit, limits_read, verdict, wished

DIALECT = "openrouter"
judged = partial(verdict, dialect=DIALECT)
read = partial(limits_read, dialect=DIALECT)


def account(guess: Limit) -> Limit:
    """A limit of the whole account."""
    return guess.model_copy(update={"scope": "organization"})


def at(wait: float) -> str:
    """A moment in epoch milliseconds."""
    return f"{(NOW + wait) * 1_000:.0f}"


def headers(remaining: str | None = "0", reset: str | None = None) -> Pairs:
    """What OpenRouter says of its one count."""
    told = (("Remaining", remaining), ("Reset", reset))
    return tuple((f"X-RateLimit-{field}", value) for field, value in told if value is not None)


def error(message: str = "m", code: int = 429, **metadata: object) -> dict[str, object]:
    """An error as OpenRouter writes it."""
    return {"error": {"code": code, "message": message, "metadata": metadata}, "user_id": "u"}


def counted(wait: float = 60.0, window: str = "unknown", source: str = "header") -> Limit:
    """A count of zero."""
    return account(limit(wait, window, source, "x-ratelimit-remaining: 0"))


@pytest.mark.parametrize(
    ("message", "window", "cause"),
    [
        ("Rate limit exceeded: free-models-per-min. ", "minute", Cause.THROTTLED),
        ("Rate limit exceeded: free-models-per-day", "day", Cause.QUOTA),
        ("RATE LIMIT: FREE-MODELS-PER-DAY and free-models-per-min", "day", Cause.QUOTA),
        ("Rate limit exceeded", "unknown", Cause.QUOTA),
    ],
)
def test_a_count_of_zero_in_headers_and_in_the_body(message: str, window: str, cause: Cause) -> None:
    """The window is in the words; the account's, whichever key was used."""
    in_header = judged(429, *headers("0", at(90)), body=error(message))
    assert (in_header.cause, in_header.limits) == (cause, (counted(90.0, window),))
    told = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": at(90)}
    in_body = judged(429, body=error(message, headers=told))
    assert (in_body.cause, in_body.limits) == (cause, (counted(90.0, window, "body"),))
    numbers = {"x-ratelimit-remaining": 0, "X-RATELIMIT-RESET": int(at(90))}
    assert judged(429, body=error(message, headers=numbers)).limits == (counted(90.0, window, "body"),)
    both = judged(429, *headers("0", at(50)), body=error(message, headers=told))
    assert both.limits == (counted(90.0, window, "body"),)
    later = judged(429, *headers("0", at(95)), *headers("0", at(93)), body=error(message, headers=told))
    assert later.limits == (counted(95.0, window),)


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        (headers("0", at(90)), (counted(90.0),)),
        (headers("0", at(9 * DAY)), (counted(8 * DAY),)),
        (headers("0"), ()),
        (headers("0", "0"), ()),
        (headers("0", "soon"), ()),
        (headers("1", at(90)), ()),
        (headers(None, at(90)), ()),
        (headers("x"), "x-ratelimit-remaining cannot be read"),
        (headers(None, "soon"), "x-ratelimit-reset cannot be read"),
        ((), ()),
    ],
)
def test_what_a_success_says(pairs: Pairs, told: object) -> None:
    """The window is not known then; the body's words are the model's."""
    body = {"choices": [], "metadata": {"headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": at(90)}}}
    assert read(200, *pairs) == told
    assert read(200, *pairs, body=body) == told


@pytest.mark.parametrize(
    ("message", "cause", "limits"),
    [
        ("free-models-per-min", Cause.THROTTLED, (account(limit(60, "minute", "guess", "limit per minute")),)),
        ("free-models-per-day", Cause.QUOTA, (account(limit(600, "day", "guess", "limit per day")),)),
        ("m", Cause.QUOTA, (account(bare()),)),
        (
            "free-models-per-min, try again in 20s",
            Cause.THROTTLED,
            (account(wished(20.0, source="body", window="minute")),),
        ),
        ("free-models-per-day, try again in 20s", Cause.QUOTA, (account(wished(20.0, source="body", window="day")),)),
    ],
)
def test_what_the_words_say(message: str, cause: Cause, limits: tuple[Limit, ...]) -> None:
    """Only on a 429."""
    found = judged(429, body=error(message))
    assert (found.cause, found.limits) == (cause, limits)
    assert judged(500, body=error(message)).limits == ()
    assert judged(400, body=error(message)).limits == ()


@pytest.mark.parametrize("word", ["weekly", "monthly"])
def test_a_window_longer_than_a_day_is_no_minute(word: str) -> None:
    """429 is `quota` if it names a used-up window of five hours or longer (contract, Limits)."""
    window = word.removesuffix("ly")
    found = judged(429, body=error(f"{word} limit exceeded"))
    assert (found.cause, found.limits) == (
        Cause.QUOTA,
        (account(limit(600, window, "guess", f"limit per {window}")),),
    )


@pytest.mark.parametrize(
    "told", [{"X-RateLimit-Remaining": "", "X-RateLimit-Reset": ""}, {"X-RateLimit-Reset": None}, {}, [], "x", None]
)
def test_an_empty_value_in_the_body_is_no_speech(told: object) -> None:
    """As it is none in a header (contract, Limits)."""
    assert judged(429, body=error(headers=told)).limits == (account(bare()),)
    assert read(429, body=error(headers=told)) == ()


def test_a_value_in_the_body_that_cannot_be_read() -> None:
    """It is named."""
    assert read(429, body=error(headers={"X-RateLimit-Reset": "soon"})) == "x-ratelimit-reset cannot be read"
    assert read(429, body=error(headers={"X-RateLimit-Remaining": "x"})) == "x-ratelimit-remaining cannot be read"


@pytest.mark.parametrize(
    ("message", "scope", "detail"),
    [
        ("Insufficient credits", "organization", "credits"),
        (
            "This request requires more credits, or fewer max_tokens. You can only afford 1204",
            "request",
            "too large for the credits",
        ),
        ("YOU CAN ONLY AFFORD 1204", "request", "too large for the credits"),
    ],
)
def test_credits(message: str, scope: str, detail: str) -> None:
    """402; a request that is too large for them is about this request alone, and benches no bucket."""
    gone = limit(6 * HOUR, "balance", "guess", detail, scope=scope)
    for pairs in ((), (("retry-after", "20"),)):
        found = judged(402, *pairs, body=error(message, 402))
        assert (found.cause, found.limits) == (Cause.QUOTA, (gone,))
        assert read(402, *pairs, body=error(message, 402)) == (gone,)
    long = judged(402, ("retry-after", "301"), body=error(message, 402))
    assert long.limits == (wished(301.0, 402, window="balance", scope=scope),)
    assert judged(400, body=error(f"no such tool: {message.lower()}", 400)).limits == ()


def test_a_payment_without_a_word() -> None:
    """Is the account's, and guessed to last a minute."""
    assert judged(402).limits == (account(bare(402)),)
    assert judged(402, body=error("", 402)).limits == (account(bare(402)),)


def test_a_key_of_limited_credits() -> None:
    """Is that key's own trouble, whatever the status."""
    found = judged(403, body=error("Key limit exceeded (total limit).", 403))
    gone = limit(6 * HOUR, "balance", "guess", "key limit")
    assert (found.cause, found.limits, found.detail) == (Cause.QUOTA, (gone,), "HTTP 403, key limit exceeded")
    other = judged(403, body=error("Moderation", 403))
    assert (other.cause, other.limits) == (Cause.FORBIDDEN, ())
    assert judged(401, body=error("Key limit exceeded", 401)).cause is Cause.QUOTA


@pytest.mark.parametrize(
    "body",
    [error("Provider error", raw="x is temporarily Rate-Limited Upstream."), error("It is rate-limited upstream")],
)
@pytest.mark.parametrize("model", [None, "m"])
def test_a_limit_of_the_provider_behind_it(body: object, model: str | None) -> None:
    """A burst that concerns the model, and not the account."""
    found = judged(429, body=body, model=model)
    assert (found.cause, found.detail) == (Cause.THROTTLED, "HTTP 429, rate-limited upstream")
    assert found.limits == (bare(scope="model", model=model),)
    assert judged(429, ("retry-after", "20"), body=body, model=model).limits == (
        wished(20.0, scope="model", model=model),
    )


def test_other_words_of_the_provider_behind_it_say_nothing() -> None:
    """Nor does what is no text."""
    for raw in ("overworked", 7, None, {"a": "rate-limited upstream"}):
        assert judged(429, body=error("Provider error", raw=raw)).detail == "HTTP 429"
    assert judged(400, body=error("rate-limited upstream", 400)).detail == "HTTP 400"


def test_an_error_after_the_start_of_a_stream() -> None:
    """It comes as an event."""
    body = ': OPENROUTER PROCESSING\n\ndata: {"error":{"code":429,"message":"free-models-per-min"}}\n\n'
    found = judged(200, body=body)
    assert (found.cause, found.detail) == (Cause.THROTTLED, "error event")
    assert judged(200, body='data: {"error":{"code":502,"message":"m"}}\n\n').cause is Cause.SERVER_ERROR


def test_a_header_that_came_twice_hides_nothing_in_the_body() -> None:
    """The headers that the body tells of are read by themselves."""
    told = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": at(90)}
    twice = (("x-ratelimit-limit", "20"), ("x-ratelimit-limit", "20"))
    assert judged(429, *twice, body=error(headers=told)).limits == (counted(90.0, source="body"),)
