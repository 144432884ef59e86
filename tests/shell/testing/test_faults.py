"""Faults on request over real HTTP: what the client sees, who is hit, and in which order."""

import httpx2
import pytest

from bucket_failover.testing import HAIKU, Quota
from tests.shell.testing.stage import error, refusal, stage


def test_an_overload_happens_as_often_as_asked_and_then_no_more() -> None:
    """529 twice, then the haiku; nothing of the quota is spent by the faults."""
    with stage(Quota(requests=1, window_seconds=60)) as at:
        token = at.provider.issue("a").access_token
        at.provider.overload(2)
        assert error(at.ask(token)) == (529, "overloaded_error", "Fault on request")
        assert [at.ask(token).status_code for _ in range(3)] == [529, 200, 429]


def test_a_fault_comes_before_the_credential_is_looked_at() -> None:
    """An overloaded gateway does not know who asks."""
    with stage() as at:
        at.provider.fail_next(500)
        assert error(at.ask("nobodys"))[:2] == (500, "api_error")
        assert at.ask("nobodys").status_code == 401


def test_faults_of_one_account_wait_for_it_in_their_order() -> None:
    """Another account passes them by; the caller that comes next takes what is for every account."""
    with stage() as at:
        at.provider.add_account("b")
        a, b = at.provider.issue("a").access_token, at.provider.issue("b").access_token
        at.provider.fail_next(402, account="a")
        at.provider.fail_next(503)
        at.provider.fail_next(403, account="a")
        assert [at.ask(token).status_code for token in (b, b, a, a, a)] == [503, 200, 402, 403, 200]


@pytest.mark.parametrize(
    ("retry_after", "header"),
    [(5, "5"), (0.5, "0.5"), ("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:00 GMT"), (None, None)],
)
def test_retry_after_is_sent_as_it_is(retry_after: float | str | None, header: str | None) -> None:
    """Seconds, a date, nonsense, or nothing."""
    with stage() as at:
        at.provider.fail_next(429, retry_after=retry_after)
        response = at.ask("whoever")
    assert error(response)[:2] == (429, "rate_limit_error")
    assert response.headers.get("retry-after") == header


@pytest.mark.parametrize("place", ["messages", "token"])
def test_a_body_of_ones_own_is_sent_as_it_is(place: str) -> None:
    """JSON as it was when the fault was ordered, or text, such as a gateway's page."""
    with stage() as at:
        body = {"error": "invalid_grant"}
        at.provider.fail_next(400, at=place, body=body)  # type: ignore[arg-type] # pytest hands over plain text
        body.clear()
        at.provider.fail_next(200, at=place, body="<html>Sign in to the hotel's network</html>")  # type: ignore[arg-type] # as above
        responses = [at.ask("x") if place == "messages" else at.refresh("x") for _ in range(2)]
    assert (responses[0].status_code, responses[0].json()) == (400, {"error": "invalid_grant"})
    assert (responses[1].status_code, responses[1].text[:6]) == (200, "<html>")
    assert responses[1].headers["content-type"].startswith("text/plain")


def test_the_token_endpoint_fails_in_its_own_shape_and_uses_no_refresh_token_up() -> None:
    """After the faults the same refresh token is good, and no caller counts as having reused it."""
    with stage() as at:
        at.provider.add_account("b")
        token, other = at.provider.issue("a"), at.provider.issue("b")
        for status in (503, 500, 401):
            at.provider.fail_next(status, at="token", account="a", retry_after=1)
        assert at.refresh(other.refresh_token).status_code == 200
        refusals = [at.refresh(token.refresh_token) for _ in range(3)]
        assert at.ask(token.access_token).status_code == 200
        assert at.refresh(token.refresh_token).status_code == 200
        assert (at.provider.refreshes("a"), at.provider.reuses) == (1, 0)
        at.provider.fail_next(500, at="token", account="a")
        assert at.redeem(at.code()).status_code == 500
    assert [refusal(response)[:2] for response in refusals] == [
        (503, "temporarily_unavailable"),
        (500, "server_error"),
        (401, "invalid_client"),
    ]
    assert refusals[0].headers["retry-after"] == "1"


def test_a_connection_that_is_closed_brings_no_answer() -> None:
    """The client sees a broken connection, the record a request without a status; the next one is answered."""
    with stage() as at:
        token = at.provider.issue("a")
        at.provider.disconnect_next(account="a")
        at.provider.disconnect_next(at="token")
        with pytest.raises(httpx2.RemoteProtocolError):
            at.ask(token.access_token)
        with pytest.raises(httpx2.RemoteProtocolError):
            at.refresh(token.refresh_token)
        assert at.ask(token.access_token).status_code == 200
        assert [(request.account, request.status) for request in at.provider.requests] == [
            ("a", None),
            ("a", None),
            ("a", 200),
        ]


@pytest.mark.parametrize(("after_pieces", "words"), [(0, 0), (2, 2), (999, 14)])
def test_a_stream_breaks_after_so_many_words(after_pieces: int, words: int) -> None:
    """200, the beginning, an error event, the end."""
    with stage() as at:
        token = at.provider.issue("a").access_token
        at.provider.break_stream_next(after_pieces=after_pieces)
        broken, whole = at.ask(token, stream=True), at.ask(token, stream=True)
    kinds = [line.removeprefix("event: ") for line in broken.text.split("\n") if line.startswith("event: ")]
    assert broken.status_code == 200
    assert kinds == ["message_start", "content_block_start", *["content_block_delta"] * words, "error"]
    assert broken.text.endswith('"error": {"type": "overloaded_error", "message": "Overloaded"}}\n\n')
    assert whole.text.rstrip().endswith('{"type": "message_stop"}')


def test_a_fault_that_breaks_a_stream_waits_for_a_stream_that_is_let_in() -> None:
    """No plain request, no malformed one and no stranger uses it up; faults behind it do not wait for it."""
    with stage(Quota(requests=2, window_seconds=60)) as at:
        token = at.provider.issue("a").access_token
        at.provider.break_stream_next(account="a")
        at.provider.fail_next(503, account="a")
        assert at.ask(token).status_code == 503
        assert at.ask(token).json()["content"][0]["text"] == HAIKU[0]
        assert at.ask("nobodys", stream=True).status_code == 401
        assert at.ask(token, stream=True, max_tokens=0).status_code == 400
        assert "event: error" in at.ask(token, stream=True).text
        assert at.ask(token, stream=True).status_code == 429
