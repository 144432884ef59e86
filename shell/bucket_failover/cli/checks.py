"""What `doctor` looks at. Each check says what it has found; none changes anything, and none shows a secret."""

import os
import shlex
import sqlite3
import stat
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final, Literal, NamedTuple

import httpx2

from bucket_failover.cli.session import Session
from bucket_failover.errors import TokenStoreError, safe_text
from bucket_failover.places import own_folder
from bucket_failover.profile import Profile
from bucket_failover.store.sqlite import FileLocks, locks_of, sides_of
from bucket_failover_core.outlook import Advice, advise, foresee

State = Literal["ok", "warning", "failure"]

_SKEW_SECONDS: Final = 60.0
"""A clock that is further off than this makes tokens end too early or too late."""
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_TIMEOUT_SECONDS: Final = 5.0
_NOT_THERE: Final = frozenset({404, 410})
_PROBE: Final = ("doctor", "probe")


class Check(NamedTuple):
    """What a check has found.

    Args:
        about: store, permissions, secrets, locks, clock, endpoint, bucket, or advice.
        state: whether it is as it should be.
        text: what was found, and what to do.
    """

    about: str
    state: State
    text: str


def checks(session: Session, *, at: float, is_offline: bool) -> Iterator[Check]:
    """Every check, in the order in which a user would look."""
    yield from check_store(session.tokens.path)
    yield from check_permissions(session)
    yield from check_secrets(session)
    yield from check_locks(session)
    if not is_offline:
        yield from check_endpoints(session)
    yield from check_buckets(session, at=at)


def check_store(path: Path) -> Iterator[Check]:
    """Whether the file is sound and can be written."""
    try:
        connection = sqlite3.connect(path, timeout=_TIMEOUT_SECONDS, isolation_level=None)
        try:
            (told,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        finally:
            connection.close()
    except sqlite3.Error as error:
        yield unusable_store(f"{path}: {error}")
        return
    if told == "ok":
        yield Check("store", "ok", f"{path}: sound, and can be written")
    else:
        yield unusable_store(f"{path}: damaged")


def unusable_store(problem: str) -> Check:
    """What is wrong with a store that cannot be used, and what to do."""
    return Check("store", "failure", f"{problem}; repair it, restore a copy, or move it away and log in again")


def check_permissions(session: Session) -> Iterator[Check]:
    """Whether other users of this machine can read what is secret."""
    if os.name != "posix":
        yield Check("permissions", "ok", "not looked at: this system has other ones")
        return
    path = session.tokens.path
    locks = FileLocks(locks_of(path)).folder
    ours = [path, *sides_of(path), locks, *(locks.glob("*") if locks.exists() else ())]
    if path.parent == own_folder().absolute():
        ours.append(path.parent)  # any other folder is not ours alone, and may be open to other users for a reason
    if session.profile.client_secret is not None:
        ours.append(session.profile_file)
    lax = [shlex.quote(str(file)) for file in ours if file.exists() and _is_open(file)]
    if lax:
        yield Check("permissions", "warning", f"others can open {', '.join(lax)}; run: chmod go-rwx {' '.join(lax)}")
    else:
        yield Check("permissions", "ok", "no other user can open the store")


def check_secrets(session: Session) -> Iterator[Check]:
    """Where secrets are kept."""
    vault = session.tokens.vault
    if vault is None:
        how = "set BUCKET_FAILOVER_KEY, or install a keyring, to have new ones sealed"
        yield Check("secrets", "warning", f"new ones are kept in the store's file, unencrypted; {how}")
        return
    yield Check("secrets", "ok", f"new ones are kept in the vault {vault.name!r}")


def check_locks(session: Session) -> Iterator[Check]:
    """Whether locks exclude here (some network file systems only pretend), and who holds one now."""
    locks = FileLocks(locks_of(session.tokens.path))
    try:
        release = locks.try_lock(*_PROBE, "refresh")
        again = locks.try_lock(*_PROBE, "refresh") if release is not None else None
    except TokenStoreError as error:
        yield Check("locks", "failure", safe_text(error))
        return
    for held in (release, again):
        if held is not None:
            held()
    if release is not None and again is not None:
        yield Check("locks", "failure", "a lock does not exclude a second one here; move the store to a local disk")
        return
    if locks.is_of_another_user:
        there = locks_of(session.tokens.path)
        yield Check(
            "locks", "warning", f"{there}: another user's, so {locks.folder} is used instead; remove the former"
        )
    yield Check("locks", "ok", "a lock excludes")
    for bucket in session.profile.buckets:
        taken = locks.try_lock(session.profile.provider, bucket.name, "login")
        if taken is None:
            yield Check("locks", "ok", f"{bucket.name}: a program is asking for a login right now")
        else:
            taken()


def check_endpoints(session: Session) -> Iterator[Check]:
    """Whether the issuer can be reached, and whether its clock is ours."""
    oauth = session.profile.oauth
    if oauth is None:
        return
    skews = []
    for url in dict.fromkeys((oauth.token_endpoint, oauth.authorization_endpoint, oauth.device_authorization_endpoint)):
        if url == "":
            continue
        try:
            answer = httpx2.head(url, timeout=_TIMEOUT_SECONDS, follow_redirects=False)
        except (httpx2.HTTPError, ValueError, OSError) as error:
            yield Check("endpoint", "failure", f"{url}: cannot be reached ({type(error).__name__})")
            continue
        if answer.status_code in _NOT_THERE:
            yield Check("endpoint", "warning", f"{url}: the server answers {answer.status_code}; is the path right?")
        else:
            yield Check("endpoint", "ok", f"{url}: answers")
        skew = _skew(answer.headers.get("date"))
        if skew is not None:
            skews.append(skew)
    if skews:
        yield _clock(max(skews, key=abs))


def check_buckets(session: Session, *, at: float) -> Iterator[Check]:
    """How each bucket stands, and what would heal it: each advice was tried on a copy of it (`advise`)."""
    snapshot = session.snapshot()
    for bucket in snapshot.buckets:
        finding = foresee(bucket, now=at).finding
        state: State = "ok" if finding.reason is None else "failure" if finding.remedy == "store" else "warning"
        yield Check("bucket", state, finding.text)
    for advice in advise(snapshot, now=at):
        yield Check("advice", "warning", advice_text(advice, session.profile))


def advice_text(advice: Advice, profile: Profile) -> str:
    """The advice, with the command to run; where the profile names no issuer, a token has to come from elsewhere."""
    names = f"{shlex.quote(profile.provider)} {shlex.quote(advice.bucket)}"
    command = {
        "login": f"bucket-failover {'login' if profile.oauth is not None else 'import'} {names}",
        "new-key": f"bucket-failover import {names}",
        "wait": f"bucket-failover clear --provider {names}, if you know better",
        "resume": "",
    }[advice.remedy]
    return f"{advice.text}: {command}" if command else advice.text


def _clock(skew: float) -> Check:
    if abs(skew) <= _SKEW_SECONDS:
        return Check("clock", "ok", f"within {max(abs(skew), 1):.0f} s of the issuer's")
    way = "ahead of" if skew > 0 else "behind"
    return Check("clock", "warning", f"{abs(skew):.0f} s {way} the issuer's; set it, or tokens end at the wrong time")


def _skew(date: str | None) -> float | None:
    """How far our clock is ahead of a Date header's (RFC 9110, 6.6.1), in seconds; None: there is none."""
    try:
        return None if date is None else time.time() - parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


def _is_open(file: Path) -> bool:
    return bool(file.stat().st_mode & _OTHERS)
