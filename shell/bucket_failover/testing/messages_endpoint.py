"""`POST /v1/messages`: who asks, may they, and with what answer.

The order is that of a real gateway: a fault of the provider comes before everything, then the credential, then the
request itself, then the quota; only what is well-formed counts against it. A fault that breaks a stream needs a stream
to break, so it waits for a request that gets that far.
"""

import json
import math
from dataclasses import dataclass, field

from bucket_failover.testing import haiku
from bucket_failover.testing.accounts import Account
from bucket_failover.testing.answers import Answer, Reply, json_answer, messages_error
from bucket_failover.testing.credentials import Credentials
from bucket_failover.testing.faults import BreakStream, Fault, Faults, messages_failure
from bucket_failover.testing.quota import Reading


@dataclass(frozen=True, slots=True)
class MessagesRequest:
    """What a client sent, as far as it matters here; None: that header was not there."""

    bearer: str | None = field(repr=False)
    api_key: str | None = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Asked:
    model: str
    stream: bool


class MessagesEndpoint:
    """Answers with a haiku, or says why not."""

    def __init__(self, credentials: Credentials, faults: Faults) -> None:
        self._credentials = credentials
        self._faults = faults
        self._asked = 0
        self._answered = 0

    def answer(self, request: MessagesRequest, *, now: float) -> tuple[Account | None, Reply]:
        """Whose credential it was (None: no account's), and what goes back."""
        self._asked += 1
        request_id = f"req_{self._asked:06}"
        account, problem = self._credentials.identify(bearer=request.bearer, api_key=request.api_key, now=now)
        asked = _parse(request.body)
        fault = self._faults.next("messages", account, streams=isinstance(asked, _Asked) and asked.stream)
        if fault is not None and not isinstance(fault.mishap, BreakStream):
            self._faults.use_up(fault)
            return account, messages_failure(fault.mishap, request_id=request_id)
        if account is None or problem:
            return account, messages_error(401, problem, request_id=request_id)
        if isinstance(asked, str):
            return account, messages_error(400, asked, request_id=request_id)
        reading = account.meter.admit(now=now)
        if reading is not None and not reading.admitted:
            return account, _spent(reading, request_id=request_id, now=now)
        headers = {"request-id": request_id} | ({} if reading is None else _window_headers(reading))
        return account, self._haiku(asked, fault, headers)

    def _haiku(self, asked: _Asked, fault: Fault | None, headers: dict[str, str]) -> Answer:
        text = haiku.HAIKU[self._answered % len(haiku.HAIKU)]
        self._answered += 1
        if not asked.stream:
            return json_answer(200, haiku.whole(text, number=self._answered, model=asked.model), headers)
        break_after = None
        if fault is not None and isinstance(fault.mishap, BreakStream):
            self._faults.use_up(fault)
            break_after = fault.mishap.after_pieces
        events = haiku.streamed(text, number=self._answered, model=asked.model, break_after=break_after)
        return Answer(200, events, {"content-type": "text/event-stream", "cache-control": "no-cache"} | headers)


def _spent(reading: Reading, *, request_id: str, now: float) -> Answer:
    # Rounded up, so that a client that comes back exactly then is not too early.
    headers = {"retry-after": str(math.ceil(reading.resets_at - now))} | _window_headers(reading)
    message = "This request would exceed your account's rate limit. Please try again later."
    return messages_error(429, message, request_id=request_id, headers=headers)


def _window_headers(reading: Reading) -> dict[str, str]:
    """The state of a subscription's window; a plain rate limit has none.

    Source: what the Anthropic API sends to subscription (OAuth) clients; not part of its reference.
    """
    if reading.window == "minute":
        return {}
    prefix = "anthropic-ratelimit-unified"
    status, resets_at = "allowed" if reading.admitted else "rejected", str(math.ceil(reading.resets_at))
    return {
        f"{prefix}-status": status,
        f"{prefix}-reset": resets_at,
        f"{prefix}-{reading.window}-status": status,
        f"{prefix}-{reading.window}-reset": resets_at,
        f"{prefix}-{reading.window}-utilization": f"{reading.utilization:g}",
    }


def _parse(body: bytes) -> _Asked | str:
    """What was asked, or what is wrong with it."""
    try:
        asked = json.loads(body)
    except ValueError:  # JSONDecodeError and UnicodeDecodeError both are
        return "The request body is not valid JSON"
    if not isinstance(asked, dict):
        return "The request body must be a JSON object"
    model, max_tokens, messages, stream = (asked.get(name) for name in ("model", "max_tokens", "messages", "stream"))
    if not isinstance(model, str) or not model:
        return "model: a name is required"
    if type(max_tokens) is not int or max_tokens < 1:  # exactly int: True is one to isinstance()
        return "max_tokens: a whole number of at least 1 is required"
    if not isinstance(messages, list) or not messages:
        return "messages: at least one message is required"
    if not isinstance(stream, bool | None):
        return "stream: true or false is required"
    return _Asked(model, stream=bool(stream))
