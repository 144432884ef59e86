"""What has happened becomes what all requests know: tokens, limits, readings, refusals, logins, probes, the budget.

Rules, none of which depends on the order in which events are told, the bucket in use aside:

* Of two events about one token the later `at` counts; at the same moment what a refresh or a login has brought.
* Limits join those that are believed (`merge_limits`), wider ones in the whole quota domain. A success disproves
  advisory ones that were observed before its call began, and a window that is reported open those that were observed
  before that. Both are remembered, because the limit may be told later.
* A refused token (401) is believed to be refused until its bucket holds another one or it is served with.
* A person's no to a login counts until the bucket's token is another one.
* A retry takes from the budget when its call begins; a success gives back.

Road not taken: to tell each request in flight what the others have heard. A burst then costs the square of its size.
"""

from collections.abc import Callable
from typing import TypeVar, assert_never

from bucket_failover_core.answers.read import AnswerRead
from bucket_failover_core.facts.causes import Cause
from bucket_failover_core.facts.limits import SHARED_SCOPES, Limit, counts_for, is_directive, is_shared, merge_limits
from bucket_failover_core.facts.snapshots import BucketSnapshot, Renewer, has_limits
from bucket_failover_core.facts.tokens import KnownToken, TokenHeld, TokenState, is_expired
from bucket_failover_core.facts.windows import WindowReading, merge_readings, without_older
from bucket_failover_core.failover.advance import login_detail, refresh_detail
from bucket_failover_core.failover.events import ReauthFailed
from bucket_failover_core.failover.learned import are_same, learn_readings, learn_success
from bucket_failover_core.request.events import CallAnswered, CallBegun, RequestEvent
from bucket_failover_core.request.session import AccountFacts, Refusal, SessionSnapshot
from bucket_failover_core.retry.budget import refund_retry, spend_retry

_T = TypeVar("_T")
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
            return _token(session, event.bucket, event.token, _moment(event.at), api_key=event.api_key)
        case "token-refreshed":
            at = _moment(event.at)
            return _ended(_token(session, event.bucket, event.token, at, by="refresh"), event.bucket, "refresh", at, "")
        case "refresh-failed":
            ended = _ended(session, event.bucket, "refresh", _moment(event.at), refresh_detail(event))
            return _busy(ended, event.bucket, event.retry_at)
        case "reauthenticated":
            at = _moment(event.at)
            return _ended(_token(session, event.bucket, event.token, at, by="reauth"), event.bucket, "login", at, "")
        case "reauth-failed":
            return _login_failed(session, event)
        case "bucket-switched":
            return _moved(session, event.bucket)
        case "search-failed":
            return session
        case never:
            assert_never(never)


def _moment(at: float | None) -> float:
    if at is None:
        message = "at: a session needs to know when it happened, in Unix seconds"
        raise ValueError(message)
    return at


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
        profile["buckets"] = _replaced(session.profile.buckets, place, bucket.evolve(facts))
    changes: _Facts = {"profile": session.profile.evolve(profile)} if profile else {}
    if event.is_retry and session.budget is not None:
        changes["budget"] = spend_retry(session.budget, now=event.at).value_or(session.budget)
    return session.evolve(changes) if changes else session


def _moved(session: SessionSnapshot, bucket: str) -> SessionSnapshot:
    if session.profile.place_of(bucket) is None:
        return session
    return session.evolve({"profile": session.profile.evolve({"current": bucket})})


def _token(
    session: SessionSnapshot,
    name: str,
    token: KnownToken,
    at: float,
    *,
    by: Renewer | None = None,
    api_key: bool = False,
) -> SessionSnapshot:
    """What the store holds for a bucket, as of the moment `at`."""
    place = session.profile.place_of(name)
    if place is None:
        return session
    bucket, account = session.profile.buckets[place], session.accounts[place]
    brought = by if type(token) is TokenHeld and not (token.fingerprint != "" and token == bucket.token) else None
    if brought is None and by is not None and token == bucket.token and account.renewed_by is None:
        brought = by if account.read_at is not None and account.read_at > at else None  # read before it was told
    facts = _later_word(bucket, account, token, at, brought)
    if facts is None:
        return session
    word: _Facts = {"token": token, "api_key": bucket.api_key or api_key}
    if bucket.issuer_busy_until is not None and token != bucket.token and type(bucket.token) is TokenHeld:
        word["issuer_busy_until"] = None  # it was said of the login that was held before
    changed = bucket.evolve(word)
    if (
        account.declined_at is not None
        and account.declined_at <= at
        and token != bucket.token
        and _is_live(token, now=at)
    ):
        facts["declined_at"] = None
    if type(token) is TokenHeld and account.refusals:
        facts["refusals"] = tuple(old for old in account.refusals if old.fingerprint == token.fingerprint)
    return _with_account(session, place, changed, account.evolve(facts))


def _later_word(
    bucket: BucketSnapshot, account: AccountFacts, token: KnownToken, at: float, brought: Renewer | None
) -> _Facts | None:
    """What the account learns of a word on its token; None: a later one is known."""
    is_same = token == bucket.token
    if is_same:
        read_at = at if account.read_at is None else max(account.read_at, at)
        facts: _Facts = {"read_at": read_at}
        if account.changed_at is not None:
            facts["changed_at"] = min(account.changed_at, at)
        if brought is not None and (account.renewed_at is None or account.renewed_at <= at):
            facts.update(renewed_by=brought, renewed_at=at)
        return facts
    if account.read_at is not None and not _is_later(at, brought, account):
        return None
    return {
        "read_at": at,
        "changed_at": at,
        "renewed_by": brought,
        "renewed_at": None if brought is None else at,
    }


def _is_later(at: float, brought: Renewer | None, account: AccountFacts) -> bool:
    """Whether this word counts: the later moment; at the same one what was brought; else the one that is told last."""
    assert account.read_at is not None
    held_is_brought = account.renewed_by is not None and account.renewed_at == account.read_at
    return (at, brought is not None) >= (account.read_at, held_is_brought)


def _busy(session: SessionSnapshot, name: str, until: float | None) -> SessionSnapshot:
    """The issuer has asked to wait; of two moments the later one counts, in whatever order they are told."""
    place = session.profile.place_of(name)
    if place is None or until is None:
        return session
    bucket = session.profile.buckets[place]
    if bucket.issuer_busy_until is not None and bucket.issuer_busy_until >= until:
        return session
    changed = bucket.evolve({"issuer_busy_until": until})
    profile = session.profile.evolve({"buckets": _replaced(session.profile.buckets, place, changed)})
    return session.evolve({"profile": profile})


def _ended(session: SessionSnapshot, name: str, step: str, at: float, problem: str) -> SessionSnapshot:
    """A refresh or a login has ended at `at`; of two at one moment the one without a problem counts."""
    place = session.profile.place_of(name)
    if place is None:
        return session
    account = session.accounts[place]
    is_login = step == "login"
    moment, held = (
        (account.login_at, account.login_problem) if is_login else (account.refreshed_at, account.refresh_problem)
    )
    newest = at if session.newest_step_at is None else max(session.newest_step_at, at)
    if moment is not None and (at < moment or (at == moment and (held == "" or problem > held))):
        return session if newest == session.newest_step_at else session.evolve({"newest_step_at": newest})
    names = ("login_at", "login_problem") if is_login else ("refreshed_at", "refresh_problem")
    changed = account.evolve({names[0]: at, names[1]: problem})
    accounts = _replaced(session.accounts, place, changed)
    return session.evolve({"accounts": accounts, "newest_step_at": newest})


def _is_live(token: TokenState, *, now: float) -> bool:
    return type(token) is TokenHeld and not is_expired(token.expiry, now=now, issued_at=token.issued_at)


def _login_failed(session: SessionSnapshot, event: ReauthFailed) -> SessionSnapshot:
    at = _moment(event.at)
    ended = _ended(session, event.bucket, "login", at, login_detail(event))
    place = ended.profile.place_of(event.bucket)
    if place is None or not event.declined:
        return ended
    bucket, account = ended.profile.buckets[place], ended.accounts[place]
    changed_at = account.changed_at
    if changed_at is not None and changed_at >= at and _is_live(bucket.token, now=changed_at):
        return ended
    declined_at = at if account.declined_at is None else max(account.declined_at, at)
    return ended.evolve({"accounts": _replaced(ended.accounts, place, account.evolve({"declined_at": declined_at}))})


def _answered(session: SessionSnapshot, event: CallAnswered) -> SessionSnapshot:
    """What an answer says of the account, apart from what it means for its request."""
    place = session.profile.place_of(event.bucket)
    if place is None:
        return session
    answer, accounts = event.answer, session.accounts
    account = accounts[place]
    changes: _Facts = {}
    if answer.served:
        changes["accounts"] = _replaced(accounts, place, _served(account, event, answer))
        budget = session.budget
        if budget is not None and budget.left is not None:
            changes["budget"] = refund_retry(budget, now=answer.at)
    elif _refuses(event) and _still_refuses(session.profile.buckets[place], account, event):
        refusals = _with_refusal(account.refusals, event)
        changes["accounts"] = _replaced(accounts, place, account.evolve({"refusals": refusals}))
    return _heard(session.evolve(changes) if changes else session, place, answer)


def _refuses(event: CallAnswered) -> bool:
    """Whether the answer refuses the token or its account as such: any other 403 may be about this one call."""
    verdict = event.answer.verdict
    if verdict is None or event.fingerprint == "":
        return False
    return verdict.cause is Cause.UNAUTHENTICATED or verdict.account_disabled


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
    facts: _Facts = {"served": _with_served(account.served, answer.model, event.begun_at)}
    if used and account.refusals:
        facts["refusals"] = tuple(old for old in account.refusals if old.fingerprint != used or old.at > at)
    if used and (known is None or (known[1], known[0]) < (at, used)):
        facts["served_token"] = (used, at)
    return account.evolve(facts)


def hear_quota(session: SessionSnapshot, bucket: str, answer: AnswerRead, *, begun_at: float | None) -> SessionSnapshot:
    """The session with what an answer says of quota, and nothing else of it: no call of a request is meant.

    Args:
        session: the session.
        bucket: the one that the answer is about. One that the profile does not have changes nothing.
        answer: what `read_answer` made of it.
        begun_at: Unix seconds at which the call began: a success disproves what was observed before that; None: all
            that is believed so far.
    """
    place = session.profile.place_of(bucket)
    if place is None:
        return session
    if answer.served:
        account = session.accounts[place]
        if begun_at is None:
            profile = learn_success(session.profile, bucket, model=answer.model)
            session = session.evolve({"profile": learn_readings(profile, bucket, answer.readings)})
        served = _with_served(account.served, answer.model, answer.at if begun_at is None else begun_at)
        session = session.evolve({"accounts": _replaced(session.accounts, place, account.evolve({"served": served}))})
    return _heard(session, place, answer)


def _heard(session: SessionSnapshot, place: int, answer: AnswerRead) -> SessionSnapshot:
    if answer.limits or answer.readings or has_limits(session.profile):
        return _with_quota(session, place, answer.limits, answer.readings)
    return session


_Served = tuple[tuple[str | None, float], ...]


def _with_served(served: _Served, model: str | None, begun_at: float) -> _Served:
    """The newest call of each model."""
    if not served or (len(served) == 1 and served[0][0] == model):
        return served if served and served[0][1] >= begun_at else ((model, begun_at),)
    newest = dict(served)
    newest[model] = max(begun_at, newest.get(model, begun_at))
    return tuple(sorted(newest.items(), key=lambda held: held[0] or ""))


def _with_refusal(refusals: tuple[Refusal, ...], event: CallAnswered) -> tuple[Refusal, ...]:
    """One more refusal; calls that began before the first one was known count as one."""
    at, fingerprint = event.answer.at, event.fingerprint
    held = next((old for old in refusals if old.fingerprint == fingerprint), None)
    is_account = event.answer.verdict is not None and event.answer.verdict.account_disabled
    if held is None:
        return (*refusals, Refusal(fingerprint=fingerprint, at=at, is_account=is_account))
    further = 1 if event.begun_at >= held.at else 0
    newer = held.evolve(
        {"at": max(held.at, at), "count": held.count + further, "is_account": held.is_account or is_account}
    )
    return tuple(newer if old is held else old for old in refusals)


def _with_quota(
    session: SessionSnapshot, place: int, limits: tuple[Limit, ...], readings: tuple[WindowReading, ...]
) -> SessionSnapshot:
    """Limits and readings of an answer to the bucket at `place`; what they and successes disprove goes, everywhere."""
    earner = session.profile.buckets[place]
    shared = tuple(limit for limit in limits if is_shared(limit)) if earner.quota_domain else ()
    reported = merge_readings(earner.readings, readings) if readings else earner.readings

    def told(at: int, bucket: BucketSnapshot) -> BucketSnapshot:
        is_own = at == place
        joins = limits if is_own else shared if bucket.quota_domain == earner.quota_domain else ()
        held = merge_limits(bucket.limits, joins) if joins else bucket.limits
        kept = _in_order(tuple(limit for limit in held if not is_disproved(limit, at))) if held else ()
        facts: _Facts = {} if kept == bucket.limits else {"limits": kept}
        if is_own and readings:
            facts["readings"] = reported
        return bucket.evolve(facts) if facts else bucket

    is_disproved = _disproof(session, place, reported)
    buckets = tuple(told(at, bucket) for at, bucket in enumerate(session.profile.buckets))
    if are_same(buckets, session.profile.buckets):
        return session
    return session.evolve({"profile": session.profile.evolve({"buckets": buckets})})


def _disproof(
    session: SessionSnapshot, place: int, reported: tuple[WindowReading, ...]
) -> Callable[[Limit, int], bool]:
    """Whether what is known of calls that were served, and of open windows, disproves a limit of the bucket at a place.

    Evidence of another bucket counts if it shares the limit.
    """
    buckets, accounts = session.profile.buckets, session.accounts

    def is_disproved(limit: Limit, at: int) -> bool:
        domain = buckets[at].quota_domain
        is_wide = domain != "" and limit.scope in SHARED_SCOPES
        others = (other for other, bucket in enumerate(buckets) if other != at and bucket.quota_domain == domain)
        witnesses = [at, *others] if is_wide else [at]
        for other in witnesses:
            seen = reported if other == place else buckets[other].readings
            if _disproves(accounts[other].served, limit) or (seen and not without_older((limit,), seen)):
                return True
        return False

    return is_disproved


def _disproves(served: _Served, limit: Limit) -> bool:
    """Whether a call that began after the limit was observed, and that it would have benched, was served."""
    if not served or is_directive(limit):
        return False
    return any(
        (limit.observed_at is None or limit.observed_at < begun_at) and counts_for(limit, model)
        for model, begun_at in served
    )


def _in_order(limits: tuple[Limit, ...]) -> tuple[Limit, ...]:
    """The same limits, in an order that does not tell in which one they came."""
    if len(limits) < 2:  # noqa: PLR2004 - one is in order
        return limits
    return tuple(sorted(limits, key=lambda limit: (limit.window, limit.scope, limit.model or "", limit.until)))


def _with_account(
    session: SessionSnapshot, place: int, bucket: BucketSnapshot, account: AccountFacts
) -> SessionSnapshot:
    profile = session.profile.evolve({"buckets": _replaced(session.profile.buckets, place, bucket)})
    return session.evolve({"profile": profile, "accounts": _replaced(session.accounts, place, account)})


def _replaced(items: tuple[_T, ...], place: int, item: _T) -> tuple[_T, ...]:
    changed = [*items]
    changed[place] = item
    return tuple(changed)
