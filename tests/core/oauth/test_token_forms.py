"""The forms of each grant, field by field, and the PKCE challenge."""

import pytest
from pydantic import ValidationError

from bucket_failover_core.oauth import (
    FormField,
    code_form,
    device_form,
    device_token_form,
    refresh_form,
    revocation_form,
)
from tests.core.oauth.forms import FULL, PLAIN, REDIRECT, settings, written


def test_what_is_sent_for_a_code() -> None:
    """The same redirect, and two slots; a third if there is a client secret."""
    plain = ["grant_type=authorization_code", "code=<code>", f"redirect_uri={REDIRECT}", "client_id=cli"]
    plain += ["code_verifier=<code_verifier>"]
    assert written(code_form(PLAIN, redirect_uri=REDIRECT, bucket="work")) == plain
    assert written(code_form(FULL, redirect_uri=REDIRECT, bucket="work")) == [
        *plain,
        "client_secret=<client_secret>",
        "account=of work",
        "format={0} %s {",
    ]


def test_what_is_sent_to_refresh() -> None:
    """No scope: the new token is for the same as the old one (RFC 6749, 6)."""
    plain = ["grant_type=refresh_token", "refresh_token=<refresh_token>", "client_id=cli"]
    assert written(refresh_form(PLAIN, bucket="work")) == plain
    assert written(refresh_form(FULL, bucket="work")) == [
        *plain,
        "client_secret=<client_secret>",
        "account=of work",
        "format={0} %s {",
    ]


def test_what_is_sent_for_a_device_code() -> None:
    """The extra parameters are those of a login."""
    assert written(device_form(PLAIN, bucket="work")) == ["client_id=cli"]
    assert written(device_form(FULL, bucket="work")) == [
        "client_id=cli",
        "scope=openid user:read",
        "client_secret=<client_secret>",
        "audience=api",
        "login_hint=work@{x}work",
    ]


def test_what_is_sent_with_a_device_code() -> None:
    """The extra parameters are those of the token endpoint."""
    plain = ["grant_type=urn:ietf:params:oauth:grant-type:device_code", "device_code=<device_code>", "client_id=cli"]
    assert written(device_token_form(PLAIN, bucket="work")) == plain
    assert written(device_token_form(FULL, bucket="work")) == [
        *plain,
        "client_secret=<client_secret>",
        "account=of work",
        "format={0} %s {",
    ]


def test_what_is_sent_to_give_a_token_back() -> None:
    """No extra parameters: it is another endpoint."""
    assert written(revocation_form(PLAIN, hint="refresh_token")) == [
        "token=<token>",
        "token_type_hint=refresh_token",
        "client_id=cli",
    ]
    assert written(revocation_form(FULL, hint="access_token")) == [
        "token=<token>",
        "token_type_hint=access_token",
        "client_id=cli",
        "client_secret=<client_secret>",
    ]


def test_a_buckets_name_is_put_in_as_it_is() -> None:
    """A plain replacement: neither is the name a pattern, nor is it looked at again."""
    named = settings(token_parameters={"a": "{bucket}", "{bucket}": "b"})
    assert written(refresh_form(named, bucket="{bucket} {x} \\1"))[-2:] == ["a={bucket} {x} \\1", "{bucket}=b"]


def test_a_field_is_a_value() -> None:
    """It crosses processes; a slot holds nothing."""
    slot = FormField(name="token", secret="token")
    assert FormField.model_validate_json(slot.model_dump_json()) == slot
    with pytest.raises(ValidationError, match="name"):
        FormField(name="")
    with pytest.raises(ValidationError, match="secret"):
        FormField.model_validate({"name": "x", "secret": "password"})
