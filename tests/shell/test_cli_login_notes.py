"""What a login tells beside "logged in": scopes, a missing refresh token, an account that another bucket has."""

import base64
import json
from typing import Any

import pytest

from bucket_failover.cli.login_notes import notes_on
from bucket_failover.tokens import OAuthToken


def login(access: str = "a", *, refresh: str | None = "r", scope: str | None = None, **extra: Any) -> OAuthToken:
    """What a login brought."""
    return OAuthToken.model_validate(
        {"access_token": access, "refresh_token": refresh, "expiry": 2e9, "scope": scope, "extra": extra}
    )


def jwt(**claims: Any) -> str:
    """An ID token; its signature is not read."""
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.c2ln"


def notes(token: OAuthToken, *others: tuple[str, OAuthToken], wanted: tuple[str, ...] = ()) -> list[str]:
    """Of a login to `default`."""
    return list(notes_on("default", token, wanted=wanted, others=others))


def test_a_login_that_brought_all_is_not_commented_on() -> None:
    """Nor one whose answer names no scope: then all that were asked for are granted (RFC 6749, 5.1)."""
    assert notes(login(scope="write read"), wanted=("read", "write")) == []
    assert notes(login(), ("claudius", login("b", refresh="s")), wanted=("read",)) == []


def test_scopes_that_were_not_granted_are_named() -> None:
    """In the order in which the profile asks for them."""
    told = notes(login(scope="read"), wanted=("user:inference", "read", "offline_access"))
    assert told == ["default: the issuer has not granted user:inference, offline_access"]


def test_a_login_without_a_refresh_token_ends_with_its_token() -> None:
    """The user is told now, and not when it ends."""
    (told,) = notes(login(refresh=None))
    assert told == "default: the issuer has sent no refresh token, so a login is needed when this one ends"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"account_id": "acc-1"}, {"account_id": "acc-1"}),
        ({"email": "c@example.org"}, {"email": "c@example.org"}),
        (
            {"id_token": jwt(sub="u1", iss="https://issuer.example", iat=1)},
            {"id_token": jwt(sub="u1", iss="https://issuer.example", iat=2)},
        ),
    ],
)
def test_one_account_in_two_buckets_is_told(one: dict[str, str], other: dict[str, str]) -> None:
    """Two buckets of one account have one quota; a browser that is still logged in makes them."""
    (told,) = notes(login("a", **one), ("claudius", login("b", **other)), ("third", login("c", refresh="t")))
    assert told.startswith("default: this is the account that claudius has already")
    assert "select_account" in told


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {}),
        ({"account_id": "acc-1"}, {"account_id": "acc-2"}),
        ({"account_id": ""}, {"account_id": ""}),
        ({"id_token": "no-jwt"}, {"id_token": "no-jwt"}),
        ({"id_token": jwt(sub="u1", iss="https://a.example")}, {"id_token": jwt(sub="u1", iss="https://b.example")}),
        (
            {"id_token": jwt(sub="u1", **{"https://api.openai.com/auth": {"chatgpt_account_id": "w1"}})},
            {"id_token": jwt(sub="u1", **{"https://api.openai.com/auth": {"chatgpt_account_id": "w2"}})},
        ),
    ],
)
def test_two_accounts_are_not_taken_for_one(one: dict[str, str], other: dict[str, str]) -> None:
    """Of two issuers, in two workspaces, or of whose accounts nothing is known."""
    assert notes(login("a", **one), ("claudius", login("b", **other))) == []


def test_the_same_token_is_the_same_account() -> None:
    """Whatever else the answers said."""
    (told,) = notes(login("a"), ("claudius", login("a")))
    assert "claudius has already" in told
