"""What issuers call their errors: registered names are told on, and nothing else."""

import pytest

from bucket_failover_core.oauth import (
    error_name,
)
from bucket_failover_core.oauth.error_codes import ERROR_NAMES, REFUSALS, Body

TOKEN = "https://issuer.example/token"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (None, ""),
        ({}, ""),
        ({"error": None}, ""),
        ({"error": ""}, ""),
        ({"error": 400}, ""),
        ({"error": ["invalid_grant"]}, ""),
        ({"error": "invalid_grant"}, "invalid_grant"),
        ({"error": "Invalid_Grant"}, ""),
        ({"error": "invalid_grant "}, ""),
        ({"error": "no such token: s3cret"}, ""),
        ({"error_description": "invalid_grant"}, ""),
        ({"error": "slow_down", "error_description": "s3cret"}, "slow_down"),
        ({"error": {"code": "refresh_token_reused", "type": "invalid_request_error"}}, "refresh_token_reused"),
        ({"error": {"code": None, "type": "invalid_grant"}}, "invalid_grant"),
        ({"error": {"code": "s3cret", "type": "invalid_grant"}}, "invalid_grant"),
        ({"error": {"code": "invalid_client", "type": "invalid_grant"}}, "invalid_client"),
        ({"error": {"code": ["x"], "type": {}}}, ""),
        ({"error": {"message": "invalid_grant"}}, ""),
        ({"error": {}}, ""),
    ],
)
def test_an_error_is_told_by_its_registered_name_and_by_nothing_else(body: Body, name: str) -> None:
    """Issuers echo secrets in whatever else they say."""
    assert error_name(body) == name


@pytest.mark.parametrize("name", sorted(ERROR_NAMES))
def test_each_registered_name_is_told(name: str) -> None:
    """As a text, and in an object."""
    assert error_name({"error": name}) == name
    assert error_name({"error": {"code": name}}) == name


def test_what_passes_is_no_refusal() -> None:
    """Waiting, a slip of our own, or the issuer's trouble."""
    assert REFUSALS < ERROR_NAMES
    for name in ("authorization_pending", "slow_down", "invalid_client", "invalid_request", "server_error"):
        assert name in ERROR_NAMES - REFUSALS
