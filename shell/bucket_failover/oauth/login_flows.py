"""The two logins: with a browser here (authorization code and PKCE), and with a code typed elsewhere (device code).

Both block, in a thread of their own, until the user has answered or `give_up` is set; both bring a token and store
nothing. `in_thread` is how an event loop waits for them.
"""

import asyncio
import contextlib
import queue
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, Protocol, assert_never

import httpx2
from pydantic import SecretStr
from returns.methods import unwrap_or_failure

from bucket_failover.errors import LoginDeclinedError, LoginFailedError
from bucket_failover.oauth.http_issuer import OAuthIssuer
from bucket_failover.oauth.loopback import Redirect, listening
from bucket_failover.tokens import MaskedDict, OAuthToken
from bucket_failover_core.oauth import (
    CodeGiven,
    DeviceCode,
    DevicePoll,
    RedirectRefused,
    authorization_parameters,
    decide_poll,
    note_poll,
    pkce_challenge,
    read_redirect,
)

_VERIFIER_BYTES: Final = 48
"""64 characters; RFC 7636, 4.1 wants 43 to 128."""
_STATE_BYTES: Final = 24
"""192 bits; RFC 6749, 10.10 wants 128, better 160."""

_LOOK_SECONDS: Final = 0.1
"""How often a wait looks whether it is to be given up."""

_GIVEN_UP: Final = "the login was given up"
_EXPIRED: Final = "the code has expired"


class Window(Protocol):
    """How the user is reached."""

    def open_address(self, provider: str, bucket: str, address: str) -> None:
        """Show the address of a login, or open a browser there."""
        ...

    def show_code(self, provider: str, bucket: str, code: DeviceCode) -> None:
        """Show what is to be typed, and where."""
        ...


def log_in_with_browser(
    issuer: OAuthIssuer, provider: str, bucket: str, window: Window, give_up: threading.Event
) -> OAuthToken:
    """The authorization code grant with PKCE and a redirect to this machine (RFC 6749, 4.1; RFC 7636; RFC 8252).

    Raises:
        LoginDeclinedError: the user said no.
        LoginFailedError: it has come to nothing else.
    """
    verifier = SecretStr(secrets.token_urlsafe(_VERIFIER_BYTES))
    state = secrets.token_urlsafe(_STATE_BYTES)

    def hear(parameters: MaskedDict) -> CodeGiven | RedirectRefused:
        told = {
            name: ("present" if name == "code" and any(values) else "",) * len(values)
            for name, values in parameters.items()
        }
        told |= {name: tuple(parameters[name]) for name in ("state", "error") if name in parameters}
        return unwrap_or_failure(read_redirect(told, state=state))

    with listening(issuer.settings, hear) as loopback:
        asked = authorization_parameters(
            issuer.settings,
            bucket=bucket,
            redirect_uri=loopback.uri,
            state=state,
            challenge=pkce_challenge(verifier.get_secret_value()),
        )
        endpoint = httpx2.URL(issuer.settings.authorization_endpoint)
        address = endpoint.copy_with(params=[*endpoint.params.multi_items(), *asked])
        problems = _open(window, provider, bucket, str(address))
        redirect = _wait(loopback.redirects, problems, give_up)
        if isinstance(redirect.meaning, RedirectRefused):
            if redirect.meaning.why == "declined":
                raise LoginDeclinedError
            message = f"the issuer has sent the browser back with {redirect.meaning.detail or 'an error'}"
            raise LoginFailedError(message)
        code = SecretStr(redirect.parameters["code"][0])
        return issuer.redeem(bucket, code=code, verifier=verifier, redirect_uri=loopback.uri)


def log_in_with_device(
    issuer: OAuthIssuer,
    provider: str,
    bucket: str,
    window: Window,
    give_up: threading.Event,
    *,
    clock: Callable[[], float] = time.time,
) -> OAuthToken:
    """The device grant (RFC 8628).

    Raises:
        LoginDeclinedError: the user said no.
        LoginFailedError: it has come to nothing else.
    """
    shown, device_code = issuer.start_device(bucket)
    poll = DevicePoll(issued_at=clock(), expires_at=shown.expires_at, interval_seconds=shown.interval_seconds)
    window.show_code(provider, bucket, shown)
    while True:
        now = clock()
        decision = unwrap_or_failure(decide_poll(poll, now=now))
        match decision.kind:
            case "device-code-expired":
                raise LoginFailedError(_EXPIRED)
            case "poll-at":
                if give_up.wait(max(decision.at - now, 0.0)):
                    raise LoginFailedError(_GIVEN_UP)
            case "poll-now":
                answer, token = issuer.poll_device(bucket, device_code)
                if token is not None:
                    return token
                known = unwrap_or_failure(note_poll(poll, answer, at=clock()))
                match known.kind:
                    case "device-poll":
                        poll = known
                    case "device-declined":
                        raise LoginDeclinedError
                    case "device-failed":
                        message = f"the issuer has ended the login: {known.detail}"
                        raise LoginFailedError(message)
                    case ended:
                        assert_never(ended)
            case never:
                assert_never(never)


def _open(window: Window, provider: str, bucket: str, address: str) -> "queue.SimpleQueue[Exception]":
    """Show the address, in a thread of its own: some browsers come back when they are closed. What it has raised."""
    problems: queue.SimpleQueue[Exception] = queue.SimpleQueue()

    def show() -> None:
        try:
            window.open_address(provider, bucket, address)
        except Exception as error:  # noqa: BLE001 - it is raised again where the login waits
            problems.put(error)

    threading.Thread(target=show, name="bucket-failover-window", daemon=True).start()
    return problems


def _wait(
    redirects: "queue.SimpleQueue[Redirect]", problems: "queue.SimpleQueue[Exception]", give_up: threading.Event
) -> Redirect:
    """The redirect; one that has come counts, though the login was given up at the same moment."""
    while True:
        is_over = give_up.is_set()
        with contextlib.suppress(queue.Empty):
            return redirects.get(timeout=_LOOK_SECONDS)
        with contextlib.suppress(queue.Empty):
            raise problems.get_nowait()
        if is_over:
            raise LoginFailedError(_GIVEN_UP)


async def in_thread(log_in: Callable[[threading.Event], OAuthToken]) -> OAuthToken:
    """Wait for a login in the event loop. A cancelled one is given up; if it brings a token even so, that is kept.

    Raises:
        asyncio.CancelledError: it was cancelled, and has brought none. Whatever `log_in` raises.
    """
    give_up = threading.Event()
    outcome: Future[OAuthToken] = Future()

    def run() -> None:
        try:
            outcome.set_result(log_in(give_up))
        except BaseException as error:  # noqa: BLE001 - it is raised again where the login is waited for
            outcome.set_exception(error)

    # A thread of its own: a user may take minutes, and the loop's own threads are few.
    threading.Thread(target=run, name="bucket-failover-login", daemon=True).start()
    login = asyncio.wrap_future(outcome)
    try:
        return await asyncio.shield(login)
    except asyncio.CancelledError:
        give_up.set()
        await asyncio.wait({login})
        if login.cancelled() or login.exception() is not None:
            raise
        task = asyncio.current_task()
        assert task is not None, "a coroutine runs in a task"  # noqa: S101 - asyncio's own rule
        task.uncancel()
        task.cancel()  # it is heard again when the token is stored
        return login.result()
