"""A call that blocks, and is waited for no longer than allowed; one that cannot be stopped is left to its thread."""

import contextvars
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def call_within(
    call: Callable[[], _T],
    timeout_seconds: float,
    *,
    name: str,
    late: Callable[[str], Exception],
    give_up: Callable[[], object] = lambda: None,
) -> _T:
    """What a call brings, if that comes in time.

    Args:
        call: is made in a daemon thread, with the caller's context variables.
        timeout_seconds: how long it is waited for.
        name: of the thread.
        late: makes the exception that says that the time is over.
        give_up: called at once when the wait ends without the call's end, by the clock or by an exception such as
            Ctrl-C. What the call still does is its own.

    Raises:
        Exception: what `late` has made: the call has not come to its end. Whatever the call raises.
    """
    ended: queue.SimpleQueue[tuple[list[_T], BaseException | None]] = queue.SimpleQueue()
    context = contextvars.copy_context()

    def perform() -> None:
        try:
            ended.put(([context.run(call)], None))
        except BaseException as error:  # noqa: BLE001 - it is raised again in the caller's thread
            ended.put(([], error))

    threading.Thread(target=perform, name=name, daemon=True).start()
    try:
        brought, error = ended.get(timeout=timeout_seconds)
    except queue.Empty:
        give_up()
        message = f"no answer within {timeout_seconds:g} s"
        raise late(message) from None
    except BaseException:
        give_up()
        raise
    if error is not None:
        raise error
    return brought[0]
