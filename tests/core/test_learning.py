"""What a session learns of logins: a person's no counts until the bucket has a login again."""

import pytest

from bucket_failover_core import (
    FailoverSnapshot,
    Reauthenticated,
    ReauthFailed,
    TokenAbsent,
    TokenRefreshed,
    learn_login,
    learn_use,
)
from tests.support.worlds import bucket, named, profile

SESSION = profile(bucket("a"), bucket("b"))
NO = ReauthFailed(bucket="a", detail="no", declined=True)


def refused(session: FailoverSnapshot) -> tuple[bool, bool]:
    """Whether `a` and `b` are not asked about again."""
    return named(session, "a").reauth_spent, named(session, "b").reauth_spent


def test_a_no_means_no_more_windows() -> None:
    """For that bucket (lesson 20)."""
    assert refused(learn_login(SESSION, NO)) == (True, False)


@pytest.mark.parametrize(
    "event",
    [
        ReauthFailed(bucket="a", timed_out=True),
        ReauthFailed(bucket="a", detail="broken"),
        TokenRefreshed(bucket="a", token=TokenAbsent()),
    ],
)
def test_nothing_else_does(event: ReauthFailed | TokenRefreshed) -> None:
    """The person may have been away."""
    assert learn_login(SESSION, event) == SESSION


def test_a_login_lifts_it_whoever_has_brought_it() -> None:
    """Ours, or one that a request has found."""
    session = learn_login(SESSION, NO)
    assert learn_login(session, Reauthenticated(bucket="a", token=TokenAbsent())) == SESSION
    assert learn_use(session, "a") == SESSION
    assert learn_use(session, "b") == session


def test_an_unknown_bucket_is_a_mistake() -> None:
    """It is named."""
    with pytest.raises(ValueError, match="'c' is not a bucket"):
        learn_use(SESSION, "c")
