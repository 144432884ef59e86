"""The token: what it shows, what it hides, and what the core gets to see of it."""

import copy
import io
import json
import logging
import pickle
import traceback
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from rich.console import Console
from rich.traceback import Traceback

from bucket_failover import OAuthToken, TokenHeld

SECRETS = ("hunter2-access", "hunter2-refresh", "hunter2-id")


def secret_token(**changes: Any) -> OAuthToken:
    """A token whose every secret can be searched for."""
    fields: dict[str, Any] = {
        "access_token": SECRETS[0],
        "refresh_token": SECRETS[1],
        "extra": {"id_token": SECRETS[2]},
        "expiry": 2_000.0,
        "issued_at": 1_000.0,
        "scope": "chat",
    }
    return OAuthToken.model_validate(fields | changes)


def shown(token: OAuthToken) -> list[str]:
    """Every way in which a token is shown without being asked for its secrets by name."""
    record = logging.makeLogRecord({"msg": "%s %r", "args": (token, token), "token": token})
    console = Console(width=200, record=True, file=io.StringIO())
    plain = ""
    try:
        assert token.expiry is None, token
    except AssertionError:
        plain = traceback.format_exc()
        console.print(Traceback(show_locals=True))
    return [
        repr(token),
        str(token),
        f"{token}",
        record.getMessage(),
        str(vars(record)),
        plain,
        console.export_text(),
        str(token.model_dump()),
        token.model_dump_json(),
        json.dumps(token.model_dump(mode="json")),
        repr(pickle.dumps(token)),
        repr(pickle.loads(pickle.dumps(token))),
        repr(copy.copy(token)),
        repr(copy.deepcopy(token)),
        repr(token.state),
        repr(dict(token)),
        repr(vars(token)),
        str(list(token)),
        repr(token.model_copy(update={"expiry": 3_000.0})),
    ]


@pytest.mark.requirement("REQ-1598-SE01")
def test_no_secret_is_ever_shown() -> None:
    """In no repr, log, traceback (with local variables), dump, JSON or pickle."""
    for text in shown(secret_token()):
        assert not any(secret in text for secret in SECRETS), text


def test_a_copy_still_has_its_secrets_and_an_unpickled_one_has_not() -> None:
    """Copies are for this process; a pickle may end up anywhere."""
    token = secret_token()
    assert copy.deepcopy(token) == token
    unpickled = pickle.loads(pickle.dumps(token))
    assert unpickled.access_token == SecretStr("**********")
    assert unpickled.expiry == token.expiry
    bare = pickle.loads(pickle.dumps(secret_token(refresh_token=None)))
    assert bare.refresh_token is None


@pytest.mark.parametrize(
    "fields",
    [
        {"access_token": ""},
        {"access_token": 12345678},
        {"refresh_token": ["hunter2-refresh"]},
        {"acess_token": "hunter2-access"},
        {"expiry": float("nan")},
        {"expiry": float("inf")},
        {"extra": {"when": object()}},
    ],
)
def test_a_wrong_field_is_named_and_its_value_hidden(fields: dict[str, Any]) -> None:
    """The value may be a secret in the wrong place."""
    with pytest.raises(ValidationError) as caught:
        secret_token(**fields)
    text = str(caught.value)
    assert next(iter(fields)) in text
    assert "hunter2" not in text
    assert "12345678" not in text


def test_the_fingerprint_names_the_access_token_and_nothing_else() -> None:
    """Sixteen hexadecimal digits; the same for the same access token, whatever else changes."""
    token = secret_token()
    assert token.fingerprint == secret_token(refresh_token=None, expiry=None).fingerprint
    assert token.fingerprint != secret_token(access_token="another").fingerprint
    assert len(token.fingerprint) == 16
    assert int(token.fingerprint, 16) >= 0
    assert secret_token(access_token="lone \ud800 surrogate").fingerprint != token.fingerprint


@pytest.mark.parametrize(
    "secret", ["hunter2\n", "hunter2 ", " hunter2", "hunter2\x00", "hun\tter2", "hunter2\x7f", "hunter2\ud800"]
)
def test_a_key_that_no_header_can_carry_is_refused_where_it_enters(secret: str) -> None:
    """A key that was read from a file with a newline at its end would look like a network that fails."""
    with pytest.raises(ValueError, match=r"^key: it has a control character in it, or ") as caught:
        OAuthToken.from_api_key(secret)
    assert "hunter2" not in str(caught.value)
    told: list[str] = []
    try:
        OAuthToken.from_api_key("hunter2\n")
    except ValueError as error:
        frames = traceback.walk_tb(error.__traceback__)
        told = [repr(frame.f_locals) for frame, _ in frames if frame.f_code.co_name == "from_api_key"]
    assert told
    assert "hunter2" not in "".join(told)


def test_the_core_gets_to_see_times_and_a_fingerprint() -> None:
    """And whether a refresh can be tried."""
    token = secret_token()
    assert token.state == TokenHeld(
        expiry=2_000.0, fingerprint=token.fingerprint, refreshable=True, issued_at=1_000.0
    )  # fmt: skip
    assert not secret_token(refresh_token=None).state.refreshable


@pytest.mark.requirement("REQ-1598-FL18")
@pytest.mark.parametrize(("now", "live"), [(1_999.0, True), (1_999.999, True), (2_000.0, False), (2_001.0, False)])
def test_a_token_is_live_to_its_last_second(now: float, live: bool) -> None:  # noqa: FBT001 - a column of the table
    """No margin is subtracted: a call that is made in the last second may succeed."""
    assert secret_token().is_live(now=now) is live


def test_an_api_key_has_no_end_and_no_refresh() -> None:
    """And a token without an expiry counts as expired, unless it is one, or its issuer is known to name no end."""
    key = OAuthToken.from_api_key("hunter2-access")
    assert key.is_api_key
    assert key.is_live(now=1e12)
    assert not key.is_refreshable
    assert secret_token(expiry=None).is_live(now=1e12)
    assert not secret_token(expiry=None, issued_at=None).is_live(now=0.0)
    assert not secret_token(token_type="api-key").is_refreshable
