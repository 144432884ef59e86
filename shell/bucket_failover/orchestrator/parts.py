"""Are the parts of an orchestrator what they are taken for? A wrong one is told when it is handed in, by its name.

A stand-in that answers to any name is taken for what it stands for.
"""

import inspect
from typing import Final

_OF_A_HANDLER: Final = "try_failover"
_OF_A_MANAGER: Final = "get_oauth_token"


def check_parts(handler: object, manager: object, *, with_loop: bool) -> None:
    """Refuse a handler or a token manager that is something else, or of the other kind.

    Args:
        handler: what is to be the handler.
        manager: what is to be the token manager.
        with_loop: the orchestrator is the one for an event loop.

    Raises:
        TypeError: one of them is not.
    """
    _check("handler", "failover handler", handler, _OF_A_HANDLER)
    _check("oauth_manager", "token manager", manager, _OF_A_MANAGER)
    for name, part, method in (("handler", handler, "try_failover"), ("oauth_manager", manager, "get_oauth_token")):
        own = getattr(type(part), method, None)
        is_ours = type(part).__module__.partition(".")[0] == "bucket_failover"
        if not inspect.isfunction(own) or inspect.iscoroutinefunction(own) == with_loop:
            continue
        if is_ours or not with_loop:  # a foreign one may answer an awaitable without being a coroutine function
            other = "SyncRetryOrchestrator" if with_loop else "RetryOrchestrator"
            how = "needs no event loop" if with_loop else "needs an event loop"
            message = f"{name}: a {type(part).__name__} {how}; it is for {other}"
            raise TypeError(message)


def _check(name: str, what: str, part: object, method: str) -> None:
    if not hasattr(part, method):
        message = f"{name}: a {type(part).__name__} is no {what}; the handler comes first"
        raise TypeError(message)


def refuse_coroutine(result: object) -> None:
    """Refuse what an operation for the orchestrator without an event loop must not return.

    Raises:
        TypeError: it is a coroutine.
    """
    if inspect.iscoroutine(result):
        result.close()
        message = "operation: it has returned a coroutine, which needs an event loop; use RetryOrchestrator"
        raise TypeError(message)
