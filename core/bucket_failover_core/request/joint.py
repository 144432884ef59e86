"""What a request and its session know together: the request's *ledger*, which the other decisions take.

Rules:

* A held token that is live and not refused is trusted, however old the reading. One that cannot be called with is read
  again if what is known of it is older than the request, or, of the bucket that was refused, older than the refused
  call.
* What the store had said to be missing is read again by each request, and after each failed call, in buckets that were
  neither tried nor asked a login for.
* A refresh or a login that has ended since the request began is spent for it, whichever request asked.
* A bucket of a profile of several that has had its three calls is ruled out.
* A refused token (401) is not called with by any request for a while; `believes_refusals=False` forgets what other
  requests were told, as the last resort.

Road not taken: to keep the ledger in the request. Each fact of the session would have to be copied into it.
"""

from collections.abc import Mapping

from bucket_failover_core.facts.causes import is_refusal
from bucket_failover_core.facts.snapshots import BucketSnapshot, FailoverSnapshot, Problem, Renewer, Trigger
from bucket_failover_core.facts.tokens import UNUSABLE_KINDS, TokenHeld, TokenState, TokenUnread, is_expired
from bucket_failover_core.request.events import CallAnswered
from bucket_failover_core.request.session import AccountFacts, SessionSnapshot
from bucket_failover_core.request.state import FailedCall, RequestSnapshot
from bucket_failover_core.retry.decide import ATTEMPTS_PER_BUCKET
from bucket_failover_core.value import trusted

_UNREAD = TokenUnread()
_NOTHING_KNOWN = Trigger()
_problem, _refused = trusted(Problem), trusted(Trigger)

_Heard = Mapping[str, int]
"""Of whose tokens the request was told, and how many of its calls had failed by then."""

_Failures = tuple[FailedCall, ...]
"""Failed calls of the request, oldest first."""


def join(
    session: SessionSnapshot,
    request: RequestSnapshot,
    *,
    now: float,
    believes_refusals: bool = True,
    counts_calls: bool = True,
    answering: tuple[str, Trigger] | None = None,
) -> FailoverSnapshot:
    """The ledger of the request at `now`: the session's facts with its own; its trigger is the newest failed call.

    The word means this and nothing else: the `FailoverSnapshot` that is made anew for each question and never stored.

    Args:
        session: the facts of the accounts.
        request: the facts of the request.
        now: Unix seconds.
        believes_refusals: tokens that other requests were refused count as refused.
        counts_calls: a bucket that has had its three calls is ruled out.
        answering: another failed call to be the trigger, and the bucket that it was made with.
    """
    profile, last = session.profile, request.last
    if last is None and answering is None and not request.heard and _is_plain(session, request, now=now):
        return profile if request.model is None else profile.evolve({"model": request.model})
    several = len(profile.buckets) > 1
    believed, counts = believes_refusals and several, counts_calls and several
    heard = {told.bucket: told.failures for told in request.heard} if request.heard else {}
    failures = _by_bucket(request.failures)
    buckets: list[BucketSnapshot] = []
    spent_logins = 0
    for bucket, account in zip(profile.buckets, session.accounts, strict=True):
        if account.login_at is not None and request.has_since_begun(bucket.name, "reauth", account.login_at):
            spent_logins += 1
        own = failures.get(bucket.name, ())
        buckets.append(_joined(bucket, account, request, heard, own, now=now, counts=counts, believed=believed))
    changes: dict[str, object] = {"buckets": tuple(buckets), "reauths_spent": spent_logins, "model": request.model}
    if answering is not None and profile.place_of(answering[0]) is not None:
        changes["current"], changes["trigger"] = answering
    elif last is not None and profile.place_of(last.bucket) is not None:
        changes["current"], changes["trigger"] = last.bucket, _trigger(last)
    return profile.evolve(changes)


def _is_plain(session: SessionSnapshot, request: RequestSnapshot, *, now: float) -> bool:
    """Whether a request of which nothing has happened yet sees the profile as it is: the case of nearly every one."""
    if request.rejected or request.reads_again or request.refreshed or request.spent:
        return False
    for bucket, account in zip(session.profile.buckets, session.accounts, strict=True):
        if account.refreshed_at is not None or account.login_at is not None or account.refusals:
            return False
        token = bucket.token
        if type(token) is TokenHeld:
            if is_expired(token.expiry, now=now, api_key=bucket.api_key, issued_at=token.issued_at):
                return False
        elif token.kind != "unread":
            return False
    return True


def _by_bucket(failures: _Failures) -> dict[str, _Failures]:
    """The request's failed calls by the bucket that they were made with, oldest first."""
    found: dict[str, _Failures] = {}
    for failed in failures:
        found[failed.bucket] = (*found.get(failed.bucket, ()), failed)
    return found


def _trigger(last: CallAnswered) -> Trigger:
    """The newest failed call; its limits have joined those of the session."""
    verdict = last.answer.verdict
    if verdict is None:
        return _NOTHING_KNOWN
    return _refused(cause=verdict.cause, fingerprint=last.fingerprint or None, detail=verdict.detail)


def _joined(
    bucket: BucketSnapshot,
    account: AccountFacts,
    request: RequestSnapshot,
    heard: _Heard,
    failures: _Failures,
    *,
    now: float,
    counts: bool,
    believed: bool,
) -> BucketSnapshot:
    """One bucket, as this request sees it. The session's own object if the request knows nothing more."""
    name, rejected = bucket.name, request.rejected
    refreshed = account.refreshed_at is not None and request.has_since_begun(name, "refresh", account.refreshed_at)
    logged_in = account.login_at is not None and request.has_since_begun(name, "reauth", account.login_at)
    if believed and account.refusals:
        known = (refusal.fingerprint for refusal in account.refusals if refusal.is_believed(now=now))
        rejected = (*rejected, *(fingerprint for fingerprint in known if fingerprint not in rejected))
    asked = logged_in or account.declined_at is not None
    token = _token(bucket, account, request, heard, failures=failures, rejected=rejected, now=now, asked=asked)
    if not (failures or rejected or refreshed or asked or account.renewed_by or request.spent):
        return bucket if token is bucket.token else bucket.evolve({"token": token})
    facts: dict[str, object] = {"rejected": rejected, "token": token, "reauth_spent": asked}
    if failures:
        facts["tried"] = True
        facts["calls_spent"] = counts and len(failures) >= ATTEMPTS_PER_BUCKET
    if _is_disabled(account, token, failures, believed=believed, now=now):
        facts["account_disabled"] = True
    if refreshed or name in request.spent:
        facts["refresh_spent"] = True
    renewed_by = _renewed_by(bucket, account, request, failures) if account.renewed_by is not None else None
    if renewed_by is not None:
        facts["renewed_by"] = renewed_by
    if failures or refreshed or logged_in:
        problems = _problems(account, failures, refreshed=refreshed, logged_in=logged_in)
        facts["problems"] = problems or bucket.problems
    return bucket.evolve(facts)


def _is_disabled(account: AccountFacts, token: TokenState, failures: _Failures, *, believed: bool, now: float) -> bool:
    """Whether the provider has disabled the account of the token held now, in this request or not long ago."""
    fingerprint = token.fingerprint if type(token) is TokenHeld else ""
    if any(failed.account_disabled and failed.fingerprint in {"", fingerprint} for failed in failures):
        return True
    return believed and any(
        refusal.is_account and refusal.fingerprint == fingerprint and refusal.is_believed(now=now)
        for refusal in account.refusals
    )


def _token(
    bucket: BucketSnapshot,
    account: AccountFacts,
    request: RequestSnapshot,
    heard: _Heard,
    *,
    failures: _Failures,
    rejected: tuple[str, ...],
    now: float,
    asked: bool,
) -> TokenState:
    """The token, or unread if what is known of it may be out of date."""
    token, read_at, name = bucket.token, account.read_at, bucket.name
    if not _is_of_this_request(name, read_at, request, heard):
        return _UNREAD
    if type(token) is TokenHeld:
        refused = token.fingerprint != "" and token.fingerprint in rejected
        expired = is_expired(token.expiry, now=now, api_key=bucket.api_key, issued_at=token.issued_at)
        unnamed = bool(failures) and is_refusal(failures[-1].cause) and token.fingerprint == ""
        if not (refused or expired or unnamed) or heard.get(name, -1) > _place_of_own_failure(request, name, failures):
            return token
        since = _begun_at_of_refusal(request, name)
        if since is None:
            since = request.begun_at
        return token if read_at is not None and read_at > since else _UNREAD
    if token.kind not in UNUSABLE_KINDS or heard.get(name) == len(request.failures) or failures or asked:
        return token
    since = request.failures[-1].at if request.failures else request.begun_at
    return token if read_at is not None and read_at > since else _UNREAD


def _is_of_this_request(bucket: str, read_at: float | None, request: RequestSnapshot, heard: _Heard) -> bool:
    """Whether what is known of a token is no older than the request wants it: by default, than anything."""
    if bucket in request.refreshed:
        return False
    if request.found and request.found[-1] == bucket and heard.get(bucket) != len(request.failures):
        return False
    if not request.reads_again or (read_at is not None and read_at > request.begun_at):
        return True
    return bucket in heard


def _place_of_own_failure(request: RequestSnapshot, bucket: str, failures: _Failures) -> int:
    """Which of the request's failed calls was the bucket's last, from 0; -1: none."""
    if not failures:
        return -1
    return max(place for place, failed in enumerate(request.failures) if failed.bucket == bucket)


def _begun_at_of_refusal(request: RequestSnapshot, bucket: str) -> float | None:
    """When the newest call began, if it was with this bucket and its token was refused."""
    last = request.last
    if last is None or last.bucket != bucket or last.answer.verdict is None:
        return None
    return last.begun_at if is_refusal(last.answer.verdict.cause) else None


def _renewed_by(
    bucket: BucketSnapshot, account: AccountFacts, request: RequestSnapshot, failures: _Failures
) -> Renewer | None:
    """What brought the token held now, if it came in this request and since the bucket's last failure."""
    by, at = account.renewed_by, account.renewed_at
    if by is None or not request.has_since_begun(bucket.name, by, at):
        return None
    assert at is not None
    if not failures or at > failures[-1].at:
        return by
    used = failures[-1].fingerprint
    held = bucket.token.fingerprint if type(bucket.token) is TokenHeld else ""
    is_another = held != used if held and used else bucket.name in request.renewed
    return by if at == failures[-1].at and is_another else None


def _problems(account: AccountFacts, failures: _Failures, *, refreshed: bool, logged_in: bool) -> tuple[Problem, ...]:
    """What went wrong with the bucket in this request, oldest first; at one moment the call before the step."""
    told = [
        (failed.at, 0, _problem(cause=failed.cause, detail=failed.detail))
        for failed in failures
        if failed.cause is not None or failed.detail
    ]
    if refreshed and account.refresh_problem and account.refreshed_at is not None:
        told.append((account.refreshed_at, 1, _problem(cause=None, detail=account.refresh_problem)))
    if logged_in and account.login_problem and account.login_at is not None:
        told.append((account.login_at, 2, _problem(cause=None, detail=account.login_problem)))
    if len(told) > 1:
        told.sort(key=lambda moment: moment[:2])
    return tuple([problem for _, __, problem in told])
