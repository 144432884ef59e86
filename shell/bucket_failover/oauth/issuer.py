"""What an issuer is asked, and what it replies: for the core without a secret, for the store with it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from bucket_failover.tokens import OAuthToken
from bucket_failover_core.oauth import GrantRefused, IssuerAnswer, TokensIssued


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of presenting a refresh token.

    Args:
        answer: what it is to the core.
        token: what was issued, if `answer` says so.
        detail: for people, never a secret: "the issuer answered 503".
    """

    answer: IssuerAnswer
    token: OAuthToken | None = None
    detail: str = ""


@runtime_checkable
class TokenIssuer(Protocol):
    """An issuer of tokens. Its calls block, may be made from any thread, and are never cancelled half way."""

    @property
    def single_use_refresh_tokens(self) -> bool:
        """Whether it takes each refresh token once."""
        ...

    def refresh(self, provider: str, bucket: str, held: OAuthToken, /, *, before_sending: Callable[[], None]) -> Reply:
        """Present the refresh token of `held`.

        Args:
            provider: whose bucket.
            bucket: which one.
            held: what is stored.
            before_sending: called when the first byte is about to be sent, and not at all if none ever is. If it
                raises, nothing is sent.

        Raises:
            TokenStoreError: from `before_sending`.
        """
        ...


def reply_of(token: OAuthToken | None) -> Reply:
    """What a plain function's answer is: a token, or None for a refusal."""
    if token is None:
        return Reply(GrantRefused())
    return Reply(TokensIssued(token=token.state, refresh_fingerprint=token.refresh_fingerprint), token)
