"""The token as the shell holds it: the only type of the package that has secrets in it.

Everything that leaves this type without being asked for by name is masked: `repr`, `str`, `model_dump`, JSON, pickles,
the text of validation errors, tracebacks that show a token among their local variables. The core never sees it;
`OAuthToken.state` is what it gets.
"""

import hashlib
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    field_serializer,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from bucket_failover_core import TokenHeld
from bucket_failover_core.facts import is_expired

API_KEY_TYPE: Final = "api-key"
"""The `token_type` of a bucket that holds an API key instead of an OAuth token."""

_FINGERPRINT_DOMAIN: Final = b"bucket-failover/access-token\x00"
_REFRESH_DOMAIN: Final = b"bucket-failover/refresh-token\x00"
_FINGERPRINT_LENGTH: Final = 16
"""Hexadecimal digits: 64 bits tell the tokens of a profile apart, and are too few to be mistaken for a secret."""
_MASK: Final = "**********"


def without_inputs(error: ValidationError) -> ValidationError:
    """The same errors, with a mask in the place of each value that did not fit."""
    parts = [
        InitErrorDetails(type=PydanticCustomError(part["type"], part["msg"]), loc=part["loc"], input=_MASK)
        for part in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    return ValidationError.from_exception_data(error.title, parts, hide_input=True)


class MaskedDict(dict[str, Any]):
    """A dictionary that shows its names and none of its values."""

    def __repr__(self) -> str:
        return repr(dict.fromkeys(self, _MASK))

    __str__ = __repr__

    def copy(self) -> "MaskedDict":
        """One that shows as little; so does what it is joined with."""
        return MaskedDict(self)

    def __or__(self, other: Any) -> "MaskedDict":  # type: ignore[override]  # noqa: ANN401 - as of `dict`
        return MaskedDict(super().__or__(other))

    def __ror__(self, other: Any) -> "MaskedDict":  # type: ignore[override]  # noqa: ANN401 - as of `dict`
        return MaskedDict(super().__ror__(other))


class OAuthToken(BaseModel):
    """A token of one bucket.

    Example: `OAuthToken(access_token="…", expiry=1_786_553_400.0, refresh_token="…")`; an API key is
    `OAuthToken.from_api_key("…")`. `token.access_token.get_secret_value()` is the only way to the secret.

    Args:
        access_token: what a call is made with.
        expiry: Unix seconds at which it ends, None if unknown (then it counts as expired, unless it is an API key).
        refresh_token: what a refresh is made with, None if there is none.
        issued_at: Unix seconds at which it was issued, None if unknown.
        scope: what it allows, as the issuer wrote it.
        token_type: `Bearer`, or `api-key`.
        extra: what else the issuer sent, as JSON has it; masked like a secret wherever it is shown.

    Raises:
        pydantic.ValidationError: a `ValueError` that names the field; the value is hidden, for it may be a secret.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    access_token: SecretStr = Field(min_length=1)
    expiry: float | None = None
    refresh_token: SecretStr | None = None
    issued_at: float | None = None
    scope: str | None = None
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme (RFC 6750), not a secret
    extra: Annotated[dict[str, JsonValue], AfterValidator(MaskedDict)] = Field(default_factory=MaskedDict, repr=False)

    @model_validator(mode="wrap")
    @classmethod
    def _inputs_are_not_told(cls, fields: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Pydantic's errors keep what did not fit, for `errors()`: here that may be a secret."""
        try:
            return handler(fields)
        except ValidationError as error:
            hidden = without_inputs(error)
        del fields, handler
        raise hidden  # out here, so that the exception with the inputs is not behind it

    @classmethod
    def from_api_key(cls, key: str) -> Self:
        """The token of a bucket that holds an API key: it does not expire and is never refreshed.

        Raises:
            ValueError: it is empty, has a control character in it, or whitespace at an end: no client could send it.
        """
        if key != key.strip() or not key.isprintable():
            del key  # a traceback that shows locals would show it
            message = "key: it has a control character in it, or a space or a newline at its end"
            raise ValueError(message)
        return cls(access_token=SecretStr(key), token_type=API_KEY_TYPE)

    @property
    def fingerprint(self) -> str:
        """The access token's name in the core: 16 hexadecimal digits of a one-way hash.

        Source: SHA-256 (FIPS 180-4), cut to 64 bits, with a prefix of our own so that it equals no other hash of it.
        """
        return fingerprint_of(self.access_token)

    @property
    def refresh_fingerprint(self) -> str:
        """The refresh token's name in the core, made in the same way; empty if there is none."""
        return refresh_fingerprint_of(self.refresh_token) if self.refresh_token is not None else ""

    @property
    def is_api_key(self) -> bool:
        """Whether it is an API key."""
        return self.token_type == API_KEY_TYPE

    @property
    def is_refreshable(self) -> bool:
        """Whether a refresh can be tried with it."""
        return self.refresh_token is not None and not self.is_api_key

    @property
    def state(self) -> TokenHeld:
        """What the core may know of it."""
        return TokenHeld(
            expiry=self.expiry,
            fingerprint=self.fingerprint,
            refreshable=self.is_refreshable,
            issued_at=self.issued_at,
        )

    def is_live(self, *, now: float) -> bool:
        """Whether it is usable by the clock at `now` (Unix seconds); whether the provider accepts it is not known."""
        return not is_expired(self.expiry, now=now, api_key=self.is_api_key, issued_at=self.issued_at)

    @field_serializer("extra")
    def _mask_extra(self, extra: dict[str, Any]) -> dict[str, str]:
        return dict.fromkeys(extra, _MASK)

    def __getstate__(self) -> dict[Any, Any]:
        """A pickle carries no secret: what comes out of it names the token's facts and cannot be used for a call."""
        state = super().__getstate__()
        masked = dict(state["__dict__"])
        masked["access_token"] = SecretStr(_MASK)
        if masked["refresh_token"] is not None:
            masked["refresh_token"] = SecretStr(_MASK)
        masked["extra"] = MaskedDict.fromkeys(masked["extra"], _MASK)
        return {**state, "__dict__": masked}


def fingerprint_of(access_token: SecretStr) -> str:
    """An access token's name in the core; see `OAuthToken.fingerprint`."""
    return _hashed(_FINGERPRINT_DOMAIN, access_token)


def refresh_fingerprint_of(refresh_token: SecretStr) -> str:
    """A refresh token's name in the core; see `OAuthToken.refresh_fingerprint`."""
    return _hashed(_REFRESH_DOMAIN, refresh_token)


def _hashed(domain: bytes, secret: SecretStr) -> str:
    text = secret.get_secret_value().encode("utf-8", "surrogatepass")
    return hashlib.sha256(domain + text).hexdigest()[:_FINGERPRINT_LENGTH]
