"""What the issuer has said: a table per rule."""

from math import inf, nan
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from returns.methods import unwrap_or_failure

from bucket_failover_core.oauth import (
    CodeGiven,
    DeviceCode,
    DeviceDeclined,
    DeviceFailed,
    DevicePending,
    DevicePollAnswer,
    DeviceRefused,
    RedirectRefused,
    describe_issuer_answer,
    read_device_answer,
    read_device_poll,
    read_issuer_answer,
    read_redirect,
)
from bucket_failover_core.oauth.error_codes import REFUSALS, Body
from tests.support.issuer_answers import ACCESS, NOW, REFUSED, UNHEARD, UNISSUED, issued


@pytest.mark.parametrize(
    ("status", "body", "answer"),
    [
        (200, ACCESS, issued()),
        (201, ACCESS, issued()),
        (299, ACCESS, issued()),
        (200, ACCESS | {"refresh_token": "r1"}, issued(refresh="r1")),
        (200, ACCESS | {"refresh_token": ""}, issued()),
        (200, ACCESS | {"refresh_token": None}, issued()),
        (200, ACCESS | {"refresh_token": 7}, issued()),
        (200, ACCESS | {"error": "invalid_grant"}, issued()),
        (200, None, UNHEARD),
        (200, {}, UNHEARD),
        (204, None, UNHEARD),
        (200, {"access_token": ""}, UNHEARD),
        (200, {"access_token": None}, UNHEARD),
        (200, {"access_token": 7}, UNHEARD),
        (200, {"access_token": "\ud800"}, UNHEARD),
        (200, {"refresh_token": "r1"}, UNHEARD),
        (199, ACCESS, UNISSUED),
        (300, ACCESS, UNISSUED),
        (400, ACCESS, UNISSUED),
    ],
)
def test_a_token_is_a_success_with_an_access_token(status: int, body: Body, answer: object) -> None:
    """A success without one may have used the refresh token up."""
    assert read_issuer_answer(status, body, now=NOW) == answer


@pytest.mark.parametrize(
    ("expires_in", "expiry"),
    [
        (3600, 4_600.0),
        (0, NOW),
        (0.5, 1_000.5),
        ("3600", 4_600.0),
        ("1.5", 1_001.5),
        ("0", NOW),
        (9.9e14, 9.9e14 + NOW),
        *((odd, None) for odd in (-1, "-1", "soon", "", None, True, False, [3600], {"s": 1})),
        *((huge, None) for huge in (nan, inf, -inf, "NaN", "1e400", 10**400, "9" * 400, 1e15)),
    ],
)
def test_a_lifetime_is_a_number_of_seconds_or_unknown(expires_in: object, expiry: float | None) -> None:
    """Be it a number or a text."""
    assert read_issuer_answer(200, ACCESS | {"expires_in": expires_in}, now=NOW) == issued(expiry)


@pytest.mark.parametrize("error", sorted(REFUSALS))
@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 409, 422, 499])
def test_a_refusal_has_a_name_and_a_status_that_says_so(error: str, status: int) -> None:
    """As the standard has it, as GitHub says it in a 200, and as OpenAI says it in an object."""
    assert read_issuer_answer(status, {"error": error}, now=NOW) == REFUSED
    assert read_issuer_answer(status, {"error": {"code": error, "type": "x"}}, now=NOW) == REFUSED
    assert read_issuer_answer(status, {"error": {"code": None, "type": error}}, now=NOW) == REFUSED


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        *((status, UNISSUED) for status in (100, 302, 399, 407, 429, 500, 502, 503, 505, 999)),
        *((status, UNHEARD) for status in (408, 504)),
    ],
)
@pytest.mark.parametrize("body", [None, {}, {"error": "invalid_grant"}, ACCESS])
def test_any_other_status_issues_nothing_and_refuses_nothing(status: int, body: Body, answer: object) -> None:
    """Only after a timeout the core cannot know; a gateway that says `invalid_grant` in a 5xx is in trouble itself."""
    assert read_issuer_answer(status, body, now=NOW) == answer


@pytest.mark.parametrize(
    ("status", "error", "answer"),
    [
        (200, "temporarily_unavailable", UNISSUED),
        (200, "what is that", UNISSUED),
        (200, {"message": "what is that"}, UNISSUED),
        (200, "", UNHEARD),
        (200, {}, UNHEARD),
        (200, None, UNHEARD),
        (200, 0, UNHEARD),
        (200, ["invalid_grant"], UNHEARD),
        (400, "invalid_client", UNISSUED),
        (401, "invalid_client", UNISSUED),
        (400, "invalid_grants", UNISSUED),
        (400, None, UNISSUED),
        (401, None, UNISSUED),
        (403, {"message": "invalid_grant"}, UNISSUED),
    ],
)
def test_other_errors_leave_the_grant_alone(status: int, error: object, answer: object) -> None:
    """Some issuers answer 200 with an error, which is then no token that got lost."""
    assert read_issuer_answer(status, {"error": error}, now=NOW) == answer


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (400, {"error": "invalid_grant", "error_description": "s3cret"}, "the issuer answered 400 invalid_grant"),
        (400, {"error": "s3cret"}, "the issuer answered 400"),
        (401, {"error": {"code": "refresh_token_reused"}}, "the issuer answered 401 refresh_token_reused"),
        (503, None, "the issuer answered 503"),
        (200, None, "the issuer answered 200 without a token"),
        (200, {"error": "s3cret"}, "the issuer answered 200 without a token"),
        (200, {"error": "bad_refresh_token"}, "the issuer answered 200 bad_refresh_token"),
        (200, ACCESS, "the issuer answered 200"),
        (299, {}, "the issuer answered 299 without a token"),
        (300, {}, "the issuer answered 300"),
    ],
)
def test_people_are_told_the_status_and_a_registered_name(status: int, body: Body, told: str) -> None:
    """And nothing else of what stands there."""
    assert describe_issuer_answer(status, body) == told


FOREIGN = RedirectRefused(why="foreign")
NO_CODE = RedirectRefused(why="failed", detail="no code")


@pytest.mark.parametrize(
    ("brought", "answer"),
    [
        ({"code": ("present",)}, CodeGiven()),
        ({"code": ("present",), "iss": ("x",)}, CodeGiven()),
        ({"code": ("present",), "error": ("",)}, CodeGiven()),
        ({}, NO_CODE),
        ({"code": ()}, NO_CODE),
        ({"code": ("",)}, NO_CODE),
        ({"code": ("present", "present")}, RedirectRefused(why="failed", detail="several codes")),
        ({"code": ("", "present")}, RedirectRefused(why="failed", detail="several codes")),
        ({"error": ("access_denied",)}, RedirectRefused(why="declined", detail="access_denied")),
        ({"error": ("access_denied",), "code": ("present",)}, RedirectRefused(why="declined", detail="access_denied")),
        ({"error": ("access_denied", "")}, RedirectRefused(why="declined", detail="access_denied")),
        ({"error": ("access_denied", "access_denied")}, RedirectRefused(why="failed")),
        ({"error": ("server_error",)}, RedirectRefused(why="failed", detail="server_error")),
        ({"error": ("login_required",)}, RedirectRefused(why="failed", detail="login_required")),
        ({"error": ("s3cret",), "error_description": ("s3cret",)}, RedirectRefused(why="failed")),
        ({"error": ("s3cret",), "code": ("present",)}, RedirectRefused(why="failed")),
    ],
)
def test_the_browser_brings_one_code_or_an_error(brought: dict[str, tuple[str, ...]], answer: object) -> None:
    """An empty parameter is one that was left out (RFC 6749, 3.1)."""
    assert unwrap_or_failure(read_redirect({"state": ("s1",)} | brought, state="s1")) == answer


@pytest.mark.parametrize("state", [None, (), ("",), ("s2",), ("S1",), ("s1", "s1"), ("s1", "s2"), ("s1 ",)])
@pytest.mark.parametrize("brought", [{"code": ("present",)}, {"error": ("access_denied",)}, {}])
def test_what_does_not_bring_our_state_is_not_ours(
    brought: dict[str, tuple[str, ...]], state: tuple[str, ...] | None
) -> None:
    """Whatever else it brings: no other program may end our login, or slip us a code."""
    given = brought if state is None else brought | {"state": state}
    assert unwrap_or_failure(read_redirect(given, state="s1")) == FOREIGN


def test_an_empty_state_is_not_ours() -> None:
    """Any program could bring it."""
    assert unwrap_or_failure(read_redirect({"state": ("",), "code": ("present",)}, state="")) == FOREIGN


LINK = "https://issuer.example/device"
DEVICE: dict[str, object] = {
    "device_code": "d1",
    "user_code": "WDJB-MJHT",
    "verification_uri": LINK,
    "expires_in": 1800,
    "interval": 7,
}


def code(**fields: Any) -> DeviceCode:
    """What `DEVICE` says."""
    told = {"user_code": "WDJB-MJHT", "verification_uri": LINK, "expires_at": NOW + 1800, "interval_seconds": 7.0}
    return DeviceCode.model_validate(told | fields)


def device(status: int = 200, /, **fields: object) -> DeviceCode | DeviceRefused:
    """What comes of `DEVICE` with some fields changed; None removes one."""
    body = {name: value for name, value in (DEVICE | fields).items() if value is not None}
    return unwrap_or_failure(read_device_answer(status, body, now=NOW))


def test_a_device_code_is_read() -> None:
    """With a link that has the code in it, if there is one."""
    assert device() == code()
    assert device(201, error="invalid_client") == code()
    assert device(verification_uri_complete=LINK + "?c=WDJB") == code(verification_uri_complete=LINK + "?c=WDJB")
    assert device(verification_uri_complete="javascript:alert(1)") == code()
    assert device(user_code=" AB CD ") == code(user_code="AB CD")


@pytest.mark.parametrize(
    ("fields", "link"),
    [
        ({"verification_uri": None, "verification_url": "https://other.example"}, "https://other.example"),
        ({"verification_url": "https://other.example"}, LINK),
        ({"verification_uri": "", "verification_url": "https://other.example"}, "https://other.example"),
        ({"verification_uri": "http://localhost:1/x"}, "http://localhost:1/x"),
        ({"verification_uri": "HTTPS://issuer.example"}, "HTTPS://issuer.example"),
    ],
)
def test_the_link_has_two_names(fields: dict[str, object], link: str) -> None:
    """The standard's comes first; Google says the other."""
    assert device(**fields) == code(verification_uri=link)


@pytest.mark.parametrize(
    ("fields", "lacks"),
    [
        ({"device_code": None}, "a device code"),
        ({"device_code": ""}, "a device code"),
        ({"device_code": 1}, "a device code"),
        ({"user_code": None}, "a usable user code"),
        ({"user_code": ""}, "a usable user code"),
        ({"user_code": "  "}, "a usable user code"),
        ({"user_code": 1234}, "a usable user code"),
        ({"user_code": "AB\x1b[2J"}, "a usable user code"),
        ({"user_code": "AB\nCD"}, "a usable user code"),
        ({"user_code": "AB\x9b2J"}, "a usable user code"),
        ({"user_code": "AB\u202eCD"}, "a usable user code"),
        ({"user_code": "\ud800"}, "a usable user code"),
        ({"verification_uri": None}, "a usable link"),
        ({"verification_uri": "issuer.example/device"}, "a usable link"),
        ({"verification_uri": "javascript:alert(1)"}, "a usable link"),
        ({"verification_uri": "file:///etc/passwd"}, "a usable link"),
        ({"verification_uri": "https://"}, "a usable link"),
        ({"verification_uri": "https:///device"}, "a usable link"),
        ({"verification_uri": "https://issuer.example/a b"}, "a usable link"),
        ({"verification_uri": LINK + "\x1b]8;;"}, "a usable link"),
        ({"verification_uri": LINK + "\n"}, "a usable link"),
        ({"verification_uri": ["https://issuer.example"]}, "a usable link"),
        ({"device_code": None, "user_code": None}, "a device code"),
    ],
)
def test_what_a_person_cannot_use_is_refused(fields: dict[str, object], lacks: str) -> None:
    """Both are printed on a terminal, which obeys escape sequences."""
    assert device(**fields) == DeviceRefused(detail=f"the issuer answered 200 without {lacks}")


@pytest.mark.parametrize(
    ("status", "body", "detail"),
    [
        (199, DEVICE, "the issuer answered 199"),
        (300, DEVICE, "the issuer answered 300"),
        (400, {"error": "invalid_client", "error_description": "s3cret"}, "the issuer answered 400 invalid_client"),
        (200, {"error": "unauthorized_client"}, "the issuer answered 200 unauthorized_client"),
        (200, {"error": "s3cret"}, "the issuer answered 200 without a device code"),
        (200, None, "the issuer answered 200 without a device code"),
        (404, None, "the issuer answered 404"),
    ],
)
def test_a_login_elsewhere_that_has_not_begun_says_why(status: int, body: Body, detail: str) -> None:
    """By the status and a registered name."""
    assert unwrap_or_failure(read_device_answer(status, body, now=NOW)) == DeviceRefused(detail=detail)


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [(1, 1.0), ("600", 600.0), (0.5, 0.5), (0, 900.0), (-1, 900.0), (None, 900.0), (True, 900.0), (inf, 900.0)],
)
def test_a_device_code_without_a_lifetime_lives_a_quarter_of_an_hour(expires_in: object, seconds: float) -> None:
    """The standard wants one."""
    assert device(expires_in=expires_in) == code(expires_at=NOW + seconds)


@pytest.mark.parametrize(
    ("interval", "seconds"),
    [
        (None, 5.0),
        ("x", 5.0),
        (-1, 5.0),
        (False, 5.0),
        (nan, 5.0),
        (0, 1.0),
        (0.9, 1.0),
        (1, 1.0),
        (1.1, 1.1),
        ("10", 10.0),
        (60, 60.0),
        (61, 60.0),
        (inf, 60.0),
        (10**400, 60.0),
    ],
)
def test_the_interval_is_between_a_second_and_a_minute(interval: object, seconds: float) -> None:
    """Five seconds if nothing is said (RFC 8628, 3.2)."""
    assert device(interval=interval) == code(interval_seconds=seconds)


@pytest.mark.parametrize("status", [200, 400, 403, 428, 503])
@pytest.mark.parametrize(
    ("error", "answer"),
    [
        ("authorization_pending", DevicePending()),
        ("slow_down", DevicePending(slow_down=True)),
        ("access_denied", DeviceDeclined()),
        ("expired_token", DeviceFailed(detail="expired")),
        ("token_expired", DeviceFailed(detail="expired")),
    ],
)
def test_a_name_says_what_has_become_of_a_login_elsewhere(status: int, error: str, answer: object) -> None:
    """Whatever the status: GitHub says it with 200, Google with 428 and 403."""
    assert read_device_poll(status, {"error": error}, now=NOW) == answer


@pytest.mark.parametrize(
    ("status", "body", "answer"),
    [
        (200, ACCESS | {"expires_in": 60, "refresh_token": "r1"}, issued(1_060.0, refresh="r1")),
        (200, ACCESS | {"error": "slow_down"}, issued()),
        (407, None, DeviceFailed(detail="the issuer answered 407")),
        (408, None, DevicePending(slow_down=True)),
        (428, None, DeviceFailed(detail="the issuer answered 428")),
        (429, {"error": "s3cret"}, DevicePending(slow_down=True)),
        (430, None, DeviceFailed(detail="the issuer answered 430")),
        (499, None, DeviceFailed(detail="the issuer answered 499")),
        (500, {"error": "server_error"}, DevicePending(slow_down=True)),
        (599, None, DevicePending(slow_down=True)),
        (600, None, DeviceFailed(detail="the issuer answered 600")),
        (400, {"error": "invalid_grant"}, DeviceFailed(detail="the issuer answered 400 invalid_grant")),
        (400, {"error": "s3cret"}, DeviceFailed(detail="the issuer answered 400")),
        (200, {}, DeviceFailed(detail="the issuer answered 200 without a token")),
        (302, None, DeviceFailed(detail="the issuer answered 302")),
    ],
)
def test_trouble_is_waited_out_and_all_else_ends_a_login_elsewhere(status: int, body: Body, answer: object) -> None:
    """A timeout, a throttle or a server's error says nothing of the user, so the issuer is asked less often."""
    assert read_device_poll(status, body, now=NOW) == answer


@pytest.mark.parametrize("now", [nan, inf, -inf])
def test_now_is_a_moment(now: float) -> None:
    """Even where no rule would look at it."""
    for read in (read_issuer_answer, read_device_answer, read_device_poll):
        with pytest.raises(ValueError, match="is no moment"):
            read(503, None, now=now)


@pytest.mark.parametrize("value", [CodeGiven(), FOREIGN, NO_CODE], ids=lambda value: value.kind)
def test_a_trip_through_json_changes_nothing(value: CodeGiven | RedirectRefused) -> None:
    """Each is frozen and strict about names."""
    assert type(value).model_validate_json(value.model_dump_json()) == value
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        type(value).model_validate({**value.model_dump(), "surprise": 1})


@pytest.mark.parametrize(
    "value", [issued(), DevicePending(), DeviceDeclined(), DeviceFailed(detail="x")], ids=lambda value: value.kind
)
def test_what_came_of_asking_is_told_apart_by_its_kind(value: DevicePollAnswer) -> None:
    """Through JSON, too."""
    answers: TypeAdapter[DevicePollAnswer] = TypeAdapter(DevicePollAnswer)
    assert answers.validate_json(answers.dump_json(value)) == value
