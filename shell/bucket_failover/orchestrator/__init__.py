"""The retry loop around a call, with and without an event loop."""

from bucket_failover.orchestrator.request import ActiveBucket
from bucket_failover.orchestrator.retry_loops import RetryOrchestrator, SyncRetryOrchestrator

__all__ = ["ActiveBucket", "RetryOrchestrator", "SyncRetryOrchestrator"]
