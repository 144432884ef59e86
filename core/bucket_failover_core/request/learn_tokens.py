"""What a session learns of tokens: who read, brought or refused which, and when a refresh or a login has ended.

Of two words on one token the later one counts, at the same moment what a refresh or a login has brought.
"""

from bucket_failover_core.facts.snapshots import BucketSnapshot, Renewer
from bucket_failover_core.facts.tokens import KnownToken, TokenHeld, TokenState, is_expired
from bucket_failover_core.failover.advance import login_detail
from bucket_failover_core.failover.events import ReauthFailed
from bucket_failover_core.request.session import AccountFacts, SessionSnapshot, replaced_at, with_account

_Facts = dict[str, object]


def learn_token(
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
    return with_account(session, place, changed, account.evolve(facts))


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


def learn_busy(session: SessionSnapshot, name: str, until: float | None) -> SessionSnapshot:
    """The issuer has asked to wait; of two moments the later one counts, in whatever order they are told."""
    place = session.profile.place_of(name)
    if place is None or until is None:
        return session
    bucket = session.profile.buckets[place]
    if bucket.issuer_busy_until is not None and bucket.issuer_busy_until >= until:
        return session
    changed = bucket.evolve({"issuer_busy_until": until})
    profile = session.profile.evolve({"buckets": replaced_at(session.profile.buckets, place, changed)})
    return session.evolve({"profile": profile})


def learn_ended(session: SessionSnapshot, name: str, step: str, at: float, problem: str) -> SessionSnapshot:
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
    accounts = replaced_at(session.accounts, place, changed)
    return session.evolve({"accounts": accounts, "newest_step_at": newest})


def _is_live(token: TokenState, *, now: float) -> bool:
    return type(token) is TokenHeld and not is_expired(token.expiry, now=now, issued_at=token.issued_at)


def learn_login_failed(session: SessionSnapshot, event: ReauthFailed) -> SessionSnapshot:
    """A login has brought nothing; a user's no counts until the bucket's token is another one."""
    at = moment_of(event.at)
    ended = learn_ended(session, event.bucket, "login", at, login_detail(event))
    place = ended.profile.place_of(event.bucket)
    if place is None or not event.declined:
        return ended
    bucket, account = ended.profile.buckets[place], ended.accounts[place]
    changed_at = account.changed_at
    if changed_at is not None and changed_at >= at and _is_live(bucket.token, now=changed_at):
        return ended
    declined_at = at if account.declined_at is None else max(account.declined_at, at)
    return ended.evolve({"accounts": replaced_at(ended.accounts, place, account.evolve({"declined_at": declined_at}))})


def moment_of(at: float | None) -> float:
    """The moment of an event, which a session needs.

    Raises:
        ValueError: it was not told.
    """
    if at is None:
        message = "at: a session needs to know when it happened, in Unix seconds"
        raise ValueError(message)
    return at
