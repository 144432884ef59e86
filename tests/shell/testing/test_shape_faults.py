"""Faults on request in every shape: overloads, streams that break or are cut off, and slow answers."""

import contextlib
import time

import httpx2
import pytest

from bucket_failover.testing import HAIKU, Quota
from tests.shell.testing.shapes import GEMINI, WAYS, Way, events
from tests.shell.testing.stage import Stage, stage

OVERLOADS = {
    "messages": (529, "overloaded_error"),
    "chat_completions": (503, "server_is_overloaded"),
    "responses": (503, "server_is_overloaded"),
    "generate_content": (503, "UNAVAILABLE"),
}
ENDS = {
    "messages": "message_stop",
    "chat_completions": "[DONE]",
    "responses": "response.completed",
    "generate_content": "STOP",
}
"""What stands in no stream but in one that has come to its end."""

in_every_shape = pytest.mark.parametrize("name", WAYS)


def until_it_breaks(at: Stage, way: Way, secret: str) -> str:
    """What comes of a stream before the connection is closed."""
    read: list[str] = []
    with way.streaming(at.client, secret) as response:
        assert response.status_code == 200
        with pytest.raises(httpx2.RemoteProtocolError, match="incomplete"):
            read.extend(response.iter_text())
    return "".join(read)


@in_every_shape
def test_an_overload_is_what_the_api_calls_one(name: str) -> None:
    """Status and name; the record has the endpoint."""
    with stage() as at:
        at.provider.overload()
        response = WAYS[name].ask(at, "any")
        assert [request.endpoint for request in at.provider.requests] == [name]
    status, word = OVERLOADS[name]
    assert (response.status_code, word in response.text) == (status, True)


@in_every_shape
def test_a_broken_stream_ends_in_the_apis_own_error(name: str) -> None:
    """After so many words; Messages and Responses give the event a name, the others an object."""
    with stage() as at:
        token = at.provider.issue("a").access_token
        at.provider.break_stream_next(after_pieces=2)
        broken, whole = (WAYS[name].ask(at, token, stream=True) for _ in range(2))
    assert (broken.status_code, whole.status_code) == (200, 200)
    event, error = events(broken.text)[-1]
    assert isinstance(error, dict)
    assert event == ("error" if name in {"messages", "responses"} else "")
    assert ("error" in error) == (name != "responses")
    assert OVERLOADS[name][1] in str(error)
    assert HAIKU[0].split()[1] in broken.text
    assert HAIKU[0].split()[2] not in broken.text
    assert ENDS[name] in whole.text
    assert ENDS[name] not in broken.text


@in_every_shape
@pytest.mark.parametrize("after_pieces", [0, 2, 99])
def test_a_stream_that_is_reset_has_no_end(name: str, after_pieces: int) -> None:
    """So many words, and the connection is closed; the next stream is whole."""
    with stage() as at:
        token = at.provider.issue("a").access_token
        at.provider.reset_stream_next(after_pieces=after_pieces)
        read = until_it_breaks(at, WAYS[name], token)
        assert ENDS[name] in WAYS[name].ask(at, token, stream=True).text
        assert at.statuses() == [200, 200]
    words = HAIKU[0].split()
    said = [word in read for word in (words[0], words[1], words[2], words[-1], ENDS[name])]
    assert said == [after_pieces > 0, after_pieces > 1, after_pieces > 2, after_pieces > 13, False]


@in_every_shape
def test_a_slow_answer_is_slow_and_whole(name: str) -> None:
    """The first byte late, and a wait before each further piece; the next answer is as fast as ever."""
    with stage() as at:
        token = at.provider.issue("a").access_token
        at.provider.slow_next(first_byte_seconds=0.1, piece_seconds=0.01)
        began = time.monotonic()
        slow = WAYS[name].ask(at, token, stream=True)
        took = time.monotonic() - began
        fast = WAYS[name].ask(at, token, stream=True)
    assert took >= 0.1 + 13 * 0.01
    assert len(events(slow.text)) == len(events(fast.text))


def test_a_plain_answer_can_be_late() -> None:
    """A client that waits no longer than its patience sees a timeout; one that waits gets the answer."""
    with stage() as at:
        token = at.provider.issue("a").access_token
        at.provider.slow_next(first_byte_seconds=0.2, times=2)
        with pytest.raises(httpx2.ReadTimeout):
            at.client.post(
                "/v1/messages",
                headers={"authorization": f"Bearer {token}"},
                json=WAYS["messages"].question,
                timeout=0.05,
            )
        assert at.ask(token).json()["content"][0]["text"] == HAIKU[1]
        assert at.statuses() == [200, 200]


def test_the_end_of_the_server_waits_for_no_slow_answer() -> None:
    """A minute's answer is cut off with the server."""
    with httpx2.Client(trust_env=False) as http, contextlib.ExitStack() as streaming:
        with stage() as at:
            token = at.provider.issue("a").access_token
            at.provider.slow_next(piece_seconds=60)
            http.base_url = at.base_url
            response = streaming.enter_context(GEMINI.streaming(http, token))
            began = time.monotonic()
        assert time.monotonic() - began < 5
        with pytest.raises(httpx2.TransportError):
            response.read()


def test_what_spoils_an_answer_waits_for_one() -> None:
    """No refusal uses it up: neither a malformed request, nor a stranger's, nor one beyond the quota."""
    with stage(Quota(requests=1, window_seconds=60)) as at:
        token = at.provider.issue("a").access_token
        at.provider.slow_next(first_byte_seconds=0.1)
        assert at.ask("wrong").status_code == 401
        assert at.ask(token, max_tokens=0).status_code == 400
        began = time.monotonic()
        assert at.ask(token).status_code == 200
        assert time.monotonic() - began >= 0.1
        at.provider.slow_next(first_byte_seconds=60)
        assert at.ask(token).status_code == 429


@in_every_shape
def test_a_connection_can_be_closed_without_an_answer(name: str) -> None:
    """In every shape."""
    with stage() as at:
        at.provider.disconnect_next()
        with pytest.raises(httpx2.RemoteProtocolError):
            WAYS[name].ask(at, "any")
        assert at.statuses() == [None]
