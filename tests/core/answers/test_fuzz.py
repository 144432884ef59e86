"""Whole answers of any kind, from any provider: what holds of every verdict."""

import json
import re
from typing import Any, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from returns.result import Success

from bucket_failover_core import (
    CallFailure,
    Cause,
    Dialect,
    Limit,
    Verdict,
    classify_failure,
    read_limits,
)
from bucket_failover_core.answers import read_windows
from bucket_failover_core.answers.error_codes import CODES
from bucket_failover_core.answers.error_names import BURST_NAMES, MONEY_NAMES, OVERLOAD_NAMES
from bucket_failover_core.facts.limits import WINDOW_CEILING_SECONDS

SECRET = "sk-SECRET"
DAY = 86_400.0
PROVIDERS_TROUBLE = {Cause.OVERLOADED, Cause.SERVER_ERROR, Cause.NETWORK, Cause.TIMEOUT}

HEADER_NAMES = [
    "retry-after",
    "Retry-After",
    "retry-after-ms",
    "x-ms-retry-after-ms",
    "x-amzn-ErrorType",
    "x-amzn-requestid",
    "x-should-retry",
    "x-ratelimit-remaining",
    "X-RateLimit-Reset",
    "ratelimit-remaining",
    "ratelimit-reset",
    "x-rate-limit-remaining",
    "x-rate-limit-reset",
    "x-groq-region",
    "openai-version",
    "x-goog-x",
    "x-openrouter-x",
    "apim-request-id",
    "date",
    "",
    *(f"x-ratelimit-{field}-{kind}" for field in ("limit", "remaining", "reset") for kind in ("requests", "tokens")),
    *(
        f"anthropic-ratelimit-{kind}-{field}"
        for kind in ("requests", "tokens", "input-tokens", "output-tokens")
        for field in ("limit", "remaining", "reset")
    ),
    *(
        f"anthropic-ratelimit-unified-{window}{field}"
        for window in ("", "5h-", "7d-", "7d_oi-", "999h-")
        for field in ("status", "reset", "utilization", "fallback")
    ),
    *(
        f"x-codex-{window}-{field}"
        for window in ("primary", "secondary")
        for field in ("used-percent", "window-minutes", "reset-at", "reset-after-seconds")
    ),
]
TEXTS = [
    "",
    " ",
    "0",
    "1",
    "-1",
    "37",
    "100",
    "1.01",
    "300",
    "301",
    "10080",
    "9" * 16,
    "9" * 400,
    "1786553400",
    "1786553460000",
    "soon",
    "allowed",
    "allowed_warning",
    "rejected",
    "False",
    "true",
    "6m0s",
    "34.07s",
    "900ms",
    "562476.75s",
    "2026-08-12T16:51:00Z",
    "2026-08-12T18:50:00.000000+02:00",
    "Wed, 12 Aug 2026 16:51:00 GMT",
    "Wednesday, 12-Aug-26 16:51:00 GMT",
    "NaN",
    "inf",
    "1e9",
    "٣",
    "\ud800",
    "\x00",
    "try again in 20s",
    "Please retry after 37 seconds",
    "wait 9999 weeks",
    "tokens per min",
    "RPD",
    "weekly",
    "limit: 0",
    "overloaded",
    "Number of concurrent connections",
    "enforced_spend_limit_reached",
    "Your credit balance is too low",
    "regain access on 2026-09-01 at 00:00 UTC",
    "OAuth token has been revoked",
    "You can only afford 1204",
    "Key limit exceeded",
    "rate-limited upstream",
    " in organization o service tier `x`",
    "RequestsPerDayPerModel",
    "PerMinute",
    "RESOURCE_EXHAUSTED",
    "API_KEY_INVALID",
    "usage_limit_reached",
    "error",
    "response.failed",
    "ThrottlingException",
    "com.amazon#ExpiredTokenException:x",
    "billing_error",
    "rate_limit_error",
    "401",
    "429",
    "529",
    SECRET,
    *sorted(MONEY_NAMES),
    *sorted(OVERLOAD_NAMES),
    *sorted(BURST_NAMES),
]
VALUES = st.lists(st.sampled_from(TEXTS) | st.text(max_size=8), min_size=1, max_size=2).map(" ".join) | st.sampled_from(
    TEXTS
)
SCALARS = (
    VALUES
    | st.none()
    | st.booleans()
    | st.integers(-1, 10**17)
    | st.floats()
    | st.sampled_from([0, 100, 429, 1_786_553_460])
)
KEYS = st.sampled_from(
    [
        "error",
        "type",
        "code",
        "status",
        "reason",
        "message",
        "Message",
        "detail",
        "__type",
        "details",
        "metadata",
        "headers",
        "raw",
        "retryDelay",
        "quotaResetDelay",
        "violations",
        "quotaId",
        "quotaValue",
        "quotaDimensions",
        "model",
        "response",
        "user_id",
        "param",
        "resets_at",
        "resets_in_seconds",
        "five_hour",
        "seven_day",
        "seven_day_opus",
        f"seven_day_{SECRET}",
        "utilization",
        "rate_limit",
        "primary_window",
        "secondary_window",
        "used_percent",
        "limit_window_seconds",
        "reset_at",
        "reset_after_seconds",
        "throttlingException",
        "X-RateLimit-Remaining",
        "X-RateLimit-Reset",
        SECRET,
    ]
)
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=5),
    max_leaves=12,
)
ERRORS = st.dictionaries(KEYS, JSON, max_size=5).map(lambda error: {"error": error})
USAGE = st.fixed_dictionaries({}, optional=dict.fromkeys(("five_hour", "seven_day_opus", "rate_limit", "error"), JSON))
DOCUMENTS = (JSON | ERRORS | USAGE).map(json.dumps)
STREAMS = st.builds(
    "{}{}data: {}\n\n".format, st.sampled_from(["", ": x\n\n"]), st.sampled_from(["", "event: error\n"]), DOCUMENTS
)
CUT = st.builds(lambda text, at: text[: at % (len(text) + 1)], DOCUMENTS | STREAMS, st.integers(0, 2_000))
BODIES = st.none() | DOCUMENTS | STREAMS | CUT | VALUES | st.text(max_size=30)
DIALECTS = [None, *get_args(Dialect)]
STATUSES = st.sampled_from([None, 200, 400, 401, 402, 403, 404, 408, 429, 429, 429, 500, 503, 529]) | st.integers(
    100, 999
)
NOWS = st.just(1_786_553_400.0) | st.floats(-1e12, 1e12)
ANSWERS = st.builds(
    CallFailure,
    status=STATUSES,
    headers=st.lists(st.tuples(st.sampled_from(HEADER_NAMES), VALUES), max_size=6).map(tuple),
    body=BODIES,
    error_kind=st.sampled_from([None] * 9 + ["network", "timeout", "cancelled"]),
    dialect=st.sampled_from(DIALECTS),
    model=st.sampled_from([None, "claude-opus", "gpt-5"]),
)

_ORIGIN = r"(?:HTTP \d{3}|error event)"
_NAMED = "|".join(
    sorted(
        {
            *MONEY_NAMES,
            "slow_down",
            "money",
            "a rate",
            "an allowance is used up",
            "an end is told",
            "no capacity",
            "the account is disabled",
            *CODES,
            "the token has been revoked",
            "API_KEY_INVALID",
            "usage_limit_reached",
            "key limit exceeded",
            "rate-limited upstream",
            "ThrottlingException",
            "ModelNotReadyException",
            "ServiceQuotaExceededException",
            "ExpiredTokenException",
            "UnrecognizedClientException",
        }
    )
)
_WINDOW = "|".join(WINDOW_CEILING_SECONDS)
VERDICT_DETAIL = re.compile(rf"{_ORIGIN}(?:, (?:{_NAMED}))?|network|timeout|cancelled")
LIMIT_DETAIL = re.compile(
    rf"HTTP \d{{3}}, (?:retry-after|the wait in the body)|{_ORIGIN}, with no end given|{_NAMED}|"
    rf"unified-status: rejected|(?:{_WINDOW}) window(?:: [\d.e+]+ %)?|(?:limit|quota) per (?:{_WINDOW})|"
    r"the tier has no quota|credits|key limit|billing_error|too large for the credits|"
    r"too many at the same time|enforced_spend_limit_reached|"
    r"usage limit or credit balance|larger than the whole limit|an allowance, in words|"
    r"(?:minute|5h|day|week|month|balance), in words|x-quota-snapshot-[a-z_-]*: rem=0|spend_control: [\d.e+]+ % used|"
    r"(?:(?:anthropic|x)-ratelimit|ratelimit|x-rate-limit)-[a-z-]*remaining(?:-[a-z]+)?: 0|"
    r"(?:x-codex-(?:primary|secondary)|rate_limit\.(?:primary|secondary)_window): [\d.e+]+ % used"
)
NO_402 = {Cause.CLIENT_ERROR, Cause.SERVER_ERROR, Cause.UNAUTHENTICATED}
UNREADABLE_DETAIL = re.compile(r"(?:[a-z_.0-9-]+|retryDelay|quotaResetDelay) cannot be read")


def check_limits(limits: tuple[Limit, ...], now: float) -> None:
    """What holds of every limit that is read."""
    for limit in limits:
        assert now < limit.until <= now + WINDOW_CEILING_SECONDS[limit.window]
        assert limit.observed_at == now
        assert LIMIT_DETAIL.fullmatch(limit.detail), limit.detail
        assert limit.source in {"header", "body", "retry-after", "usage-api", "guess"}
        assert limit.strength == "advisory" or limit.source in {"header", "body", "retry-after"}
    subjects = [(limit.window, limit.scope, limit.model) for limit in limits]
    assert len(subjects) == len(set(subjects))


def without_models(verdict: Verdict) -> str:
    """A verdict's JSON, but for the models' names."""
    return verdict.model_copy(
        update={"limits": tuple(limit.model_copy(update={"model": None}) for limit in verdict.limits)}
    ).model_dump_json()


@settings(max_examples=1_500)
@given(failure=ANSWERS, now=NOWS)
@example(failure=CallFailure(status=429, body='{"error": ' * 20_000), now=0.0)
@example(failure=CallFailure(status=429, body='{"error": {"code": ' + "9" * 60_000 + "}}"), now=0.0)
@example(failure=CallFailure(status=429, body='{"error": {"code": ' + "9" * 4_300 + "}}"), now=0.0)
@example(failure=CallFailure(status=429, body='{"error": {"resets_in_seconds": 1e400}}', dialect="codex"), now=0.0)
@example(failure=CallFailure(status=200, body='{"error": {"type": "\\ud800"}}'), now=0.0)
def test_what_holds_of_every_verdict(failure: CallFailure, now: float) -> None:
    """Nothing raises; ends and wishes are within their bounds; no word of the input is repeated."""
    read = read_limits(failure, now=now)
    limits = read.unwrap() if isinstance(read, Success) else ()
    check_limits(limits, now)
    if not isinstance(read, Success):
        assert UNREADABLE_DETAIL.fullmatch(read.failure().detail)
        assert SECRET not in read.failure().detail
    for window in read_windows(failure, now=now):
        assert window.resets_at is None or window.resets_at <= now + WINDOW_CEILING_SECONDS[window.window]
    classified = classify_failure(failure, now=now)
    if not isinstance(classified, Success):
        assert SECRET not in classified.failure().detail
        return
    verdict = classified.unwrap()
    check_limits(verdict.limits, now)
    assert set(limits) <= set(verdict.limits)
    assert verdict.retry_not_before is None or now < verdict.retry_not_before <= now + 32 * DAY
    assert verdict.cause not in PROVIDERS_TROUBLE or verdict.limits == ()
    assert failure.status != 402 or failure.error_kind is not None or verdict.cause not in NO_402
    assert VERDICT_DETAIL.fullmatch(verdict.detail), verdict.detail
    assert SECRET not in without_models(verdict)
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict


@settings(max_examples=300)
@given(
    failure=ANSWERS,
    now=NOWS,
    more=st.lists(st.tuples(st.sampled_from(["date", "x", ""]), VALUES), max_size=3).map(tuple),
)
def test_headers_that_say_nothing_of_limits_change_nothing(
    failure: CallFailure, now: float, more: tuple[tuple[str, str], ...]
) -> None:
    """And neither does the case of a name, nor the space around a value."""
    loud = tuple((name.upper(), f"\t {value} ") for name, value in failure.headers)
    other = CallFailure.model_validate(failure.model_dump() | {"headers": (*more, *loud)})
    assert read_limits(other, now=now) == read_limits(failure, now=now)
    assert classify_failure(other, now=now) == classify_failure(failure, now=now)


@settings(max_examples=200)
@given(failure=ANSWERS, filler=st.sampled_from(["x", "é", '"}', "\ud800", "data: x\n"]))
def test_what_lies_beyond_64_kib_of_a_body_changes_nothing(failure: CallFailure, filler: str) -> None:
    """Nor what lies beyond 64 KiB of headers."""
    now, body = 1_786_553_400.0, (failure.body or "") + " " * 65_536
    long = CallFailure.model_validate(
        failure.model_dump() | {"body": body, "headers": (*failure.headers, ("x" * 65_536, ""))}
    )
    headers = (*long.headers, ("retry-after", "7"))
    longer = CallFailure.model_validate(long.model_dump() | {"body": body + filler * 9, "headers": headers})
    assert classify_failure(longer, now=now) == classify_failure(long, now=now)
    assert read_limits(longer, now=now) == read_limits(long, now=now)


@settings(max_examples=300)
@given(failure=ANSWERS, now=st.integers(-(10**9), 10**10).map(float))
def test_the_same_answer_says_the_same_again(failure: CallFailure, now: float) -> None:
    """Nothing is remembered that changes an answer."""
    assert classify_failure(failure, now=now) == classify_failure(failure.model_copy(), now=now)
    assert read_limits(failure, now=now) == read_limits(failure.model_copy(), now=now)


@pytest.mark.parametrize("where", ["asked", "named"])
def test_a_models_name_that_is_no_text_does_not_break_a_verdict(where: str) -> None:
    """Lone surrogates become U+FFFD, so that a verdict survives as JSON (contract, Limits)."""
    model = "a\ud800" if where == "asked" else None
    violation = {"quotaId": "PerDayPerModel", "quotaDimensions": {"model": "a\ud800"}}
    body = json.dumps({"error": {"details": [{"violations": [violation]}]}})
    failure = CallFailure(status=429, body=body, dialect="google", model=model)
    verdict = classify_failure(failure, now=0.0).unwrap()
    assert verdict.limits[0].model == "a\ufffd"
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "piece",
    [
        "try again in 1d1d1d",
        "1.1.1.",
        "limit: 0 ",
        "data:\n",
        "retry after 1 ",
        '{"error":',
        "requests per ",
        "é",
        "[",
        "event: error\n",
    ],
)
def test_long_repeats_end(dialect: str | None, piece: str) -> None:
    """64 KiB of any repeat, in a body and in headers, are read in linear time: this test ends."""
    text = piece * (65_536 // len(piece))
    for status in (200, 400, 403, 429):
        failure = CallFailure.model_validate(
            {"status": status, "body": text, "headers": (("retry-after", text),), "dialect": dialect}
        )
        classify_failure(failure, now=0.0)
        read_limits(failure, now=0.0)
