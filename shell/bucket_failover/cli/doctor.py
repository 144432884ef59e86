"""The command `doctor`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from bucket_failover.cli.checks import Check, State, checks, unusable_store
from bucket_failover.cli.console import make_console, print_json, reader_may_leave
from bucket_failover.cli.moments import in_users_zone
from bucket_failover.cli.options import JsonOption, PlainOption, ProfileOption, ProviderOption, StoreOption
from bucket_failover.cli.session import now, open_session
from bucket_failover.errors import TokenStoreError

_SOMETHING_FAILED: Final = 1
_STYLES: Final[dict[State, str]] = {"ok": "green", "warning": "yellow", "failure": "bold red"}


def doctor_command(
    offline: Annotated[bool, typer.Option("--offline", help="Ask no issuer.")] = False,
    as_json: JsonOption = False,
    plain: PlainOption = False,
    provider: ProviderOption = None,
    profile: ProfileOption = None,
    store: StoreOption = None,
) -> None:
    """Check store, permissions, secrets, locks, endpoints, clock and buckets, and say what would help.

    Nothing is refreshed, and nothing is sent but an empty question to the issuer's endpoints. Advice is tried on a copy
    of the bucket before it is given.
    """
    found: list[Check] = []
    console = make_console(plain=plain)
    with reader_may_leave():
        for check in _found(profile, store, provider, is_offline=offline):
            found.append(check)
            if not as_json:
                state = (f"{check.state:<8}", _STYLES[check.state])
                line = Text.assemble(state, f"{check.about:<13}", in_users_zone(check.text))
                console.print(line, soft_wrap=not console.is_terminal)  # a command in it is to be copied
        if as_json:
            print_json({"checks": [check._asdict() for check in found]})
    raise typer.Exit(_SOMETHING_FAILED if any(check.state == "failure" for check in found) else 0)


def _found(profile: Path | None, store: Path | None, provider: str | None, *, is_offline: bool) -> Iterator[Check]:
    """Every check; of a store that cannot even be opened, that."""
    try:
        with open_session(profile, store, provider) as session:
            yield from checks(session, at=now(), is_offline=is_offline)
    except TokenStoreError as error:
        yield unusable_store(str(error))
