"""Puts a reply on the wire: at once, slowly, cut off, or not at all."""

import anyio
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from bucket_failover.testing.answers import Answer, HangUp, Reply
from bucket_failover.testing.server import hang_up


def response(reply: Reply) -> Response:
    """What starlette is to call."""
    return _HungUp() if isinstance(reply, HangUp) else _Sent(reply)


class _HungUp(Response):
    """Is none: closes the connection instead."""

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await hang_up(scope, receive)


class _Sent(Response):
    """An answer at its own pace. It ends early when the client has gone."""

    def __init__(self, answer: Answer) -> None:
        whole = isinstance(answer.body, str)
        self._pieces = (answer.body,) if isinstance(answer.body, str) else answer.body
        self._pace = answer.pace
        self._is_cut = answer.is_cut
        # Of the two only a whole answer can say how long it is.
        kind = Response(self._pieces[0]) if whole else StreamingResponse(())
        super().__init__(None, answer.status)
        kind.headers.update(answer.headers)
        self.raw_headers = kind.raw_headers

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if await _leaves(receive, within_seconds=self._pace.first_byte_seconds):
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for place, piece in enumerate(self._pieces):
            if place and await _leaves(receive, within_seconds=self._pace.piece_seconds):
                return
            await send({"type": "http.response.body", "body": piece.encode(), "more_body": True})
        if self._is_cut:
            await hang_up(scope, receive)
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _leaves(receive: Receive, *, within_seconds: float) -> bool:
    """Wait that long, or until the client has gone or the server ends: did one of these happen?"""
    if not within_seconds:
        return False
    with anyio.move_on_after(within_seconds):
        await receive()  # the body has been read to its end, so the next message is the disconnect
        return True
    return False
