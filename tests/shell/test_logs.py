"""The log: what is told, at which level, with which fields, and that nothing secret is in it."""

import logging

import pytest

from bucket_failover import FailoverContext, Verdict, classify_failure
from bucket_failover_core import BucketFinding, CallFailure
from tests.support.house import House, live
from tests.support.line import THREE, Line
from tests.support.people import CallError, token


def events(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[str]:
    """The events at this level and above, in order."""
    return [vars(record)["event"] for record in caplog.records if record.levelno >= level]


@pytest.fixture(autouse=True)
def _listening(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="bucket_failover")


@pytest.mark.requirement("REQ-1598-LD01")
@pytest.mark.requirement("REQ-1598-LD02")
@pytest.mark.requirement("REQ-1598-LD03")
def test_a_failover_is_told_from_its_start_to_the_switch(caplog: pytest.LogCaptureFixture) -> None:
    """Each classification is the core's own finding."""
    house = House(live("default", "vybestack"))
    house.try_failover(FailoverContext(triggering_status=429))
    assert events(caplog) == ["failover-started", "bucket-classified", "bucket-classified", "bucket-switched"]
    started, first, second, switched = (vars(record) for record in caplog.records if record.levelno >= logging.INFO)
    assert (started["provider"], started["bucket"], started["status"]) == ("anthropic", "default", 429)
    assert first["finding"] == BucketFinding(bucket="default", fact="call-refused-for-quota")
    assert first["message"] == "anthropic: default: the provider refused the call for its quota [quota-exhausted]"
    assert (second["bucket"], second["reason"]) == ("claudius", "no-token")
    assert (switched["former"], switched["bucket"], switched["via"]) == ("default", "vybestack", "token")


@pytest.mark.requirement("REQ-1598-LD04")
@pytest.mark.requirement("REQ-1598-LD05")
@pytest.mark.requirement("REQ-1598-LD06")
def test_what_concerns_people_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """Before a login is asked for, when it has failed, and before the exhaustion error."""
    house = House({}, ["default", "claudius"])
    house.try_failover(None)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings[0] == "anthropic: claudius: a login is needed; waiting for it for up to 300 s"
    assert warnings[1] == "anthropic: claudius: the login failed: PermissionError"
    assert warnings[2].startswith("anthropic: Log in to default or claudius. No bucket of anthropic can be used: ")
    assert len(warnings) == 3


@pytest.mark.requirement("REQ-1598-CL02")
@pytest.mark.requirement("REQ-1598-CL04")
@pytest.mark.requirement("REQ-1598-SE01")
def test_no_secret_is_in_any_record(caplog: pytest.LogCaptureFixture) -> None:
    """Not even where the issuer's exception has one in its text."""
    house = House({"default": token("old", expiry=1.0), "claudius": token("refused", expiry=1.0)})
    house.issuer.refreshes = {"default": [RuntimeError("access-of-old")], "claudius": [None]}
    house.try_failover(None)
    told = "".join(str(vars(record)) + record.getMessage() for record in caplog.records)
    assert "the refresh was refused" in told
    assert "no refresh: RuntimeError" in told
    for name in ("old", "refused"):
        assert f"access-of-{name}" not in told
        assert f"refresh-of-{name}" not in told


def test_a_retry_is_told_step_by_step(caplog: pytest.LogCaptureFixture) -> None:
    """The call, the wait, the refresh, and the end."""
    line = Line(*THREE)
    line.faults["default"] = [CallError(500), CallError(401)]
    line.faults["claudius"] = [CallError(400)]
    with pytest.raises(CallError):
        line.call()
    assert events(caplog) == [
        "call-failed",
        "retry-waits",
        "call-failed",
        "refresh-wanted",
        "step-done",
        "failover-started",
        "bucket-classified",
        "bucket-switched",
        "call-failed",
        "gave-up",
    ]
    waits = next(record for record in caplog.records if vars(record)["event"] == "retry-waits")
    assert waits.getMessage() == "anthropic: default: calling again in 5.0 s"


def test_a_bucket_healed_in_place_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """The request goes on with it."""
    house = House({"default": token("old", expiry=1.0)})
    house.issuer.refreshes["default"] = [token("new")]
    house.try_failover(FailoverContext(verdict=_verdict(500)))
    assert events(caplog) == ["failover-started", "bucket-healed"]
    assert caplog.records[-1].getMessage() == "anthropic: default: usable again (via refresh)"


def test_what_no_logger_takes_is_not_put_together(caplog: pytest.LogCaptureFixture) -> None:
    """With the logger off, nothing is formatted and nothing fails."""
    caplog.set_level(logging.CRITICAL, logger="bucket_failover")
    house = House({}, ["default", "claudius"])
    house.try_failover(None)
    assert caplog.records == []


def _verdict(status: int) -> Verdict:
    return classify_failure(CallFailure(status=status), now=0.0).unwrap()
