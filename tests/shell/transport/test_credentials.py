"""Where a transport puts a credential, where it does not, and what it reads of a request."""

from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from bucket_failover import Bucket, MemoryTokenStore, OAuthToken, Profile
from bucket_failover.testing import EmbeddedProvider, Quota
from bucket_failover.transport import PLACEHOLDER
from tests.support.callers import Script, Waits, calling
from tests.support.scripted import ASK, NOW, both_families_both_loops, marks, served, spent


@both_families_both_loops
class TestCredentials:
    """Where a credential stands, and where it does not go."""

    @pytest.mark.parametrize(
        ("provider", "sent", "arrives"),
        [
            ("anthropic", {"x-api-key": PLACEHOLDER}, ("x-api-key", "k1")),
            ("anthropic", {"authorization": f"Bearer {PLACEHOLDER}"}, ("authorization", "Bearer k1")),
            ("anthropic", {}, ("x-api-key", "k1")),
            ("anthropic", {"Authorization": "Bearer a-key-of-the-caller"}, ("x-api-key", "k1")),
            ("openai", {"api-key": PLACEHOLDER}, ("api-key", "k1")),
            ("google", {}, ("x-goog-api-key", "k1")),
        ],
    )
    def test_where_a_key_stands(self, kind: str, provider: str, sent: dict[str, str], arrives: tuple[str, str]) -> None:
        """In the placeholder's place; else where the provider wants it; and no other one beside it."""
        script = Script(k1=[served])
        with script.serve() as url, calling(kind, keys=["k1"], provider=provider, base_url=url) as caller:
            caller.send("POST", f"{url}/v1/x?key={PLACEHOLDER}&alt=sse", headers=sent)
        (received,) = script.received
        assert received.headers[arrives[0]] == arrives[1]
        assert "a-key-of-the-caller" not in str(received)
        assert PLACEHOLDER not in str(received).replace("x-bucket-failover", "")
        assert received.query == "alt=sse"

    def test_elsewhere_no_credential_goes(self, kind: str) -> None:
        """A redirect to another host, or a file that is somewhere else."""
        elsewhere = Script()
        with elsewhere.serve() as other:
            script = Script(k1=[lambda: Response(status_code=307, headers={"location": f"{other}/file"})])
            options: dict[str, Any] = {"keys": ["k1"], "client": {"follow_redirects": True}}
            with script.serve() as url, calling(kind, provider="anthropic", base_url=url, **options) as caller:
                assert caller.send("GET", f"{url}/v1/x", headers={"x-api-key": PLACEHOLDER}).status_code == 404
        assert elsewhere.keys == [""]

    def test_a_bucket_may_be_another_endpoint(self, kind: str) -> None:
        """With its own address, and headers that go with it."""
        there, here = Script(k2=[served]), Script(k1=[spent])
        store = MemoryTokenStore()
        for name in ("k1", "k2"):
            store.write("anthropic", name, OAuthToken.from_api_key(name))
        with there.serve() as other, here.serve() as url:
            buckets = (
                Bucket("k1", api_key=True),
                Bucket("k2", api_key=True, base_url=f"{other}/eu/v1", headers={"anthropic-workspace": "w"}),
            )
            profile = Profile(provider="anthropic", buckets=buckets)
            with calling(kind, profile=profile, store=store, base_url=f"{url}/v1") as caller:
                assert caller.send("POST", f"{url}/v1/messages?beta=true", json=ASK).status_code == 200
        (received,) = there.received
        assert (received.path, received.query) == ("/eu/v1/messages", "beta=true")
        assert received.headers["anthropic-workspace"] == "w"
        assert received.headers["host"] == other.removeprefix("http://")

    def test_a_login_is_a_bearer_token_with_what_belongs_to_it(self, kind: str) -> None:
        """The provider's own header joins those that the client has set."""
        script = Script(t=[served])
        store = MemoryTokenStore()
        store.write("anthropic", "default", OAuthToken.model_validate({"access_token": "t", "expiry": 9e9}))
        profile = Profile(provider="anthropic", buckets=(Bucket("default"),))
        with script.serve() as url, calling(kind, profile=profile, store=store, base_url=url) as caller:
            headers = {"x-api-key": PLACEHOLDER, "anthropic-beta": "tools-1"}
            caller.send("POST", f"{url}/v1/messages", json=ASK, headers=headers)
        (received,) = script.received
        assert received.headers["authorization"] == "Bearer t"
        assert "x-api-key" not in received.headers
        assert received.headers["anthropic-beta"] == "tools-1,oauth-2025-04-20"

    def test_a_credential_that_no_header_carries_is_no_dead_end(self, kind: str) -> None:
        """The next bucket serves, and no exception shows the credential."""
        script = Script(k2=[served])
        options: dict[str, Any] = {"keys": {"büro": "kéy", "other": "k2"}, "waits": Waits(NOW)}
        with script.serve() as url, calling(kind, base_url=url, **options) as caller:
            answer = caller.send("POST", f"{url}/v1/chat/completions", json=ASK)
        assert marks(answer)[0] == "other"

    def test_a_name_that_no_header_carries_is_written_out(self, kind: str) -> None:
        """As an address would write it."""
        script = Script(k1=[served])
        with script.serve() as url, calling(kind, keys={"büro\u2028": "k1"}, base_url=url) as caller:
            assert marks(caller.send("GET", f"{url}/v1/models"))[0] == "b%C3%BCro%E2%80%A8"


@both_families_both_loops
class TestWhatIsRead:
    """Model and conversation of a request."""

    def test_a_limit_of_a_model_benches_that_model(self, kind: str) -> None:
        """Another model is still asked with the first bucket."""
        error = {"error": {"message": "Rate limit reached for opus", "code": "rate_limit_exceeded"}}

        def of_one_model() -> Response:
            headers = {"retry-after": "7200", "x-ratelimit-remaining-requests": "0"}
            return JSONResponse(error, 429, headers | {"x-ratelimit-reset-requests": "2h0m0s"})

        script = Script(k1=[of_one_model, served], k2=[served])
        with script.serve() as url, calling(kind, keys=["k1", "k2"], base_url=url) as caller:
            assert marks(caller.send("POST", f"{url}/v1/chat/completions", json=ASK))[0] == "key-2"
            snapshot = caller.transport.handler.snapshot().session.profile
        assert {limit.model for limit in snapshot.buckets[0].limits} <= {"opus", None}
        assert snapshot.buckets[0].limits

    def test_a_conversation_stays_with_its_bucket(self, kind: str) -> None:
        """By a header of the caller's, which goes no further."""
        script = Script(**{f"k{number}": [served] for number in range(8)})
        store = MemoryTokenStore()
        buckets = tuple(Bucket(f"k{number}", api_key=True) for number in range(8))
        for bucket in buckets:
            store.write("openai", bucket.name, OAuthToken.from_api_key(bucket.name))
        profile = Profile(provider="openai", buckets=buckets, strategy="round-robin")
        with script.serve() as url, calling(kind, profile=profile, store=store, base_url=url) as caller:
            for number in range(8):
                headers = {"x-bucket-failover-session": f"conversation {number % 2}"}
                caller.send("POST", f"{url}/v1/chat/completions", json=ASK, headers=headers)
        assert script.keys[:2] * 4 == script.keys
        assert all("x-bucket-failover-session" not in each.headers for each in script.received)


@both_families_both_loops
class TestLogins:
    """A profile of logins: tokens that end, are refused, and are refreshed by a real issuer."""

    def test_an_expired_token_is_refreshed_on_the_way(self, kind: str) -> None:
        """And the new one is stored before it is used."""
        provider = EmbeddedProvider()
        provider.add_account("work", quota=Quota(requests=0, window_seconds=18_000, window="5h"))
        provider.add_account("private")
        store = MemoryTokenStore()
        for name in ("work", "private"):
            issued = provider.issue(name, expired=True)
            fields = {"refresh_token": issued.refresh_token, "expiry": issued.expires_at}
            token = OAuthToken.model_validate(fields | {"access_token": issued.access_token})
            store.write("anthropic", name, token)
        with provider.serve_in_thread() as url:
            oauth = {"token_endpoint": f"{url}/oauth/token", "client_id": "x"}
            names = {"provider": "anthropic", "buckets": ["work", "private"]}
            profile = Profile.model_validate(names | {"oauth": oauth})
            with calling(kind, profile=profile, store=store, base_url=url) as caller:
                answer = caller.send("POST", f"{url}/v1/messages", json=ASK)
        assert (answer.status_code, marks(answer)[0]) == (200, "private")
        assert (provider.refreshes("work"), provider.refreshes("private"), provider.reuses) == (1, 1, 0)
