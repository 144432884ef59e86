"""What `import` reads of each field: ends in every form, what is not needed, what is refused; no secret is shown."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from pydantic import SecretStr

from bucket_failover import SqliteTokenStore
from bucket_failover.cli.importing import import_command
from bucket_failover.cli.token_reading import read_token
from bucket_failover.errors import UsageError
from tests.shell.test_cli_import import (
    CLAUDE_CODE,
    END,
    END_MILLISECONDS,
    END_TEXT,
    REFRESH,
    SECRET,
    Counter,
    counter,
    jwt,
)

__all__ = ["counter"]


@pytest.mark.parametrize(
    ("fields", "expiry"),
    [
        ({"expires_at": 1_995_691_515}, END),
        ({"expires_at": "1995691515"}, END),
        ({"expires_at": 1_995_691_515.5}, END + 0.5),
        ({"expiresAt": END_MILLISECONDS}, END),
        ({"expiry": str(END_MILLISECONDS)}, END),
        ({"expires": END_TEXT}, END),
        ({"expired": END_TEXT}, END),
        ({"expired": False, "expiry": END_TEXT}, END),
        ({"expires_in": END_MILLISECONDS}, END),
        ({"expires_in": END_TEXT}, END),
        ({"expiresAt": "2033-03-29T06:45:15UTC"}, END),
        ({"expires_at": 1_000}, 1_000.0),
        ({"expires_at": "soon", "expiry": END_TEXT}, END),
        ({"expires_at": None, "expires": "", "expiry": END}, END),
        ({"access_token": jwt(exp=END)}, END),
        ({"access_token": jwt(exp=END), "expires_at": "soon"}, END),
        ({"access_token": jwt(exp=1_000), "expires_at": END}, END),
        ({"access_token": jwt(exp=str(int(END)))}, END),
    ],
)
def test_ends_in_every_form(counter: Counter, fields: dict[str, Any], expiry: float) -> None:
    """Seconds, milliseconds, RFC 3339; blanks and truth values are none; what is not needed spoils nothing."""
    counter.pipe({"access_token": SECRET, **fields})
    assert counter.json("import", "anthropic", "default")["expiry"] == expiry
    assert counter.token().expiry == expiry


@pytest.mark.parametrize("seconds", [60, 60.0, "60"])
def test_a_lifetime_counts_from_now(counter: Counter, seconds: object) -> None:
    """A number, or a text."""
    counter.pipe({"access_token": SECRET, "expires_in": seconds})
    told = counter.run("import", "anthropic", "default")
    assert counter.token().expiry == pytest.approx(counter.now + 60.0, abs=30.0)
    assert told.startswith("default: stored a token until ")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"expires": 0},
        {"expiry": "0001-01-01T00:00:00Z"},
        {"expires_at": None},
        {"access_token": jwt(sub="x")},
        {"access_token": "a.b.c"},
        {"access_token": jwt(exp="soon")},
        {"access_token": "a." + "W1tb" * 30_000 + ".c"},
    ],
)
def test_a_token_without_an_end_is_usable_until_it_is_refused(counter: Counter, fields: dict[str, Any]) -> None:
    """Its issuer has named none; so does `status` say."""
    counter.pipe({"access_token": SECRET, **fields})
    assert counter.run("import", "anthropic", "default") == (
        "default: stored a token that is usable until it is refused\n"
    )
    token = counter.token()
    assert token.expiry is None
    assert token.is_live(now=counter.now + 1e9)
    assert counter.error == ""
    assert "usable until it is refused" in " ".join(counter.run("status").split())
    assert counter.json("status")["buckets"][0]["token"]["expired"] is False


_NESTED: Final = "[" * 300 + "]" * 300
_MANY_DIGITS: Final = "9" * 5_000


@pytest.mark.parametrize(
    "member",
    [
        *(
            "1e400",
            "-1e400",
            "NaN",
            "Infinity",
            _NESTED,
            _NESTED.replace("[", '{"a":').replace("]", "}").replace(":}", ":1}"),
        ),
        *(_MANY_DIGITS, '"\\ud800"', '{"\\ud800": 1}', '[{"a": 1e400}]', '"\\u0000"'),
    ],
)
@pytest.mark.parametrize("name", ["other", "scope", "token_type"])
def test_what_is_not_needed_spoils_no_token(counter: Counter, member: str, name: str) -> None:
    """It is left out, and what stands beside it is kept."""
    counter.pipe(f'{{"access_token": "{SECRET}", "account_id": "a", "{name}": {member}, "expires_at": {END}}}')
    counter.run("import", "anthropic", "default")
    assert counter.secrets() == (SECRET, None)
    assert counter.token().extra["account_id"] == "a"


@pytest.mark.parametrize(
    ("refresh", "text"),
    [
        ('"r"', "r"),
        ("12345", "12345"),
        *((none, None) for none in ('""', "null", "true", "1.5", "[]", '"\\ud800"', _MANY_DIGITS)),
    ],
)
def test_refresh_tokens_as_they_are_written(counter: Counter, refresh: str, text: str | None) -> None:
    """An integer is read as its text; what could not be sent is none."""
    counter.pipe(f'{{"access_token": "{SECRET}", "refresh_token": {refresh}, "expires_in": 60}}')
    counter.run("import", "anthropic", "default")
    assert counter.secrets() == (SECRET, text)


def test_what_else_is_kept(counter: Counter) -> None:
    """What the issuer has sent beside the token; another login in it is not."""
    document = {
        "access_token": "a",
        "scopes": ["user", "chat", 5],
        "account": {"uuid": "u"},
        "authed_user": {"access_token": "b", "id": 1},
        "list": [[{"access_token": "c"}]],
    }
    counter.pipe(document)
    counter.run("import", "anthropic", "default", "--key", ".")
    token = counter.token()
    assert (token.scope, token.token_type, dict(token.extra)) == ("user chat", "Bearer", {"account": {"uuid": "u"}})


NO_TOKENS: Final = [
    ("default", SECRET, "what came is no JSON object; a bare text is stored only in a bucket with api_key = true"),
    ("default", f'["{SECRET}"]', "what came is no JSON object"),
    ("default", f'{{"access_token": "{SECRET}"', "what came is no JSON object"),
    ("default", f'{{"access_token": "{SECRET}", "a": {"[" * 100_000}', "what came is no JSON object"),
    ("default", f'{{"access_token": ["{SECRET}"]}}', "access_token: the JSON has none, or it is no word of visible"),
    ("default", f'{{"token": "{SECRET}"}}', "access_token: the JSON has none, or it is no word of visible ASCII"),
    ("default", f'{{"access": "{SECRET}"}}', "access_token: the JSON has none"),
    ("default", f'{{"a": {{"accessToken": "{SECRET} x"}}}}', "a.accessToken: it is no word of visible ASCII"),
    ("default", f'{{"access_token": "{SECRET}\ud800"}}', "access_token: it is no word of visible ASCII"),
    ("default", f'{{"access_token": "a", "expires_in": "{SECRET}"}}', "expires_in: it is no number of seconds, and"),
    ("default", f'{{"access_token": "{SECRET}", "expires_in": 1e400}}', "expires_in: it is no number of seconds"),
    ("default", f'{{"access_token": "{SECRET}", "expires_in": NaN}}', "expires_in: it is no number of seconds"),
    ("default", f'{{"access_token": "{SECRET}", "expires_in": -5}}', "expires_in: it is no number of seconds"),
    ("default", f'{{"t": {{"access_token": "{SECRET}", "expired": [1]}}}}', "t.expired: it is no number of seconds"),
    (
        "default",
        f'{{"access_token": "a", "expires": "{SECRET}", "expiry": {{}}}}',
        "default: expires: it is no number",
    ),
    ("default", f'{{"access_token": "{SECRET}", "expiry": "2033-03-29T06:45:15"}}', "and no moment (RFC 3339)"),
    ("default", "\n", "stdin: nothing came"),
    ("team", f"{SECRET} {SECRET}", "an API key is one word of visible ASCII; what came is something else"),
    ("team", f'{{"key":"{SECRET}"}}', "an API key is one word of visible ASCII; what came is something else, or JSON"),
    ("nobody", SECRET, "BUCKET: 'nobody' is none of anthropic's"),
]


@pytest.mark.parametrize(("bucket", "text", "problem"), NO_TOKENS)
def test_import_of_what_is_no_token(counter: Counter, bucket: str, text: str, problem: str) -> None:
    """One clear line that shows nothing of it; what was stored before stays."""
    counter.log_in("default")
    counter.pipe(text)
    assert counter.run("import", "anthropic", bucket, status=64) == ""
    assert problem in counter.error
    assert counter.error.count("\n") == 1
    assert SECRET not in counter.error
    assert counter.secrets() == ("secret-of-default", None)


def _shown(error: BaseException | None, seen: set[int]) -> Iterator[str]:
    """Whatever a reporter of errors could show: texts, and each local variable of each frame of ours."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield from (repr(error), str(error))
    trace = error.__traceback__
    while trace is not None:
        if "bucket_failover" in trace.tb_frame.f_code.co_filename:
            yield from map(repr, trace.tb_frame.f_locals.values())
        trace = trace.tb_next
    yield from _shown(error.__cause__, seen)
    yield from _shown(error.__context__, seen)


@pytest.mark.parametrize(("bucket", "text", "problem"), NO_TOKENS[1:-4])
def test_no_frame_of_an_error_shows_a_secret(bucket: str, text: str, problem: str) -> None:
    """Neither its local variables nor those of what was caught on the way."""
    if not text.strip():
        return
    with pytest.raises(UsageError) as caught:
        read_token(SecretStr(text), key=None, at=0.0, bucket=bucket)
    shown = list(_shown(caught.value, set()))
    assert any(problem in line for line in shown)
    assert not any(SECRET in line for line in shown)


def test_no_frame_of_the_command_shows_a_secret(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a store that fails, through the command."""

    def fail(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(SqliteTokenStore, "write", fail)
    counter.pipe(CLAUDE_CODE)
    with pytest.raises(OSError) as caught:  # noqa: PT011 - it is the test's own
        import_command(["anthropic", "default"], profile=counter.profile, store=counter.store)
    shown = list(_shown(caught.value, set()))
    assert not any(secret in line for line in shown for secret in (SECRET, REFRESH))
