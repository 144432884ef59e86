"""Two processes refresh one login, in every order there is, and every accident that can befall them.

A world is a frozen value: what is stored, who holds the lock, what the issuer knows, where each process stands, what is
on the wire. From each world every next step is taken (of a process, of the issuer, one crash, one logout or login by a
person), breadth first, so the first story that breaks a law is a shortest one. Equal worlds are one world.

Writes of what was issued are conditional on what was read the second time, as a transaction makes them; the last test
shows that without this a logout is undone. From the write of the mark that `is_sent` on, only the issuer can tell
whether the first byte went out; a crash in between counts as one of a refresh that was presented.
"""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

import pytest
from returns.methods import unwrap_or_failure

from bucket_failover_core import TokenAbsent, TokenHeld
from bucket_failover_core.oauth import (
    AdoptInstead,
    AdoptStored,
    GrantRefused,
    IssuerAnswer,
    NothingIssued,
    NotRefreshed,
    PresentRefreshToken,
    RefreshImpossible,
    RefreshMark,
    RefreshSnapshot,
    StoredLogin,
    StoreIssued,
    TokensIssued,
    decide_outcome,
    decide_refresh,
)

NOW: Final = 1_000.0
LATER: Final = NOW + 3_600
PRESENTED: Final = frozenset({"send", "wait", "reread", "act", "clear"})
"""Where a process stands between the mark that its call is sent and the write of what came of it."""


class Entry(NamedTuple):
    """What is stored; without an access token no user is logged in. The mark: of which one, and whether it was sent."""

    access: str = ""
    expiry: float = NOW
    refresh: str = ""
    mark: tuple[str, bool] | None = None


class Answer(NamedTuple):
    kind: str
    access: str = ""
    expiry: float = LATER
    refresh: str = ""


class Process(NamedTuple):
    """Where a process stands, what it has read, and what is on its wire."""

    at: str = "lock"
    presented: Entry = Entry()
    seen: Entry = Entry()
    answer: Answer | None = None
    wire: str = ""
    end: str = ""
    asked: int = 0
    stuck: bool = False


class World(NamedTuple):
    entry: Entry
    processes: tuple[Process, ...] = (Process(), Process())
    holder: int | None = None
    live: frozenset[str] = frozenset({"r1"})
    used: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    serial: int = 1
    person: str = ""
    crash: str = ""
    reused: bool = False
    accidents: frozenset[str] = frozenset()


class Rules(NamedTuple):
    """What does not change in a world."""

    unwanted: str = "a1"
    expiry: float = NOW
    single_use: bool = True
    conditional: bool = True
    issuer: tuple[str, ...] = ("rotates", "keeps", "unmoved", "refuses", "lost", "unreached", "vanished")


@cache
def login_of(entry: Entry) -> StoredLogin:
    """As the core sees it."""
    mark = entry.mark and RefreshMark(refresh_fingerprint=entry.mark[0], at=NOW, is_sent=entry.mark[1])
    token = TokenHeld(expiry=entry.expiry, fingerprint=entry.access) if entry.access else TokenAbsent()
    return StoredLogin(token=token, refresh_fingerprint=entry.refresh, mark=mark)


@cache
def decide(entry: Entry, unwanted: str, *, single_use: bool) -> AdoptStored | PresentRefreshToken | RefreshImpossible:
    """The first decision."""
    snapshot = RefreshSnapshot(unwanted=unwanted, stored=login_of(entry), single_use=single_use)
    return unwrap_or_failure(decide_refresh(snapshot, now=NOW))


@cache
def conclude(presented: Entry, seen: Entry, answer: Answer) -> StoreIssued | AdoptInstead | NotRefreshed:
    """The second one."""
    told: IssuerAnswer = NothingIssued(is_known=answer.kind == "unreached")
    if answer.kind == "refused":
        told = GrantRefused()
    if answer.kind == "issued":
        token = TokenHeld(expiry=answer.expiry, fingerprint=answer.access)
        told = TokensIssued(token=token, refresh_fingerprint=answer.refresh)
    return unwrap_or_failure(decide_outcome(login_of(presented), login_of(seen), told, now=NOW))


def family(token: str) -> frozenset[str]:
    """All refresh tokens that descend from one login (`r`: the first one; `s`: the one in the middle)."""
    return frozenset(f"{token[0]}{number}" for number in range(1, 20))


def put(world: World, who: int, at: str, **changes: object) -> World:
    """A process at its next place."""
    processes = list(world.processes)
    processes[who] = processes[who]._replace(at=at, **changes)  # type: ignore[arg-type]  # fields of Process, by name
    return world._replace(processes=tuple(processes))


def step(world: World, who: int, rules: Rules) -> World | None:
    """The next step of a process; None while it waits for the lock or for the wire."""
    me, entry = world.processes[who], world.entry
    match me.at:
        case "lock":
            return None if world.holder is not None else put(world._replace(holder=who), who, "read")
        case "read":
            first = decide(entry, rules.unwanted, single_use=rules.single_use)
            if isinstance(first, PresentRefreshToken):
                return put(world, who, "mark", presented=entry)
            end = entry.access if isinstance(first, AdoptStored) else f"impossible: {first.why}"
            return put(world, who, "release", end=end)
        case "mark" | "mark-sent":
            marked = entry._replace(mark=(me.presented.refresh, me.at == "mark-sent"))
            return put(world._replace(entry=marked), who, "mark-sent" if me.at == "mark" else "send")
        case "send":
            assert me.presented.refresh not in world.known, "presented again, though it is known to be answered"
            assert not me.stuck, "presented again, though the end did not move"
            return put(world, who, "wait", wire=me.presented.refresh, asked=me.asked + 1)
        case "wait":
            return None if me.answer is None else put(world, who, "reread")
        case _:
            return step_with_answer(world, who, rules)


def step_with_answer(world: World, who: int, rules: Rules) -> World:
    """The same, once the answer is there."""
    me, entry = world.processes[who], world.entry
    match me.at:
        case "reread":
            return put(world, who, "act", seen=entry)
        case "act":
            assert me.answer is not None
            outcome = conclude(me.presented, me.seen, me.answer)
            if isinstance(outcome, NotRefreshed):
                return put(world, who, "clear" if outcome.clears_mark else "release", end=f"not: {outcome.why}")
            if isinstance(outcome, AdoptInstead):
                return put(world, who, "release", end=me.seen.access if me.seen.expiry > NOW else "")
            if rules.conditional and entry[:3] != me.seen[:3]:
                return put(world, who, "reread")
            return put_stored(world, who, outcome, me.answer)
        case "clear":
            return put(world._replace(entry=entry._replace(mark=None)), who, "release")
        case _:
            assert me.at == "release"
            at = "ended" if me.end else "lock"
            return put(world._replace(holder=None), who, at, presented=Entry(), seen=Entry(), answer=None)


def put_stored(world: World, who: int, outcome: StoreIssued, answer: Answer) -> World:
    """The write of what was issued; a process asks again if its token has ended though it is told of progress."""
    me, keeps = world.processes[who], outcome.keeps_refresh_token
    written = Entry(answer.access, answer.expiry, me.seen.refresh if keeps else answer.refresh)
    known = world.known if keeps else world.known | {me.presented.refresh}
    end = "" if outcome.is_progress and answer.expiry <= NOW else written.access
    stuck = answer.expiry == me.presented.expiry
    return put(world._replace(entry=written, known=known), who, "release", end=end, stuck=stuck)


def answers(world: World, who: int, rules: Rules) -> Iterator[tuple[str, World]]:
    """A call reaches the issuer, or does not, and its answer comes back, or does not."""
    me = world.processes[who]
    token, number = me.wire, world.serial + 1
    heir, access = f"{token[0]}{number}", f"{'a' if token[0] == 'r' else 'b'}{number}"

    def reply(answer: Answer, now: World = world, accident: str = "") -> World:
        """It is on its way; a process that is dead does not hear it."""
        processes = list(now.processes)
        processes[who] = me._replace(wire="", answer=answer if me.at == "wait" else None)
        accidents = now.accidents | {accident} if accident else now.accidents
        return now._replace(processes=tuple(processes), accidents=accidents)

    spent = world._replace(live=world.live - {token} | {heir}, used=world.used | {token}, serial=number)
    for behaviour in rules.issuer:
        if behaviour in {"unreached", "vanished"}:
            yield behaviour, reply(Answer(behaviour), accident=behaviour)
        elif token not in world.live:
            revoked = world._replace(live=world.live - family(token), reused=world.reused or token in world.used)
            yield "refuses, for it is spent", reply(Answer("refused"), revoked)
        elif behaviour == "rotates":
            yield behaviour, reply(Answer("issued", access, LATER, heir), spent)
        elif behaviour == "keeps":
            yield behaviour, reply(Answer("issued", access, LATER), world._replace(serial=number))
        elif behaviour == "unmoved":
            same = me.presented.access or access
            yield behaviour, reply(Answer("issued", same, rules.expiry, heir), spent, behaviour)
        elif behaviour == "unmoved, renamed":
            yield behaviour, reply(Answer("issued", access, rules.expiry, heir), spent, behaviour)
        elif behaviour == "lost":
            yield behaviour, reply(Answer("vanished"), spent, behaviour)
        else:
            yield behaviour, reply(Answer("refused"), world._replace(live=world.live - family(token)), behaviour)


def accidents(world: World) -> Iterator[tuple[str, World]]:
    """At most one process is killed, whose lock is then free, and a user logs out or in at most once."""
    if all(each.at in {"ended", "dead"} for each in world.processes):
        return
    if not world.person:
        yield "logout", world._replace(entry=Entry(), person="logout")
        for expiry in (LATER, NOW):
            login = Entry("b1", expiry, "s1", world.entry.mark)
            yield f"login until {expiry}", world._replace(entry=login, person="login", live=world.live | {"s1"})
    if not world.crash:
        for who, each in enumerate(world.processes):
            if each.at not in {"ended", "dead"}:
                processes = list(world.processes)
                processes[who] = Process(at="dead", presented=each.presented, wire=each.wire)
                holder = None if world.holder == who else world.holder
                yield f"{who} dies", world._replace(processes=tuple(processes), holder=holder, crash=each.at)


def next_steps(world: World, rules: Rules) -> Iterator[tuple[str, World]]:
    """All that can happen next, accidents apart."""
    for who, each in enumerate(world.processes):
        if each.at not in {"ended", "dead"} and (after := step(world, who, rules)) is not None:
            yield f"{who}: {each.at}", after
        if each.wire:
            yield from ((f"{who}: issuer {what}", after) for what, after in answers(world, who, rules))


def judge(world: World, rules: Rules) -> None:
    """What holds at every moment."""
    in_doubt = world.crash in PRESENTED or world.accidents & {"lost", "vanished"}
    assert not world.reused or (in_doubt and not rules.single_use), "the issuer has seen a reuse"
    assert world.person != "logout" or not world.entry.access, "a logout is undone"
    assert world.person != "login" or (world.entry.access[:1], world.entry.refresh[:1]) == ("b", "s"), "overwritten"


def judge_end(world: World, rules: Rules) -> None:
    """What holds when all is over, and a third process, on a good day, wants a newer token still."""
    ends = {each.end for each in world.processes if each.at == "ended"}
    if not (world.crash or world.person or world.accidents):
        assert ends == {world.entry.access} != {"a1"}, "they end with different tokens"
        assert sum(each.asked for each in world.processes) == 1, "one refresh is enough"
    third = decide(world.entry, world.entry.access, single_use=rules.single_use)
    if world.person == "logout":
        assert third == RefreshImpossible(why="no-token")
        return
    in_doubt = world.crash in PRESENTED or world.accidents & {"lost", "vanished"}
    if isinstance(third, RefreshImpossible):
        assert third.why == "interrupted", "silence"
        assert third.needs_login
        assert in_doubt, "the login is lost without need"
        assert rules.single_use, "it could have been presented again"
    elif third.kind == "present-refresh-token" and world.entry.refresh not in world.live:
        refused = conclude(world.entry, world.entry, Answer("refused"))
        assert isinstance(refused, NotRefreshed), "silence"
        assert refused.needs_login, "silence"
        assert "refuses" in world.accidents or (in_doubt and not rules.single_use), "the login is lost without need"
    else:
        assert isinstance(third, PresentRefreshToken)


def explore(rules: Rules) -> tuple[int, int]:
    """How many worlds there are, and how many ways through them."""
    root = World(Entry("a1", rules.expiry, "r1"))
    came: dict[World, tuple[World, str] | None] = {root: None}
    after: dict[World, list[World]] = {}
    queue = [root]
    for world in queue:
        try:
            judge(world, rules)
            moves = list(next_steps(world, rules))
            if not moves:
                assert all(each.at in {"ended", "dead"} for each in world.processes), "somebody waits for ever"
                judge_end(world, rules)
            moves += accidents(world)
        except AssertionError as error:
            story = []
            here: World = world
            while (link := came[here]) is not None:
                here = link[0]
                story.append(link[1])
            message = f"{error}: {rules}: {' / '.join(reversed(story))}: {world}"
            raise AssertionError(message) from error
        after[world] = [target for _, target in moves]
        for label, target in moves:
            if target not in came:
                came[target] = (world, label)
                queue.append(target)
    return len(queue), count_ways(root, after)


def count_ways(root: World, after: dict[World, list[World]]) -> int:
    """In how many ways it can go; that there is an order of all worlds shows that no way goes on for ever."""
    pending = Counter(target for targets in after.values() for target in targets)
    ways = Counter({root: 1})
    ready, seen, ends = [root], 0, 0
    while ready:
        world = ready.pop()
        seen += 1
        ends += 0 if after[world] else ways[world]
        for target in after[world]:
            ways[target] += ways[world]
            pending[target] -= 1
            if pending[target] == 0:
                ready.append(target)
    assert seen == len(after), "somebody goes round in circles"
    return ends


@pytest.mark.parametrize("single_use", [True, False])
@pytest.mark.parametrize(("unwanted", "expiry"), [("a1", NOW), ("", NOW), ("a1", LATER)])
def test_every_law_holds_in_every_world(unwanted: str, expiry: float, *, single_use: bool) -> None:
    """No reuse, no lost login, no undone logout, no spinning and no silence, whatever happens and in whatever order."""
    worlds, ways = explore(Rules(unwanted=unwanted, expiry=expiry, single_use=single_use))
    assert worlds > 1_000
    assert ways > worlds


@pytest.mark.parametrize("single_use", [True, False])
def test_another_token_that_has_ended_does_not_spin(*, single_use: bool) -> None:
    """A process whose refresh is answered with an end that has not moved does not present again in the same run."""
    explore(Rules(single_use=single_use, issuer=("unmoved, renamed", "rotates")))


def test_without_a_conditional_write_a_logout_is_undone() -> None:
    """The second reading is not enough by itself: it and the write are one transaction, or there is a gap."""
    with pytest.raises(AssertionError, match="a logout is undone"):
        explore(Rules(conditional=False, issuer=("rotates",)))
