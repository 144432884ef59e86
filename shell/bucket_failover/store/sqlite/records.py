"""A token as the store's file holds it: its facts, and either its secrets or what a vault has answered for them.

Nothing that is secret is ever a local variable here, for a traceback may show those of each frame.
"""

import contextlib
import hashlib
import json
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from bucket_failover.store.vaults.interface import SecretVault
from bucket_failover.tokens import MaskedDict, OAuthToken
from bucket_failover_core import TokenAbsent, TokenCorrupt, TokenHeld
from bucket_failover_core.oauth import RefreshMark, StoredLogin

_DIGEST_LENGTH: Final = 16
_FACTS: Final = {"expiry", "issued_at", "scope", "token_type"}
"""What stands in the clear beside the secrets."""

_SEALED_FACTS: Final = "facts"
"""Under which they are sealed once more, with the secrets."""

_DAMAGED: Final = ": it is damaged"


class Parsed(NamedTuple):
    """What a record says.

    Args:
        token: the token, if the record holds its secrets.
        sealed: the facts and what stands for the secrets, if a vault holds them.
        wrong: what is wrong with it, without what it holds; None: nothing.
    """

    token: OAuthToken | None = None
    sealed: "SealedRecord | None" = None
    wrong: str | None = None


class SealedRecord(BaseModel):
    """A token whose secrets are in a vault: what tells it from others, and where they are."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    expiry: float | None
    issued_at: float | None
    scope: str | None
    token_type: str
    fingerprint: str
    refresh_fingerprint: str
    vault: str
    sealed: str

    @property
    def state(self) -> TokenHeld:
        """What the core may know of it; the refresh token of an API key, which has none, does not count."""
        return TokenHeld(
            expiry=self.expiry,
            fingerprint=self.fingerprint,
            refreshable=self.refresh_fingerprint != "",
            issued_at=self.issued_at,
        )

    def token(self, secrets: SecretStr) -> OAuthToken | None:
        """The token with these secrets; None: they are not those of a token, or other facts stood beside them.

        So a record cannot be given another end, say, without the key. What an earlier version has sealed says nothing
        of its facts.
        """
        facts = self.model_dump(include=_FACTS)
        token = _token(secrets.get_secret_value(), facts).token
        is_its_own = token is not None and (token.fingerprint, token.refresh_fingerprint) == (
            self.fingerprint,
            self.refresh_fingerprint,
        )
        return token if is_its_own else None


def digest_of(provider: str, bucket: str, record: str) -> str:
    """What tells a record that is whole and stands where it was written from any other.

    Source: SHA-256 (FIPS 180-4), cut to 64 bits: it finds accidents, not forgers, who can make one as well.
    """
    text = f"{len(provider)}:{provider}{len(bucket)}:{bucket}{record}"
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGEST_LENGTH]


class Row(NamedTuple):
    """A row of the file, with the secrets that it may have; it is never a local variable of a frame that could show it.

    Args:
        record: the record; None: there is none.
        is_damaged: its digest is that of another record, or of another place.
    """

    record: str | None = None
    is_damaged: bool = False


def plain_record(token: OAuthToken) -> str:
    """The token with its secrets."""
    return json.dumps({**_facts(token), **_secrets(token)})


def sealed_record(token: OAuthToken, vault: SecretVault, provider: str, bucket: str) -> SealedRecord:
    """The token's facts, and what the vault has answered for its secrets.

    Raises:
        TokenStoreError: the vault could not keep them.
    """
    return SealedRecord(
        **_facts(token),
        fingerprint=token.fingerprint,
        refresh_fingerprint=token.refresh_fingerprint,
        vault=vault.name,
        sealed=vault.seal(provider, bucket, SecretStr(json.dumps({**_secrets(token), _SEALED_FACTS: _facts(token)}))),
    )


def parse_row(row: Row) -> Parsed:
    """What a row says; no record is no mistake."""
    return Parsed(wrong=_DAMAGED) if row.is_damaged else parse_record(row.record)


def parse_record(record: str | None) -> Parsed:
    """What a record says; None: there is none, which is no mistake."""
    if record is None:
        return Parsed()
    if is_sealed(record):
        try:
            return Parsed(sealed=SealedRecord.model_validate_json(record))
        except ValidationError as error:
            return Parsed(wrong=_named(error))
    return _token(record, {})


def is_sealed(record: str) -> bool:
    """Whether a vault holds the secrets."""
    try:
        return "sealed" in json.loads(record)
    except (ValueError, TypeError, RecursionError):
        return False


def login_of(parsed: Parsed, mark: RefreshMark | None) -> StoredLogin:
    """What the core may know of a record; the vault is not asked."""
    if parsed.wrong is not None:
        return StoredLogin(token=TokenCorrupt(), mark=mark)
    if parsed.sealed is not None:
        refresh_fingerprint = parsed.sealed.refresh_fingerprint
        return StoredLogin(token=parsed.sealed.state, refresh_fingerprint=refresh_fingerprint, mark=mark)
    if parsed.token is None:
        return StoredLogin(token=TokenAbsent(), mark=mark)
    return StoredLogin(token=parsed.token.state, refresh_fingerprint=parsed.token.refresh_fingerprint, mark=mark)


def parse_mark(row: Row, refresh_fingerprint: str) -> RefreshMark | None:
    """The mark in a row; one that is damaged may have said that the refresh token was sent, so it says so.

    Args:
        row: where it stands.
        refresh_fingerprint: of the refresh token that is stored; empty: there is none.
    """
    if row.record is None:
        return None
    with contextlib.suppress(ValidationError):
        if not row.is_damaged:
            return RefreshMark.model_validate_json(row.record)
    return RefreshMark(refresh_fingerprint=refresh_fingerprint, at=0.0, is_sent=True) if refresh_fingerprint else None


def _token(record: str, facts: dict[str, Any]) -> Parsed:
    try:
        document = MaskedDict(json.loads(record))  # a traceback with locals shows the names in it
        if document.pop(_SEALED_FACTS, facts) != facts:
            return Parsed(wrong=_DAMAGED)
        return Parsed(OAuthToken(**{**document, **facts}))
    except ValidationError as error:
        return Parsed(wrong=_named(error))
    except (ValueError, TypeError, RecursionError):
        return Parsed(wrong="")


def _named(error: ValidationError) -> str:
    """The fields that do not fit, without what they hold."""
    fields = (str(part["loc"][0]) for part in error.errors(include_input=False) if part["loc"])
    return f" ({', '.join(fields)})"


def _facts(token: OAuthToken) -> dict[str, Any]:
    return token.model_dump(include=_FACTS)


def _secrets(token: OAuthToken) -> dict[str, Any]:
    return {
        "access_token": token.access_token.get_secret_value(),
        "refresh_token": token.refresh_token.get_secret_value() if token.refresh_token is not None else None,
        "extra": token.extra,
    }
