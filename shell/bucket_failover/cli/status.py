"""`bucket-failover status` and `explain`: what is believed of each bucket, as a table for people and as JSON."""

from typing import Any, Final, NamedTuple

from returns.methods import unwrap_or_failure
from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bucket_failover.cli.moments import clock_text, date_text, in_users_zone, wait_text
from bucket_failover.cli.session import Session
from bucket_failover_core import (
    AllBucketsExhausted,
    BucketFinding,
    BucketSnapshot,
    FailoverSnapshot,
    Limit,
    TokenHeld,
    UseBucket,
    choose_start,
)
from bucket_failover_core.facts import is_expired
from bucket_failover_core.failover import ChoiceResult
from bucket_failover_core.outlook import Outlook, foresee

_STANDINGS: Final = {
    "benched": "benched",
    "key-refused": "key refused",
    "token-refused": "token refused",
    "account-disabled": "account disabled",
    "issuer-busy": "issuer busy",
    "store-outage": "store outage",
    "paused": "paused",
}
"""Facts for which one of the five reasons stands that says something else to a user who does not know the others."""

_TABLE_COLUMNS: Final = 120
"""Below, the five columns of a table are too narrow for the texts in them."""

_COMES_LATER: Final = "and comes later in the order"


def outlooks(snapshot: FailoverSnapshot, *, at: float, model: str | None) -> list[Outlook]:
    """What is believed of each bucket at a moment."""
    return [foresee(bucket, now=at, model=model) for bucket in snapshot.buckets]


class _Row(NamedTuple):
    """What a user reads of a bucket; the names are the titles."""

    bucket: Text
    standing: Text
    token: Text
    limits: Text
    next: Text


class _StatusView(NamedTuple):
    """The rows as a table with a line for each bucket; as a card for each where a table's columns would be slivers."""

    rows: tuple[_Row, ...]

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        if options.max_width >= _TABLE_COLUMNS:
            yield self._table()
        else:
            yield from (self._card(row) for row in self.rows)

    def _table(self) -> Table:
        table = Table(box=box.SIMPLE, pad_edge=False)
        for title in _Row._fields:
            table.add_column(title, overflow="fold")
        for row in self.rows:
            table.add_row(*row)
        return table

    @staticmethod
    def _card(row: _Row) -> RenderableType:
        lines = Table.grid(padding=(0, 1))
        lines.add_column(style="dim", no_wrap=True)
        lines.add_column(overflow="fold")
        for title, text in zip(_Row._fields[2:], row[2:], strict=True):
            if text:
                lines.add_row(title, text)
        return Group("", Text.assemble(row.bucket, ": ", row.standing), Padding(lines, (0, 0, 0, 2)))


def status_view(snapshot: FailoverSnapshot, *, at: float, model: str | None) -> RenderableType:
    """The state of a profile at a moment, for people: a table, or cards on a narrow terminal."""
    session = snapshot.current or (snapshot.buckets[0].name if snapshot.buckets else "")
    heading = Text.assemble((snapshot.provider, "bold"), f" at {date_text(at)}; the session is with {session}")
    rows = tuple(
        _Row(
            bucket=Text(bucket.name, style="bold" if bucket.name == session else ""),
            standing=Text(_standing_text(outlook.finding), style="yellow" if outlook.finding.reason else "green"),
            token=Text(_token_text(bucket, at=at)),
            limits=Text("\n".join(_limit_text(limit, at=at) for limit in outlook.limits) or "none"),
            next=Text(_next_text(outlook, at=at)),
        )
        for bucket, outlook in zip(snapshot.buckets, outlooks(snapshot, at=at, model=model), strict=True)
    )
    return Group(heading, _StatusView(rows))


def status_json(snapshot: FailoverSnapshot, *, at: float, model: str | None) -> dict[str, Any]:
    """The same for machines."""
    rows = [
        {
            "bucket": bucket.name,
            "usable": outlook.finding.reason is None,
            **_finding_json(outlook.finding),
            "token": _token_json(bucket, at=at),
            "limits": [limit.model_dump(mode="json") for limit in outlook.limits],
            "next": None if outlook.next_change is None else outlook.next_change.model_dump(mode="json"),
        }
        for bucket, outlook in zip(snapshot.buckets, outlooks(snapshot, at=at, model=model), strict=True)
    ]
    return {"provider": snapshot.provider, "at": at, "session_bucket": snapshot.current, "buckets": rows}


def explain(session: Session, snapshot: FailoverSnapshot, *, at: float) -> ChoiceResult:
    """Which bucket the next request would use, by the very decision that it would ask."""
    return choose_start(snapshot, now=at, strategy=session.profile.strategy)


def explanation_text(snapshot: FailoverSnapshot, choice: ChoiceResult, *, at: float) -> RenderableType:
    """The decision's own findings, for people."""
    decision = unwrap_or_failure(choice)
    lines: list[RenderableType] = [Text(_headline(decision, at=at), style="bold")]
    told = {finding.bucket: finding.text for finding in decision.findings}
    for finding in _not_reached(snapshot, decision, at=at):
        told[finding.bucket] = f"{finding.text}, {_COMES_LATER}" if finding.reason is None else finding.text
    return Group(*lines, *(Text(f"- {in_users_zone(told[bucket.name])}") for bucket in snapshot.buckets))


def _not_reached(
    snapshot: FailoverSnapshot, decision: UseBucket | AllBucketsExhausted, *, at: float
) -> list[BucketFinding]:
    """What is known of the buckets that the decision had no need to look at."""
    looked_at = {finding.bucket for finding in decision.findings}
    known = (foresee(bucket, now=at, model=snapshot.model).finding for bucket in snapshot.buckets)
    return [finding for finding in known if finding.bucket not in looked_at]


def explanation_json(snapshot: FailoverSnapshot, choice: ChoiceResult, *, at: float) -> dict[str, Any]:
    """The same for machines."""
    decision = unwrap_or_failure(choice)
    use = decision if isinstance(decision, UseBucket) else None
    return {
        "provider": snapshot.provider,
        "at": at,
        "uses": None if use is None else use.bucket,
        "switched": use is not None and use.switched,
        "is_probe": use is not None and use.is_probe,
        "retry_at": decision.retry_at if isinstance(decision, AllBucketsExhausted) else None,
        "findings": [{"bucket": finding.bucket, **_finding_json(finding)} for finding in decision.findings],
        "not_looked_at": [
            {"bucket": finding.bucket, **_finding_json(finding)} for finding in _not_reached(snapshot, decision, at=at)
        ],
    }


def _headline(decision: UseBucket | AllBucketsExhausted, *, at: float) -> str:
    if isinstance(decision, AllBucketsExhausted):
        return f"At {date_text(at)} the next request would use no bucket. {in_users_zone(decision.message)}"
    how = ", to test whether its limit still holds" if decision.is_probe else ""
    return f"At {date_text(at)} the next request would use {decision.bucket}{how}."


def _standing_text(finding: BucketFinding) -> str:
    """The reason; where its name would mislead, what it is here."""
    return _STANDINGS.get(finding.fact, str(finding.reason) if finding.reason else "usable")


def _finding_json(finding: BucketFinding) -> dict[str, Any]:
    return {
        "fact": finding.fact,
        "reason": None if finding.reason is None else str(finding.reason),
        "remedy": finding.remedy,
        "detail": finding.detail,
        "until": finding.until,
        "text": finding.text,
    }


def _token_text(bucket: BucketSnapshot, *, at: float) -> str:
    token = bucket.token
    if not isinstance(token, TokenHeld):
        return {"absent": "none", "corrupt": "unreadable", "outage": "the store does not answer"}.get(token.kind, "?")
    if bucket.api_key:
        return "API key, refused by the provider" if _is_refused(bucket) else "API key"
    healed = ", can be refreshed" if token.refreshable else ""
    if token.expiry is None:
        is_over = is_expired(None, now=at, issued_at=token.issued_at)
        usable = "refused by the provider" if _is_refused(bucket) else "usable until it is refused"
        return f"{'expired (no expiry known)' if is_over else usable}{healed}"
    if is_expired(token.expiry, now=at):
        return f"expired at {clock_text(token.expiry, now=at)}{healed}"
    until = f"until {clock_text(token.expiry, now=at)}{healed}"
    return f"refused by the provider, though valid {until}" if _is_refused(bucket) else f"valid {until}"


def _is_refused(bucket: BucketSnapshot) -> bool:
    """Whether the provider has refused the token that is held now, or has disabled its account."""
    return isinstance(bucket.token, TokenHeld) and bucket.token.fingerprint in bucket.rejected


def _token_json(bucket: BucketSnapshot, *, at: float) -> dict[str, Any]:
    token = bucket.token
    if not isinstance(token, TokenHeld):
        return {"kind": token.kind}
    return {
        "kind": "api-key" if bucket.api_key else token.kind,
        "expiry": token.expiry,
        "refreshable": token.refreshable,
        "expired": is_expired(token.expiry, now=at, api_key=bucket.api_key, issued_at=token.issued_at),
        "refused": _is_refused(bucket),
    }


def _limit_text(limit: Limit, *, at: float) -> str:
    """A limit in one line: which window, for how long, how we know."""
    wait = wait_text(limit.until - at)
    if limit.source == "operator":
        return f"by hand for {wait} ({limit.detail})"
    of_model = f", {limit.model or 'one model'}" if limit.scope == "model" or limit.model else ""
    detail = f": {limit.detail}" if limit.detail else ""
    return f"{limit.window} for {wait} ({limit.strength}, from {limit.source}{of_model}{detail})"


def _next_text(outlook: Outlook, *, at: float) -> str:
    change = outlook.next_change
    if change is None:
        remedy = outlook.finding.remedy
        return {"login": "log in", "new-key": "store a valid key", "nothing": ""}.get(remedy, remedy)
    return f"{change.text} at {clock_text(change.at, now=at)}"
