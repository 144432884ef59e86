"""The commands about limits: `status`, `explain`, `bench`, `clear`."""

import sys
import time
from typing import Annotated, Final

import typer
from returns.result import Success
from rich.console import Console, RenderableType
from rich.live import Live

from bucket_failover.cli import beliefs, status
from bucket_failover.cli.console import answer, make_console, print_json, reader_may_leave
from bucket_failover.cli.moments import clock_text, parse_moment, wait_text
from bucket_failover.cli.options import (
    AtOption,
    JsonOption,
    ModelOption,
    PlainOption,
    ProfileOption,
    ProviderOption,
    StoreOption,
)
from bucket_failover.cli.session import Session, now, open_session
from bucket_failover.errors import UsageError

_NONE_USABLE: Final = 1
_INTERVAL_SECONDS: Final = 2.0


def status_command(
    at: AtOption = None,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh in place until interrupted.")] = False,
    interval: Annotated[
        float | None,
        typer.Option("--interval", min=0.1, max=86_400, help="Seconds between two looks, with --watch. Default: 2."),
    ] = None,
    model: ModelOption = None,
    as_json: JsonOption = False,
    plain: PlainOption = False,
    provider: ProviderOption = None,
    profile: ProfileOption = None,
    store: StoreOption = None,
) -> None:
    """What is believed of each bucket: its token, the limits in force, and what happens next and when.

    It only looks: nothing is refreshed, and no provider is asked.
    """
    if interval is not None and not watch:
        message = "--interval: it is for --watch"
        raise UsageError(message)
    with reader_may_leave(), open_session(profile, store, provider) as session:
        console = make_console(plain=plain)
        if not watch:
            _print_status(session, console, _moment("--at", at), model, as_json=as_json)
            return
        if at is not None:
            message = "--at: --watch shows what is now"
            raise UsageError(message)
        _watch(session, console, interval or _INTERVAL_SECONDS, model, as_json=as_json)


def explain_command(
    at: AtOption = None,
    model: ModelOption = None,
    as_json: JsonOption = False,
    plain: PlainOption = False,
    provider: ProviderOption = None,
    profile: ProfileOption = None,
    store: StoreOption = None,
) -> None:
    """Which bucket the next request would use, and for every other one the fact that rules it out."""
    with reader_may_leave(), open_session(profile, store, provider) as session:
        moment = _moment("--at", at)
        snapshot = session.snapshot(at=moment)
        if model is not None:
            snapshot = snapshot.evolve({"model": model})
        choice = status.explain(session, snapshot, at=moment)
        if as_json:
            print_json(status.explanation_json(snapshot, choice, at=moment))
        else:
            make_console(plain=plain).print(status.explanation_text(snapshot, choice, at=moment))
        raise typer.Exit(0 if isinstance(choice, Success) else _NONE_USABLE)


def bench_command(
    bucket: Annotated[str, typer.Argument(help="The bucket's name.", metavar="BUCKET")],
    until: Annotated[str, typer.Option("--until", metavar="MOMENT", help="18:00, 2h30m, 2026-09-01T18:00Z, …")],
    reason: Annotated[str, typer.Option("--reason", help="For those who ask why.")] = "",
    as_json: JsonOption = False,
    provider: ProviderOption = None,
    profile: ProfileOption = None,
    store: StoreOption = None,
) -> None:
    """Take a bucket out until a moment. Running programs that share the store see it with their next request."""
    with reader_may_leave(), open_session(profile, store, provider) as session:
        at = now()
        moment = _moment("--until", until)
        if moment <= at:
            message = f"--until: {until!r} is not after now"
            raise UsageError(message)
        limit = beliefs.bench(session, bucket, until=moment, reason=reason, at=at)
        if as_json:
            print_json({"bucket": bucket, "limit": limit.model_dump(mode="json")})
            return
        end = f"{clock_text(moment, now=at)} (for {wait_text(moment - at)})"
        answer(f"{bucket} is benched until {end}. To undo it: bucket-failover clear {bucket}")


def clear_command(
    buckets: Annotated[list[str] | None, typer.Argument(help="The buckets' names.", metavar="BUCKET...")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every bucket of the profile.")] = False,
    as_json: JsonOption = False,
    provider: ProviderOption = None,
    profile: ProfileOption = None,
    store: StoreOption = None,
) -> None:
    """Forget every limit of a bucket, an operator's or the provider's, and refused tokens: its next request asks."""
    with reader_may_leave(), open_session(profile, store, provider) as session:
        if bool(buckets) == everything:
            message = "BUCKET: name the buckets, or say --all"
            raise UsageError(message)
        names = tuple(bucket.name for bucket in session.profile.buckets) if everything else tuple(buckets or ())
        forgotten = beliefs.clear(session, names)
        if as_json:
            print_json(
                {name: [limit.model_dump(mode="json") for limit in each.limits] for name, each in forgotten.items()}
            )
            return
        for name, each in forgotten.items():
            refused = f" and {_counted(each.refusals, 'refused token')}" if each.refusals else ""
            answer(f"{name}: {_counted(len(each.limits), 'limit')}{refused} forgotten")


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _print_status(session: Session, console: Console, at: float, model: str | None, *, as_json: bool) -> None:
    snapshot = session.snapshot(at=at)
    if as_json:
        print_json(status.status_json(snapshot, at=at, model=model))
    else:
        console.print(status.status_view(snapshot, at=at, model=model))


def _watch(session: Session, console: Console, interval: float, model: str | None, *, as_json: bool) -> None:
    """Refresh until interrupted: in place on a terminal, one after the other elsewhere."""
    if as_json or not console.is_terminal:
        while True:
            _print_status(session, console, now(), model, as_json=as_json)
            sys.stdout.flush()
            time.sleep(interval)

    def draw() -> RenderableType:
        return status.status_view(session.snapshot(), at=now(), model=model)

    with Live(draw(), console=console, auto_refresh=False, screen=False) as live:
        while True:
            time.sleep(interval)
            live.update(draw(), refresh=True)


def _moment(option: str, text: str | None) -> float:
    """The moment that was typed; now if none was.

    Raises:
        UsageError: it is none.
    """
    if text is None:
        return now()
    moment = parse_moment(text, now=now())
    if moment is None:
        message = f"{option}: {text!r} is no moment; write 18:00, 2h30m, or 2026-09-01T18:00Z"
        raise UsageError(message)
    return moment
