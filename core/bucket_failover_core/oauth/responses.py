"""What has the issuer said?

Each secret in it has been replaced by its fingerprint, or by the word "present".

Rules:

* A token is a success with a non-empty `access_token`. A success without one may have used the refresh token up, so
  its outcome is unknown; unless it is an error in disguise, as some issuers send them.
* A refusal of the grant needs its name (`invalid_grant` or kin) and a status that says so; a gateway's trouble is none.
* All else issues nothing, and says so, but for a timeout (408, 504): who is behind the gateway may have issued a token.
* What is shown to a user is printable: it goes to a terminal, which obeys escape sequences.

Intuition: to read too much into an answer costs a login, to read too little costs a retry.

Road not taken: the status alone. A 400 is a dead grant, a typing error in the client's name, or "not yet".

Source: RFC 6749, 4.1.2, 5 and 6; RFC 8628, 3.2 and 3.5; RFC 9110, 15.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, final

from pydantic import Field
from returns.result import Failure, Result, Success

from bucket_failover_core.facts.tokens import TokenHeld
from bucket_failover_core.formats import number_in, parse_http_date, parse_number
from bucket_failover_core.oauth.device import DeviceCode, DeviceDeclined, DeviceFailed, DevicePending, DeviceRefused
from bucket_failover_core.oauth.error_codes import REFUSALS, Body, error_name
from bucket_failover_core.oauth.refresh_outcome import GrantRefused, IssuerAnswer, NothingIssued, TokensIssued
from bucket_failover_core.value import Value, check_moment

_SUCCESSES: Final = range(200, 300)
"""Source: RFC 9110, 15.3."""
_REFUSING: Final = frozenset({*_SUCCESSES, *range(400, 500)} - {407, 408, 429})
"""Statuses with which a refusal's name counts: RFC 6749, 5.2 has 400 and 401; GitHub says it with 200, Auth0 403."""
_WAITING: Final = frozenset({429, *range(500, 600)})
"""Statuses with which a `Retry-After` is the issuer's wish (RFC 9110, 10.2.3; RFC 6585, 4)."""
_WAIT_MAX_SECONDS: Final = 24 * 3_600.0
"""A wild number keeps no login from its refresh for longer than a day."""
_DECLINED: Final = frozenset({"access_denied", "authorization_declined"})
"""A user's no: RFC 6749, 4.1.2.1; Microsoft has a word of its own."""
_UNHEARD: Final = frozenset({408, 504})
"""Timeouts. Source: RFC 9110, 15.5.9 and 15.6.5."""
_BUSY: Final = frozenset({408, 429, *range(500, 600)})
"""The issuer was slow, asked too often, or in trouble of its own: it may answer later."""
_NO_LIFETIME_SECONDS: Final = 1e15
"""What `number_in` makes of anything larger, infinity included."""

_DEVICE_LIFETIME_SECONDS: Final = 900.0
"""Required (RFC 8628, 3.2); if it is missing all the same, GitHub's 15 minutes."""
_INTERVAL_SECONDS: Final = 5.0
"""Source: RFC 8628, 3.2."""
_INTERVAL_MIN_SECONDS: Final = 1.0
"""An issuer that says 0 is still not asked without a pause."""
_INTERVAL_MAX_SECONDS: Final = 60.0
"""With a longer one, a device code of 15 minutes would end after fewer than 15 questions."""
_LINK: Final = re.compile(r"https?://[^\s/?#]\S*", re.IGNORECASE)


@final
class CodeGiven(Value):
    """The browser has come back with an authorization code. The shell holds it."""

    kind: Literal["code-given"] = "code-given"


@final
class RedirectRefused(Value):
    """The browser has come back without an authorization code, or another program has come.

    Args:
        why: `foreign`: not from this login, so wait on; `declined`: the user said no; `failed`: anything else.
        detail: why, in a few words, never a secret.
    """

    kind: Literal["redirect-refused"] = "redirect-refused"
    why: Literal["foreign", "declined", "failed"]
    detail: str = ""


DevicePollAnswer = Annotated[TokensIssued | DevicePending | DeviceDeclined | DeviceFailed, Field(discriminator="kind")]
"""What came of asking whether the user has logged in elsewhere."""


def describe_issuer_answer(status: int, body: Body) -> str:
    """The answer in a few words for people, without a secret.

    Example: "the issuer answered 400 invalid_grant", "the issuer answered 503", "the issuer answered 200 without a
    token".

    Args:
        status: the HTTP status.
        body: what was answered.

    Source: RFC 6749, 5.
    """
    is_without = status in _SUCCESSES and not _text(body, "access_token")
    return _describe(status, body, lacks="a token" if is_without else "")


def read_issuer_answer(
    status: int, body: Body, *, now: float, retry_after: str = "", last_lifetime: float | None = None
) -> IssuerAnswer:
    """What came of presenting a grant to the token endpoint.

    Example: at 1000.0, a 200 with `access_token` and an `expires_in` of 3600 is `TokensIssued`, with an expiry of
    4600.0. A 400 `invalid_grant` is `GrantRefused()`; a 503 is `NothingIssued(is_known=True)`.

    Args:
        status: the HTTP status.
        body: what was answered.
        now: Unix seconds at which it came.
        retry_after: the header of that name; empty: there was none.
        last_lifetime: how long the last token of this login lived, in seconds; None: unknown.

    Raises:
        ValueError: `now` is no moment.

    Source: RFC 6749, 5.1, 5.2 and 6; RFC 9110, 10.2.3 and 15.
    """
    check_moment(now)
    if status in _SUCCESSES:
        access, refresh = _text(body, "access_token"), _text(body, "refresh_token")
        if access:
            expiry = _expiry(body, now=now, last_lifetime=last_lifetime)
            token = TokenHeld(expiry=expiry, fingerprint=access, refreshable=refresh != "", issued_at=now)
            return TokensIssued(token=token, refresh_fingerprint=refresh)
        if not _has_error(body):
            return NothingIssued(is_known=False)
    if status in _REFUSING and error_name(body) in REFUSALS:
        return GrantRefused()
    is_known = status not in _UNHEARD
    return NothingIssued(is_known=is_known, retry_at=_retry_at(status, retry_after, now=now) if is_known else None)


def _expiry(body: Body, *, now: float, last_lifetime: float | None) -> float | None:
    """When the token ends: as the answer says; else its own `exp`, if it is a JWT; else as the last one did.

    None: its issuer has named no end, so it is usable until it is refused.
    """
    seconds = _lifetime(body)
    if seconds is not None:
        return now + seconds
    own = None if body is None else number_in(body.get("access_token_exp"))
    if own is not None and own < _NO_LIFETIME_SECONDS:
        return own
    return None if last_lifetime is None or last_lifetime <= 0 else now + last_lifetime


def _retry_at(status: int, retry_after: str, *, now: float) -> float | None:
    """Until when the issuer wants not to be asked again; None: it has not said so, or in no form that can be read."""
    if status not in _WAITING or not retry_after:
        return None
    seconds = parse_number(retry_after)
    moment = now + seconds if seconds is not None else parse_http_date(retry_after, now=now)
    return None if moment is None or moment <= now else min(moment, now + _WAIT_MAX_SECONDS)


def read_redirect(parameters: Mapping[str, tuple[str, ...]], *, state: str) -> Result[CodeGiven, RedirectRefused]:
    """What the browser has brought back to this machine.

    Example: with the right `state` and one `code` it is `Success(CodeGiven())`; with `error=access_denied` it is
    `Failure(RedirectRefused(why="declined"))`; with another `state`, whatever else, `foreign`.

    Args:
        parameters: each name's values, in their order; of `code` the word "present" for each that is not empty.
        state: what the browser took along.

    Returns:
        `Success` of `CodeGiven`; `Failure` of `RedirectRefused`.

    Source: RFC 6749, 3.1 (empty or repeated parameters), 4.1.2, 4.1.2.1 and 10.12; RFC 8252, 8.9.
    """
    # Plainly compared: the value is used once, and heard on this machine only; there is nothing to be timed.
    if state == "" or parameters.get("state", ()) != (state,):
        return Failure(RedirectRefused(why="foreign"))
    errors = tuple(filter(None, parameters.get("error", ())))
    if errors:
        name = error_name({"error": errors[0]}) if len(errors) == 1 else ""
        return Failure(RedirectRefused(why="declined" if name in _DECLINED else "failed", detail=name))
    codes = parameters.get("code", ())
    if len(codes) > 1:
        return Failure(RedirectRefused(why="failed", detail="several codes"))
    return Success(CodeGiven()) if any(codes) else Failure(RedirectRefused(why="failed", detail="no code"))


def read_device_answer(status: int, body: Body, *, now: float) -> Result[DeviceCode, DeviceRefused]:
    """What came of asking for a device code.

    Example: at 1000.0, a 200 with `device_code`, `user_code` "WDJB-MJHT", a `verification_uri` and an `expires_in` of
    1800 is `Success(DeviceCode(...))`, until 2800.0, with an interval of 5 s. A 400 `invalid_client` is
    `Failure(DeviceRefused(detail="the issuer answered 400 invalid_client"))`.

    Args:
        status: the HTTP status.
        body: what was answered.
        now: Unix seconds at which it came.

    Returns:
        `Success` of `DeviceCode`; `Failure` of `DeviceRefused`.

    Raises:
        ValueError: `now` is no moment.

    Source: RFC 8628, 3.2; Google says `verification_url`.
    """
    check_moment(now)
    if status not in _SUCCESSES:
        return Failure(DeviceRefused(detail=_describe(status, body)))
    user_code, link = (
        _text(body, "user_code").strip(),
        _link(body, "verification_uri") or _link(body, "verification_url"),
    )
    needed = {"a device code": _text(body, "device_code"), "a usable user code": user_code, "a usable link": link}
    lacks = next((what for what, value in needed.items() if not value), "")
    if body is None or lacks:
        return Failure(DeviceRefused(detail=_describe(status, body, lacks=lacks)))
    wanted = number_in(body.get("interval"))
    interval = _INTERVAL_SECONDS if wanted is None else min(max(wanted, _INTERVAL_MIN_SECONDS), _INTERVAL_MAX_SECONDS)
    return Success(
        DeviceCode(
            user_code=user_code,
            verification_uri=link,
            verification_uri_complete=_link(body, "verification_uri_complete"),
            expires_at=now + (_lifetime(body) or _DEVICE_LIFETIME_SECONDS),
            interval_seconds=interval,
        )
    )


def read_device_poll(status: int, body: Body, *, now: float) -> DevicePollAnswer:
    """What came of asking whether the user has logged in elsewhere.

    Example: a 400 `authorization_pending` is `DevicePending()`, a 503 is `DevicePending(slow_down=True)`, and a 400
    `expired_token` is `DeviceFailed(detail="expired")`.

    Args:
        status: the HTTP status; a name counts with any (GitHub says 200, Google 428).
        body: what was answered.
        now: Unix seconds at which it came.

    Raises:
        ValueError: `now` is no moment.

    Source: RFC 8628, 3.5.
    """
    answer = read_issuer_answer(status, body, now=now)
    if isinstance(answer, TokensIssued):
        return answer
    match error_name(body):
        case "authorization_pending":
            return DevicePending()
        case "slow_down":
            return DevicePending(slow_down=True)
        case "access_denied" | "authorization_declined":
            return DeviceDeclined()
        case "expired_token" | "token_expired":
            return DeviceFailed(detail="expired")
        case _ if status in _BUSY:
            return DevicePending(slow_down=True)
        case _:
            return DeviceFailed(detail=describe_issuer_answer(status, body))


def _describe(status: int, body: Body, *, lacks: str = "") -> str:
    said = error_name(body) or (lacks and f"without {lacks}")
    return f"the issuer answered {status} {said}".rstrip()


def _has_error(body: Body) -> bool:
    error = None if body is None else body.get("error")
    return isinstance(error, str | Mapping) and len(error) > 0


def _text(body: Body, name: str) -> str:
    """A text that can be printed as it is, else "": escape sequences and lone surrogates are none."""
    value = None if body is None else body.get(name)
    return value if isinstance(value, str) and value.isprintable() else ""


def _link(body: Body, name: str) -> str:
    text = _text(body, name)
    return text if _LINK.fullmatch(text) else ""


def _lifetime(body: Body) -> float | None:
    """The seconds that `expires_in` says; None: they cannot be read."""
    seconds = None if body is None else number_in(body.get("expires_in"))
    return None if seconds is None or seconds >= _NO_LIFETIME_SECONDS else seconds
