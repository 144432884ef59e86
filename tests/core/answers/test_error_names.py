"""What errors are called, and which status says the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucket_failover_core.answers.error_names import BURST_NAMES, MONEY_NAMES, OVERLOAD_NAMES, status_of_names

BY_STATUS = {
    400: (
        "invalid_request_error context_length_exceeded invalid_prompt INVALID_ARGUMENT FAILED_PRECONDITION "
        "ValidationException ServiceQuotaExceededException"
    ),
    401: (
        "authentication_error invalid_api_key API_KEY_INVALID UNAUTHENTICATED ExpiredTokenException "
        "UnrecognizedClientException"
    ),
    402: "billing_error",
    403: "permission_error PERMISSION_DENIED AccessDeniedException",
    404: "not_found_error NOT_FOUND ResourceNotFoundException",
    408: "timeout_error DEADLINE_EXCEEDED ModelTimeoutException",
    413: "request_too_large",
    429: (
        "insufficient_quota billing_hard_limit_reached credit_balance_exhausted organization_usage_limit_exceeded "
        "organization_spend_limit_exceeded project_spend_limit_exceeded slow_down ThrottlingException rate_limit_error "
        "rate_limit_exceeded usage_limit_reached RESOURCE_EXHAUSTED"
    ),
    500: (
        "api_error server_error internal_server_error INTERNAL ModelErrorException ModelStreamErrorException "
        "InternalServerException"
    ),
    503: "UNAVAILABLE ServiceUnavailableException ModelNotReadyException",
    529: "overloaded_error server_is_overloaded engine_overloaded_error",
}
KNOWN = [(name, status) for status, names in BY_STATUS.items() for name in names.split()]


@pytest.mark.parametrize(("name", "status"), KNOWN)
def test_every_known_name(name: str, status: int) -> None:
    """As its provider documents it; names are told apart by case."""
    assert status_of_names((name,)) == status
    assert status_of_names((name.swapcase(),)) is None
    assert status_of_names(("unknown", name, "unknown")) == status


@pytest.mark.parametrize(
    ("names", "status"),
    [
        ((), None),
        (("x",), None),
        (("",), None),
        (("399",), None),
        (("400",), 400),
        (("429",), 429),
        (("599",), 599),
        (("600",), None),
        (("429.5",), None),
        (("429.0",), 429),
        (("-429",), None),
        (("4e2",), None),
        (("invalid_request_error", "insufficient_quota"), 429),
        (("server_error", "server_is_overloaded"), 529),
        (("500", "UNAVAILABLE"), 503),
        (("400", "API_KEY_INVALID"), 401),
        (("invalid_request_error", "server_error"), 400),
        (("server_error", "invalid_request_error"), 500),
        (("insufficient_quota", "billing_error"), 429),
        (("billing_error", "insufficient_quota"), 402),
    ],
)
def test_of_several_names_the_more_exact_counts(names: tuple[str, ...], status: int | None) -> None:
    """Before a general one (400, 500), and then the first."""
    assert status_of_names(names) == status


def test_the_kinds_of_names_do_not_overlap() -> None:
    """One name says one thing."""
    assert not MONEY_NAMES & OVERLOAD_NAMES
    assert not (MONEY_NAMES | OVERLOAD_NAMES) & BURST_NAMES
    assert {*MONEY_NAMES, *OVERLOAD_NAMES, *BURST_NAMES} <= {name for name, _ in KNOWN}


@given(names=st.lists(st.text(max_size=20) | st.sampled_from([name for name, _ in KNOWN]), max_size=5).map(tuple))
def test_nothing_raises_and_a_status_is_an_error(names: tuple[str, ...]) -> None:
    """None, or between 400 and 599."""
    status = status_of_names(names)
    assert status is None or 400 <= status <= 599
