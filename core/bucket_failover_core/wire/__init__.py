"""What stands in a request, and in an answer of our own: for whatever sits between a client and its provider."""

from bucket_failover_core.wire.asked import SESSION_HEADER, SESSION_HEADERS, Asked, read_asked
from bucket_failover_core.wire.credential_place import (
    CREDENTIAL_HEADERS,
    CREDENTIAL_PARAMETERS,
    CredentialPlace,
    credential_place,
    provider_address,
)
from bucket_failover_core.wire.exhausted_answer import ExhaustedAnswer, exhausted_answer
from bucket_failover_core.wire.stream_head import StreamHead, read_stream_head

__all__ = [
    "CREDENTIAL_HEADERS",
    "CREDENTIAL_PARAMETERS",
    "SESSION_HEADER",
    "SESSION_HEADERS",
    "Asked",
    "CredentialPlace",
    "ExhaustedAnswer",
    "StreamHead",
    "credential_place",
    "exhausted_answer",
    "provider_address",
    "read_asked",
    "read_stream_head",
]
