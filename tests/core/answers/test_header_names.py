"""What follows from the names of an answer's headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucket_failover_core import CallFailure, classify_failure
from bucket_failover_core.answers.header_names import layout_of

TELLING = [
    "anthropic-ratelimit-x",
    "x-codex-x",
    "x-ratelimit-x",
    "ratelimit-x",
    "x-rate-limit-x",
    "retry-after",
    "retry-after-ms",
    "x-ms-retry-after-ms",
    "x-amzn-errortype",
]


@pytest.mark.parametrize("name", TELLING)
def test_what_speaks_of_limits(name: str) -> None:
    """In any case; with the places where it stands."""
    layout = layout_of(("date", name.upper(), "x", name.title(), name))
    assert layout.places == ((name, (1, 3, 4)),)


@pytest.mark.parametrize(
    "name", ["date", "x", "", "retry", "xretry-after", "anthropic-version", "x-ms-region", "codex-x"]
)
def test_what_does_not(name: str) -> None:
    """It has no place."""
    layout = layout_of((name,))
    assert (layout.places, layout.is_customary) == ((), False)


@pytest.mark.parametrize(
    ("name", "dialect"),
    [
        ("anthropic-ratelimit-unified-status", "anthropic-subscription"),
        ("anthropic-ratelimit-unified", "anthropic"),
        ("Anthropic-Organization-Id", "anthropic"),
        ("x-codex-plan", "codex"),
        ("x-ms-region", "azure-openai"),
        ("azureml-model-session", "azure-openai"),
        ("apim-request-id", "azure-openai"),
        ("x-groq-region", "groq"),
        ("x-amzn-requestid", "bedrock"),
        ("x-goog-x", "google"),
        ("x-gemini-service-tier", "google"),
        ("x-openrouter-x", "openrouter"),
        ("openai-organization", "openai"),
        ("x-ratelimit-remaining-requests", None),
        ("xopenai-", None),
        ("openai", None),
        ("", None),
    ],
)
def test_whose_a_name_is(name: str, dialect: str | None) -> None:
    """If only one provider sends such names."""
    assert layout_of((name,)).dialect == dialect
    assert layout_of(("date", name.upper(), "x")).dialect == dialect


@pytest.mark.parametrize(
    ("names", "dialect"),
    [
        (("openai-version", "x-ms-region"), "azure-openai"),
        (("anthropic-version", "anthropic-ratelimit-unified-status"), "anthropic-subscription"),
        (("openai-version", "x-codex-plan"), "codex"),
        (("openai-version", "x-groq-region"), "groq"),
        (("openai-version", "x-openrouter-x"), "openrouter"),
        (("x-goog-x", "x-amzn-requestid"), "bedrock"),
    ],
)
def test_of_several_the_more_exact_names_count(names: tuple[str, ...], dialect: str) -> None:
    """In whatever order they came: others speak OpenAI's language as well."""
    assert layout_of(names).dialect == dialect
    assert layout_of(names[::-1]).dialect == dialect


@pytest.mark.parametrize(
    ("name", "is_customary"),
    [
        ("x-ratelimit-remaining-requests", True),
        ("X-RateLimit-Reset-Tokens", True),
        ("x-ratelimit-limit-requests", False),
        ("x-ratelimit-remaining", False),
        ("ratelimit-remaining-x", False),
    ],
)
def test_what_is_custom(name: str, *, is_customary: bool) -> None:
    """The names that many have taken over from OpenAI."""
    assert layout_of(("date", name)).is_customary is is_customary


NAMES = st.lists(
    st.sampled_from([*TELLING, "date", "X", "openai-x", "x-ratelimit-reset-x"]) | st.text(max_size=8), max_size=8
)


@given(names=NAMES.map(tuple), is_long=st.booleans())
def test_a_layout_is_the_same_by_the_dumb_way(names: tuple[str, ...], *, is_long: bool) -> None:
    """Whether it is remembered or not."""
    if is_long:
        names = (*names, "y" * 8_192)
    layout = layout_of(names)
    assert layout == layout_of(names)
    told = dict(layout.places)
    for place, name in enumerate(names):
        is_telling = any(
            name.lower().startswith(head.removesuffix("-x") + "-" * head.endswith("-x")) for head in TELLING
        )
        assert (place in told.get(name.lower(), ())) is is_telling


@pytest.mark.parametrize(
    "name", ["Anthropic-RateLimit-Tokens-Limit", "x-ratelimit-limit", "x-ratelimit-limit-tokens", "ratelimit-limit-x"]
)
def test_how_much_is_allowed_is_noted_and_not_read(name: str) -> None:
    """Nothing follows from it but that limits are spoken of."""
    found = layout_of(("date", name, "retry-after"))
    assert (found.tells_sizes, found.telling) == (True, 1)
    assert found.places == (("retry-after", (2,)),)
    assert not layout_of(("date", "x-rate-limit-remaining", "retry-after")).tells_sizes


def test_an_answer_that_tells_only_sizes_is_no_bare_one() -> None:
    """A 429 with a rate-limit header may concern the account."""
    sizes = (("anthropic-ratelimit-requests-limit", "50"),)
    for headers, benched in (((), False), (sizes, True)):
        failure = CallFailure(status=429, headers=headers, dialect="anthropic")
        assert bool(classify_failure(failure, now=0.0).unwrap().limits) is benched
