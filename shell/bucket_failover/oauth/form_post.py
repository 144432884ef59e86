"""Sends a form to an issuer, and hears what it answers: the one place where a secret leaves, and where one comes in.

What is sent is made of the core's fields, with the secrets put into their slots; what is heard is kept twice, masked
for the store, and with fingerprints for the core. Whatever goes wrong, the request and the frames that hold the form
are gone before the caller hears of it.
"""

import base64
import json
from collections.abc import Callable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, quote_plus

import httpx2
from pydantic import SecretStr

from bucket_failover.effects.deadline import call_within
from bucket_failover.oauth.sending import NotSentError, Sending
from bucket_failover.token_fields import claimed_end
from bucket_failover.tokens import MaskedDict, fingerprint_of, refresh_fingerprint_of
from bucket_failover_core.oauth import FormField, SecretName

TIMEOUT: Final = httpx2.Timeout(connect=5.0, read=15.0, write=5.0, pool=5.0)
"""Of each step: a server that is not there is found out soon."""

TIMEOUT_SECONDS: Final = 30.0
"""Of a whole exchange, however it drips: half of what processes wait for one that refreshes."""

_THREAD: Final = "bucket-failover-issuer"
_LIMITS: Final = httpx2.Limits(max_keepalive_connections=0)
"""Refreshes are minutes apart. On a connection that was kept, the issuer's idle timeout may meet the next one: it would
be sent, unheard, and the login lost for nothing."""

_NO_PROXY: Final[dict[str, httpx2.BaseTransport | None]] = {
    f"all://{host}": None for host in ("127.0.0.1", "localhost", "[::1]")
}
"""An issuer on this machine is spoken to directly: no proxy of the environment's is to see its refresh tokens."""

_BODY_MAX: Final = 256 * 1024
"""Bytes of an answer that are looked at; tokens are a few thousand."""

_FORM_TYPE: Final = "application/x-www-form-urlencoded"
_FIELDS_MAX: Final = 50
"""Fields of a form that are looked at; GitHub sends six."""

_PUBLIC: Final = frozenset(
    {
        "error",
        "expires_in",
        "interval",
        "scope",
        "token_type",
        "user_code",
        "verification_uri",
        "verification_uri_complete",
        "verification_url",
    }
)
"""The fields that the core may see as they are."""


class Answer(NamedTuple):
    """What was heard.

    Args:
        status: of the answer.
        body: its JSON object; None: it was none.
        public: the same for the core.
        retry_after: the header of that name; empty: there was none.
    """

    status: int
    body: MaskedDict | None
    public: MaskedDict | None
    retry_after: str = ""


class _LateError(Exception):
    """The time for an exchange is over."""


class Silence(NamedTuple):
    """Nothing was heard; `is_known`: because nothing was sent."""

    is_known: bool
    detail: str


class Poster:
    """Posts forms to an issuer.

    Args:
        client_secret: what is put into the slot of that name; None: nothing.
        basic_id: who we are, if the secret is sent in a Basic header instead (RFC 6749, 2.3.1); empty: it is not.
        as_json: the issuer takes JSON instead of a form.
        http: the client to use; None: one of its own, which takes proxies from the environment.
        timeout_seconds: of a whole exchange: connection, request, answer.
    """

    def __init__(
        self,
        client_secret: SecretStr | None,
        *,
        as_json: bool,
        http: httpx2.Client | None,
        basic_id: str = "",
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._client_secret = client_secret
        self._basic_id = basic_id
        self._as_json = as_json
        self._timeout_seconds = timeout_seconds
        # What an issuer sets for one bucket's user is not to be sent along for another's.
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        self._http = http or httpx2.Client(timeout=TIMEOUT, limits=_LIMITS, cookies=no_cookies, mounts=_NO_PROXY)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def post(
        self,
        url: str,
        form: tuple[FormField, ...],
        secrets: Mapping[SecretName, SecretStr],
        before_sending: Callable[[], None] = lambda: None,
    ) -> Answer | Silence:
        """Send a form, and hear the answer, within the time for a whole exchange.

        Raises:
            BucketFailoverError: from `before_sending`; nothing was sent.
        """
        sending = Sending(before_sending)

        def exchange() -> Answer | str:
            return self._exchange(url, form, secrets, sending)

        try:
            heard = call_within(exchange, self._timeout_seconds, name=_THREAD, late=_LateError, give_up=sending.give_up)
        except _LateError as error:
            heard = str(error)
        if sending.refused is not None:
            raise sending.refused.with_traceback(None)
        if isinstance(heard, Answer):
            return heard
        if sending.has_begun:
            return Silence(is_known=False, detail=f"the issuer has not answered ({heard})")
        return Silence(is_known=True, detail=f"the issuer could not be reached ({heard})")

    def _exchange(
        self, url: str, form: tuple[FormField, ...], secrets: Mapping[SecretName, SecretStr], sending: Sending
    ) -> Answer | str:
        """The answer, or what went wrong: with the exception the frames that hold the form are gone."""
        try:
            content = self._content(form, secrets)
            # No client, whichever was handed in, sends the form on to where a redirect leads.
            with self._http.stream(
                "POST", url, **content, extensions={"trace": sending}, follow_redirects=False
            ) as answer:
                heard = _heard(answer.status_code, _read(answer), answer.headers.get("content-type", ""))
                return heard._replace(retry_after=answer.headers.get("retry-after", "").strip())
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, ValueError, OSError, NotSentError) as error:
            return type(error).__name__

    def _content(self, form: tuple[FormField, ...], secrets: Mapping[SecretName, SecretStr]) -> dict[str, Any]:
        """The body as the client takes it, with the secrets in their slots."""
        known = {**secrets, "client_secret": self._client_secret or SecretStr("")}
        filled = MaskedDict(
            {
                field.name: field.value if field.secret is None else known[field.secret].get_secret_value()
                for field in form
            }
        )
        headers = MaskedDict({"accept": "application/json"})
        if self._basic_id and self._client_secret is not None:
            headers["authorization"] = _basic(self._basic_id, self._client_secret)
        return MaskedDict({"json" if self._as_json else "data": filled, "headers": headers})


def _basic(client_id: str, secret: SecretStr) -> str:
    """The header's value; both parts are form-encoded first (RFC 6749, 2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret.get_secret_value())}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _read(answer: httpx2.Response) -> bytes:
    """The body, as far as it is looked at."""
    body = b""
    for part in answer.iter_bytes():
        body += part
        if len(body) > _BODY_MAX:
            return b""
    return body


def _heard(status: int, content: bytes, media_type: str) -> Answer:
    body = _parsed(content, media_type)
    if body is None:
        return Answer(status, None, None)
    public = MaskedDict({name: value for name, value in body.items() if name in _PUBLIC})
    end = claimed_end(body.get("access_token"))
    if isinstance(end, int | float) and not isinstance(end, bool):
        public["access_token_exp"] = end
    if text_of(body.get("access_token")):
        public["access_token"] = fingerprint_of(SecretStr(body["access_token"]))
    if text_of(body.get("refresh_token")):
        public["refresh_token"] = refresh_fingerprint_of(SecretStr(body["refresh_token"]))
    if text_of(body.get("device_code")):
        public["device_code"] = "present"
    return Answer(status, body, public)


def _parsed(content: bytes, media_type: str) -> MaskedDict | None:
    """The JSON object; a form's fields are one, too (GitHub answers so unless it is asked for JSON)."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        if media_type.partition(";")[0].strip().lower() != _FORM_TYPE:
            return None
        body = _fields_of(content)
    if not isinstance(body, dict):
        return None
    refresh = body.get("refresh_token")
    if isinstance(refresh, int) and not isinstance(refresh, bool):
        body["refresh_token"] = str(refresh)
    return MaskedDict(body)


def _fields_of(content: bytes) -> dict[str, Any] | None:
    try:
        pairs = parse_qsl(content.decode(), strict_parsing=True, max_num_fields=_FIELDS_MAX)
    except (ValueError, UnicodeError):
        return None
    return dict(pairs)


def text_of(value: object) -> str | None:
    """The value, if it is a text that says something."""
    return value if isinstance(value, str) and value else None
