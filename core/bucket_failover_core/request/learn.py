"""What has happened becomes what all requests know: tokens, limits, readings, refusals, logins, probes, the budget.

Rules, none of which depends on the order in which events are told, the bucket in use aside:

* Of two events about one token the later `at` counts; at the same moment what a refresh or a login has brought.
* Limits join those that are believed (`merge_limits`), wider ones in the whole quota domain. A success disproves
  advisory ones that were observed before its call began, and a window that is reported open those that were observed
  before that. Both are remembered, because the limit may be told later.
* A refused token is believed to be refused for a while (`refused_tokens`).
* A user's no to a login counts until the bucket's token is another one.
* A retry takes from the budget when its call begins; a success gives back.

Road not taken: to tell each request in flight what the others have heard. A burst then costs the square of its size.
"""

from typing import assert_never

from bucket_failover_core.answers.read import AnswerRead
from bucket_failover_core.facts.snapshots import BucketSnapshot
from bucket_failover_core.facts.tokens import TokenHeld
from bucket_failover_core.failover.advance import refresh_detail
from bucket_failover_core.request.events import CallAnswered, CallBegun, RequestEvent
from bucket_failover_core.request.learn_quota import heard, with_served
from bucket_failover_core.request.learn_tokens import (
    learn_busy,
    learn_ended,
    learn_login_failed,
    learn_token,
    moment_of,
)
from bucket_failover_core.request.refused_tokens import refuses, with_refusal
from bucket_failover_core.request.session import AccountFacts, SessionSnapshot, replaced_at
from bucket_failover_core.retry.budget import refund_retry, spend_retry

_Facts = dict[str, object]


def learn(session: SessionSnapshot, event: RequestEvent) -> SessionSnapshot:
    """The session with one more fact.

    Example: after `CallAnswered` with a 429 that names a week, every request knows that the bucket is spent.

    Args:
        session: the session; it is not changed.
        event: what happened. It is told to the request as well (`advance_request`). One about a bucket that a reset has
            removed changes nothing.

    Raises:
        ValueError: an event about a token does not say when (`at`).
    """
    match event.kind:
        case "call-answered":
            return _answered(session, event)
        case "call-begun":
            return _begun(session, event)
        case "token-read":
            return learn_token(session, event.bucket, event.token, moment_of(event.at), api_key=event.api_key)
        case "token-refreshed":
            at = moment_of(event.at)
            return learn_ended(
                learn_token(session, event.bucket, event.token, at, by="refresh"), event.bucket, "refresh", at, ""
            )
        case "refresh-failed":
            ended = learn_ended(session, event.bucket, "refresh", moment_of(event.at), refresh_detail(event))
            return learn_busy(ended, event.bucket, event.retry_at)
        case "reauthenticated":
            at = moment_of(event.at)
            return learn_ended(
                learn_token(session, event.bucket, event.token, at, by="reauth"), event.bucket, "login", at, ""
            )
        case "reauth-failed":
            return learn_login_failed(session, event)
        case "bucket-switched":
            return _moved(session, event.bucket)
        case "search-failed":
            return session
        case never:
            assert_never(never)


def _begun(session: SessionSnapshot, event: CallBegun) -> SessionSnapshot:
    """The session moves, a probe is claimed, a retry is paid."""
    place = session.profile.place_of(event.bucket)
    if place is None:
        return session
    facts: _Facts = {}
    profile: _Facts = {"current": event.bucket} if event.moves else {}
    bucket = session.profile.buckets[place]
    if event.is_counted:
        facts["calls"] = bucket.calls + 1
    if event.is_probe:
        facts["probed_at"] = event.at if bucket.probed_at is None else max(bucket.probed_at, event.at)
    if facts:
        profile["buckets"] = replaced_at(session.profile.buckets, place, bucket.evolve(facts))
    changes: _Facts = {"profile": session.profile.evolve(profile)} if profile else {}
    if event.is_retry and session.budget is not None:
        changes["budget"] = spend_retry(session.budget, now=event.at).value_or(session.budget)
    return session.evolve(changes) if changes else session


def _moved(session: SessionSnapshot, bucket: str) -> SessionSnapshot:
    if session.profile.place_of(bucket) is None:
        return session
    return session.evolve({"profile": session.profile.evolve({"current": bucket})})


def _answered(session: SessionSnapshot, event: CallAnswered) -> SessionSnapshot:
    """What an answer says of the account, apart from what it means for its request."""
    place = session.profile.place_of(event.bucket)
    if place is None:
        return session
    answer, accounts = event.answer, session.accounts
    account = accounts[place]
    changes: _Facts = {}
    if answer.served:
        changes["accounts"] = replaced_at(accounts, place, _served(account, event, answer))
        budget = session.budget
        if budget is not None and budget.left is not None:
            changes["budget"] = refund_retry(budget, now=answer.at)
    elif refuses(event) and _still_refuses(session.profile.buckets[place], account, event):
        refusals = with_refusal(account.refusals, event)
        changes["accounts"] = replaced_at(accounts, place, account.evolve({"refusals": refusals}))
    return heard(session.evolve(changes) if changes else session, place, answer)


def _still_refuses(bucket: BucketSnapshot, account: AccountFacts, event: CallAnswered) -> bool:
    """Whether the token that this answer refuses was neither served with later, nor replaced."""
    served, token, at = account.served_token, bucket.token, event.answer.at
    if served is not None and served[0] == event.fingerprint and served[1] >= at:
        return False
    is_another = type(token) is TokenHeld and token.fingerprint != event.fingerprint
    return not (is_another and account.changed_at is not None and account.changed_at > at)


def _served(account: AccountFacts, event: CallAnswered, answer: AnswerRead) -> AccountFacts:
    """A token that has served is not refused: neither by what came before, nor by what is told of that later."""
    at, used, known = answer.at, event.fingerprint, account.served_token
    facts: _Facts = {"served": with_served(account.served, answer.model, event.begun_at)}
    if used and account.refusals:
        facts["refusals"] = tuple(old for old in account.refusals if old.fingerprint != used or old.at > at)
    if used and (known is None or (known[1], known[0]) < (at, used)):
        facts["served_token"] = (used, at)
    return account.evolve(facts)
