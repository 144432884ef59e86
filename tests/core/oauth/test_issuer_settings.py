"""IssuerSettings and error_name: a table per rule."""

from typing import Any

import pytest
from pydantic import ValidationError

from bucket_failover_core.oauth import (
    IssuerSettings,
    authorization_parameters,
    code_form,
    device_form,
    device_token_form,
    refresh_form,
    revocation_form,
)
from bucket_failover_core.oauth.issuer_settings import PROTOCOL_PARAMETERS

TOKEN = "https://issuer.example/token"


def settings(**fields: Any) -> IssuerSettings:
    """Settings as they come out of a profile: a token endpoint, a client, and these."""
    return IssuerSettings.model_validate({"token_endpoint": TOKEN, "client_id": "cli"} | fields)


def refusal(**fields: Any) -> str:
    """Why these settings are refused."""
    with pytest.raises(ValidationError) as refused:
        settings(**fields)
    return str(refused.value)


def test_the_defaults_are_the_standards() -> None:
    """A form, loopback on any free port, refresh tokens of single use, a public client, and no way to log in."""
    plain = IssuerSettings(token_endpoint=TOKEN, client_id="cli")
    assert (plain.authorization_endpoint, plain.device_authorization_endpoint, plain.revocation_endpoint) == ("",) * 3
    assert (plain.scopes, plain.authorization_parameters, plain.token_parameters) == ((), (), ())
    assert (plain.body, plain.redirect_host, plain.redirect_port, plain.redirect_path) == (
        "form",
        "127.0.0.1",
        0,
        "/callback",
    )
    assert (plain.single_use_refresh_tokens, plain.has_client_secret, plain.flows) == (True, False, ())


@pytest.mark.parametrize(
    "url",
    [
        "https://issuer.example",
        "HTTPS://Issuer.Example/Token",
        "https://issuer.example:65535/a/b?tenant=1&x=%20",
        "https://[2001:db8::1]:8443/token",
        "https://localhost/token",
        "https://under_score.example/~me/(a)",
        "https://issuer.example/@me?to=you@there",
        "http://127.0.0.1:8080/token",
        "http://localhost/token",
        "HTTP://LOCALHOST:0",
        "http://[::1]:1/token?a",
    ],
)
@pytest.mark.parametrize(
    "name", ["token_endpoint", "authorization_endpoint", "device_authorization_endpoint", "revocation_endpoint"]
)
def test_an_endpoint_is_https_or_on_this_machine(url: str, name: str) -> None:
    """And is kept as it was written."""
    assert getattr(settings(**{name: url}), name) == url


@pytest.mark.parametrize(
    ("url", "trouble"),
    [
        ("https://issuer.example/a b", "no whitespace"),
        ("https://issuer.example/\n", "no whitespace"),
        (" https://issuer.example", "no whitespace"),
        ("https://issuer.example/\x00", "control characters"),
        ("https://issuer.example/\x7f", "control characters"),
        ("https://issuer.example\\@evil.example/", "percent-encoded"),
        ("https://issuér.example/", "percent-encoded"),
        ("https://issuer.example/\u202e", "percent-encoded"),
        ("issuer.example/token", "absolute https URL"),
        ("/token", "absolute https URL"),
        ("https:/issuer.example", "absolute https URL"),
        ("//issuer.example", "absolute https URL"),
        ("ftp://issuer.example", "absolute https URL"),
        ("httpss://issuer.example", "absolute https URL"),
        ("https://issuer.example/token#", "no fragment"),
        ("https://issuer.example#top", "no fragment"),
        ("https://me@issuer.example", "no user"),
        ("https://me:pass@issuer.example", "no password"),
        ("https://@issuer.example", "no user"),
        ("http://localhost@evil.example", "no user"),
        ("https://", "has a host"),
        ("https:///token", "has a host"),
        ("https://:443/token", "has a host"),
        ("https://issuer.example:/token", "a port"),
        ("https://issuer.example:65536/token", "a port"),
        ("https://issuer.example:123456/token", "a port"),
        ("https://issuer.example:4a/token", "a port"),
        ("https://[::1/token", "has a host"),
        ("http://issuer.example/token", "http is only for"),
        ("http://localhost.evil.example/token", "http is only for"),
        ("http://127.0.0.2/token", "http is only for"),
        ("http://127.0.0.1.evil.example/", "http is only for"),
        ("http://[::2]/", "http is only for"),
    ],
)
@pytest.mark.parametrize("name", ["token_endpoint", "authorization_endpoint"])
def test_what_is_no_endpoint_is_refused_by_what_is_wrong_with_it(url: str, trouble: str, name: str) -> None:
    """And by the field's name; what was written there is not shown, for it may be a secret."""
    message = refusal(**{name: url})
    assert name in message
    assert trouble in message
    assert f"input_value='{url}" not in message
    assert "me:pass" not in message


@pytest.mark.parametrize("name", ["authorization_endpoint", "device_authorization_endpoint", "revocation_endpoint"])
def test_an_endpoint_may_be_left_out_in_so_many_words(name: str) -> None:
    """An empty one is none."""
    assert getattr(settings(**{name: ""}), name) == ""


@pytest.mark.parametrize("name", ["token_endpoint", "client_id"])
def test_what_is_needed_is_not_empty(name: str) -> None:
    """Where tokens come from, and who we are."""
    assert name in refusal(**{name: ""})


@pytest.mark.parametrize(
    ("fields", "flows"),
    [
        ({}, ()),
        ({"authorization_endpoint": TOKEN}, ("code",)),
        ({"device_authorization_endpoint": TOKEN}, ("device",)),
        ({"authorization_endpoint": TOKEN, "device_authorization_endpoint": TOKEN}, ("code", "device")),
    ],
)
def test_an_issuer_offers_the_logins_that_it_has_an_endpoint_for(
    fields: dict[str, str], flows: tuple[str, ...]
) -> None:
    """The browser here comes first."""
    assert settings(**fields).flows == flows


@pytest.mark.parametrize("name", ["authorization_parameters", "token_parameters"])
def test_extra_parameters_are_a_table_or_pairs(name: str) -> None:
    """In the order in which they were written; a name may come twice (RFC 8707: `resource`)."""
    pairs = (("resource", "b"), ("audience", "a"))
    for written in (dict(pairs), pairs, [list(pair) for pair in pairs]):
        assert getattr(settings(**{name: written}), name) == pairs
    assert getattr(settings(**{name: [("resource", "a"), ("resource", "b")]}), name)[1] == ("resource", "b")


@pytest.mark.parametrize("name", ["authorization_parameters", "token_parameters"])
@pytest.mark.parametrize("own", sorted(PROTOCOL_PARAMETERS))
def test_extra_parameters_do_not_say_what_the_protocol_says(name: str, own: str) -> None:
    """The parameter is named; its value is not shown."""
    message = refusal(**{name: {"audience": "a", own: "hush-hush"}})
    assert f"{own} is said by the protocol itself" in message
    assert "hush-hush" not in message


@pytest.mark.parametrize("written", ["a=b", {"a": 1}, {"": "b"}, [("a",)], [("a", "b", "c")], 1, None])
def test_what_is_neither_a_table_nor_pairs_of_text_is_refused(written: object) -> None:
    """Numbers and truth values of a profile are not guessed at."""
    assert "token_parameters" in refusal(token_parameters=written)


def test_the_protocols_names_are_those_that_the_grants_use() -> None:
    """All that must not be said twice, and nothing else."""
    full = settings(scopes=["chat"], has_client_secret=True)
    forms = (
        code_form(full, redirect_uri="u", bucket="b"),
        refresh_form(full, bucket="b"),
        device_form(full, bucket="b"),
        device_token_form(full, bucket="b"),
        revocation_form(full, hint="refresh_token"),
    )
    asked = authorization_parameters(full, bucket="b", redirect_uri="u", state="s", challenge="c")
    said = {field.name for form in forms for field in form} | {name for name, _ in asked}
    assert said == PROTOCOL_PARAMETERS


@pytest.mark.parametrize("scope", ["openid", "user:read", "https://api.example/auth/x.y", "!#[]~"])
def test_a_scope_is_one_word(scope: str) -> None:
    """RFC 6749, 3.3."""
    assert settings(scopes=[scope]).scopes == (scope,)


@pytest.mark.parametrize("scopes", [[""], ["a b"], ["a\n"], ['"'], ["\\"], ["é"], "a"])
def test_what_is_no_scope_is_refused(scopes: object) -> None:
    """Two in one text would be sent well enough, and compared wrongly."""
    assert "scopes" in refusal(scopes=scopes)


@pytest.mark.parametrize("port", [0, 1, 65_535])
def test_a_port_is_one(port: int) -> None:
    """0 is any free one."""
    assert settings(redirect_port=port).redirect_port == port


@pytest.mark.parametrize("port", [-1, 65_536])
def test_what_is_no_port_is_refused(port: int) -> None:
    """On both sides."""
    assert "redirect_port" in refusal(redirect_port=port)


@pytest.mark.parametrize("path", ["/", "/callback", "/a/b", '/"$>@~'])
def test_a_redirect_path_is_one(path: str) -> None:
    """It begins with a slash."""
    assert settings(redirect_path=path).redirect_path == path


@pytest.mark.parametrize("path", ["", "callback", "/a?b", "/a#b", "/a b", "/a\n", "/\x1b", "/\x7f", "/é", " /a"])
def test_what_is_no_redirect_path_is_refused(path: str) -> None:
    """A query would be taken for an answer."""
    assert "a redirect path begins with /" in refusal(redirect_path=path)


@pytest.mark.parametrize(
    ("name", "value"), [("body", "xml"), ("redirect_host", "issuer.example"), ("client_secret", "hush-hush")]
)
def test_other_choices_and_other_settings_are_refused(name: str, value: str) -> None:
    """A secret in a profile above all; nor is it shown."""
    message = refusal(**{name: value})
    assert name in message
    assert value not in message


def test_a_trip_through_json_changes_nothing() -> None:
    """Tables are pairs there."""
    full = settings(
        authorization_endpoint="https://issuer.example/authorize",
        device_authorization_endpoint="https://issuer.example/device",
        revocation_endpoint="http://[::1]:9/revoke",
        scopes=["a", "b"],
        authorization_parameters={"audience": "x", "login_hint": "{bucket}"},
        token_parameters=[("audience", "x")],
        body="json",
        redirect_host="[::1]",
        redirect_port=1455,
        redirect_path="/auth/callback",
        single_use_refresh_tokens=False,
        has_client_secret=True,
    )
    assert IssuerSettings.model_validate_json(full.model_dump_json()) == full
    assert IssuerSettings.model_validate(full.model_dump()) == full
