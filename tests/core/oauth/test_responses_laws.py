"""What the issuer has said: laws."""

from math import isfinite

from hypothesis import example, given
from hypothesis import strategies as st
from returns.methods import unwrap_or_failure

from bucket_failover_core.oauth import (
    CodeGiven,
    DeviceCode,
    GrantRefused,
    NothingIssued,
    TokensIssued,
    describe_issuer_answer,
    error_name,
    read_device_answer,
    read_device_poll,
    read_issuer_answer,
    read_redirect,
)
from bucket_failover_core.oauth.error_codes import ERROR_NAMES, REFUSALS

SECRET = "s3cret"
NAMES = st.sampled_from(sorted(ERROR_NAMES))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400)
THINGS = SCALARS | NAMES | st.lists(SCALARS, max_size=2) | st.dictionaries(st.text(), SCALARS, max_size=2)
FIELDS = dict.fromkeys(
    (
        "access_token",
        "refresh_token",
        "device_code",
        "user_code",
        "verification_uri",
        "verification_url",
        "verification_uri_complete",
        "expires_in",
        "interval",
    ),
    THINGS,
)
ERRORS = THINGS | st.fixed_dictionaries({}, optional={"code": THINGS, "type": THINGS})
BODIES = st.none() | st.fixed_dictionaries({}, optional=FIELDS | {"error": ERRORS})
STATUSES = st.integers(100, 999) | st.sampled_from([200, 400, 401, 403, 408, 429, 500, 504])
MOMENTS = st.floats(allow_nan=False, allow_infinity=False)


@given(status=STATUSES, body=BODIES, now=MOMENTS)
@example(status=200, body={"access_token": "a", "expires_in": 1.7e308}, now=1.7e308)
def test_any_answer_is_read_and_every_moment_is_finite(status: int, body: dict[str, object] | None, now: float) -> None:
    """Nothing raises, whatever stands in the body."""
    read_device_poll(status, body, now=now)
    answer = read_issuer_answer(status, body, now=now)
    if isinstance(answer, TokensIssued):
        expiry = answer.token.expiry
        assert expiry is None or (isfinite(expiry) and expiry >= now)
    code = unwrap_or_failure(read_device_answer(status, body, now=now))
    assert not isinstance(code, DeviceCode) or (isfinite(code.expires_at) and 1 <= code.interval_seconds <= 60)


@given(status=STATUSES, body=BODIES)
def test_a_refusal_has_a_registered_name(status: int, body: dict[str, object] | None) -> None:
    """And none is read off a gateway's trouble."""
    if isinstance(read_issuer_answer(status, body, now=0.0), GrantRefused):
        assert error_name(body) in REFUSALS
        assert status < 404


@given(status=STATUSES, body=BODIES)
def test_a_success_without_a_token_is_never_said_to_have_issued_none(
    status: int, body: dict[str, object] | None
) -> None:
    """Unless it names an error."""
    answer = read_issuer_answer(status, body, now=0.0)
    if 200 <= status < 300 and answer == NothingIssued(is_known=True):
        assert body is not None
        assert body["error"]


@given(
    status=STATUSES,
    error=st.sampled_from(
        [SECRET, f"invalid_grant {SECRET}", {"code": SECRET}, {"type": SECRET, "message": SECRET}, [SECRET], {}]
    ),
    rest=st.dictionaries(st.text(), st.just(SECRET), max_size=3),
)
def test_no_secret_is_told_on(status: int, error: object, rest: dict[str, object]) -> None:
    """However the issuer echoes it."""
    body = rest | {"error": error, "error_description": SECRET}
    assert SECRET not in error_name(body)
    assert SECRET not in describe_issuer_answer(status, body)
    assert SECRET not in read_device_poll(status, body, now=0.0).model_dump_json()
    assert SECRET not in unwrap_or_failure(read_device_answer(status, body, now=0.0)).model_dump_json()
    brought = {"state": ("s1",), "error": (str(error),), "error_description": (SECRET,)}
    assert SECRET not in unwrap_or_failure(read_redirect(brought, state="s1")).model_dump_json()


@given(text=st.text())
@example(text="\x1b[31mred")
def test_what_is_shown_to_a_person_is_printable(text: str) -> None:
    """Wherever it stands."""
    link = f"https://issuer.example/{text}"
    body = {"device_code": "d", "user_code": f"A{text}", "verification_uri": link, "verification_uri_complete": link}
    code = unwrap_or_failure(read_device_answer(200, body, now=0.0))
    if isinstance(code, DeviceCode):
        assert (code.user_code + code.verification_uri + code.verification_uri_complete).isprintable()


@given(
    parameters=st.dictionaries(
        st.sampled_from(["state", "code", "error", "iss"]),
        st.lists(st.sampled_from(["", "s1", "s2", "present", "access_denied", SECRET]), max_size=2).map(tuple),
    )
)
def test_a_code_is_taken_only_with_our_state_and_without_an_error(parameters: dict[str, tuple[str, ...]]) -> None:
    """One of each, and nothing empty."""
    is_given = unwrap_or_failure(read_redirect(parameters, state="s1")) == CodeGiven()
    codes = parameters.get("code", ())
    is_one = len(codes) == 1 and codes[0] != ""
    assert is_given == (parameters.get("state") == ("s1",) and is_one and not any(parameters.get("error", ())))
