"""After a failed call: search a bucket that works, and remember what requests in flight share."""

from bucket_failover.handler.asynchronous import BucketFailoverHandlerImpl
from bucket_failover.handler.context import Bucket, FailoverContext
from bucket_failover.handler.entries import HandlerSnapshot
from bucket_failover.handler.protocol import BucketFailoverHandler, SyncBucketFailoverHandler
from bucket_failover.handler.synchronous import SyncBucketFailoverHandlerImpl

__all__ = [
    "Bucket",
    "BucketFailoverHandler",
    "BucketFailoverHandlerImpl",
    "FailoverContext",
    "HandlerSnapshot",
    "SyncBucketFailoverHandler",
    "SyncBucketFailoverHandlerImpl",
]
