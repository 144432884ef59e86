"""Errors as Google's APIs send them: a status by number and by name, and details with types.

Source: https://cloud.google.com/apis/design/errors (the names, `ErrorInfo`, `QuotaFailure`, `RetryInfo`). That a bad
key is a 400 and a request without any a 403 is what the Gemini API answers.
"""

from typing import Final

from bucket_failover.testing.answers import Answer, JsonObject, json_answer
from bucket_failover.testing.credentials import Problem
from bucket_failover.testing.durations import proto_duration
from bucket_failover.testing.quota import Reading

_NAMES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
"""Every other status is "UNKNOWN". Google sends no 529; it is there because a test may ask for one."""

_NO_VALID_KEY: Final = "API key not valid. Please pass a valid API key."
_NO_VALID_LOGIN: Final = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential."
)
_NO_CREDENTIAL: Final = (
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
    "form of API consumer identity to call this API."
)
_UNAUTHENTICATED: Final[dict[Problem, tuple[int, str, str]]] = {
    "missing": (403, _NO_CREDENTIAL, ""),
    "unknown key": (400, _NO_VALID_KEY, "API_KEY_INVALID"),
    "revoked key": (400, _NO_VALID_KEY, "API_KEY_INVALID"),
    "unknown token": (401, _NO_VALID_LOGIN, "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
    "revoked token": (401, _NO_VALID_LOGIN, "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
    "expired token": (401, _NO_VALID_LOGIN, "ACCESS_TOKEN_EXPIRED"),
}
"""Status, message, and the reason among the details; "": no details."""

_METRIC: Final = "generativelanguage.googleapis.com/generate_content_requests"
_TYPE: Final = "type.googleapis.com/google.rpc"


def body(status: int, message: str, details: list[JsonObject] | None = None) -> JsonObject:
    """The object that an error is."""
    error: JsonObject = {"code": status, "message": message, "status": _NAMES.get(status, "UNKNOWN")}
    return {"error": {**error, "details": details} if details else error}


def error(status: int, message: str, details: list[JsonObject] | None = None) -> Answer:
    """An answer with an error."""
    return json_answer(status, body(status, message, details))


def unauthenticated(problem: Problem) -> Answer:
    """The refusal of a credential: 400 for a key, 401 for a token, 403 for none."""
    status, message, reason = _UNAUTHENTICATED[problem]
    return error(status, message, [_info(reason, "googleapis.com", {})] if reason else None)


def spent(reading: Reading, *, now: float) -> Answer:
    """The refusal for a spent quota, with the wait in `RetryInfo`.

    A plain rate limit is a quota per minute by its id. The windows of a subscription have no such id; they come with
    the `ErrorInfo` of Cloud Code, which has subscriptions.
    """
    wait = proto_duration(reading.resets_at - now)
    violation: dict[str, object] = {"quotaMetric": _METRIC}
    allowed = ""
    if reading.limit is not None:
        violation["quotaValue"] = str(reading.limit)
        allowed = f", limit: {reading.limit}"
    details: list[JsonObject] = []
    if reading.window == "minute":
        violation["quotaId"] = "GenerateContentRequestsPerMinutePerProject"
    else:
        details.append(_info("QUOTA_EXHAUSTED", "cloudcode-pa.googleapis.com", {"quotaResetDelay": wait}))
    details.append({"@type": f"{_TYPE}.QuotaFailure", "violations": [violation]})
    details.append({"@type": f"{_TYPE}.RetryInfo", "retryDelay": wait})
    message = (
        "You exceeded your current quota, please check your plan and billing details.\n"
        f"* Quota exceeded for metric: {_METRIC}{allowed}\nPlease retry in {wait}."
    )
    return error(429, message, details)


def _info(reason: str, domain: str, metadata: JsonObject) -> JsonObject:
    return {"@type": f"{_TYPE}.ErrorInfo", "reason": reason, "domain": domain, "metadata": metadata}
