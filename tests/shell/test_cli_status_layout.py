"""How `status` looks: to another program, late in the evening, and on a narrow terminal."""

import io
import re
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from rich.console import Console

from bucket_failover.cli.session import open_session
from bucket_failover.cli.status import status_view
from tests.shell.test_cli_limits import Desk
from tests.shell.test_cli_limits import desk as desk  # noqa: PLC0414 - the fixture is used here, too


@pytest.fixture
def before_midnight(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The user's clock shows 23:58, so that what ends in an hour ends tomorrow, and is told with its date."""
    eastward = timedelta(seconds=(23 * 3_600 + 58 * 60 - int(time.time())) % 86_400)
    monkeypatch.setenv("TZ", f"SEA-{eastward}")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("before_midnight")
def test_what_another_program_reads_has_a_line_for_each_bucket(desk: Desk) -> None:
    """However long its texts are."""
    desk.run("bench", "default", "--until", "90d", "--reason", "a reason of many words " * 20)
    lines = [line for line in desk.run("status").splitlines()[4:] if line.strip()]
    assert [line.split()[0] for line in lines] == ["default", "claudius", "team"]
    assert re.search(r"valid until \d{4}-\d\d-\d\d 00:5\d, can be refreshed", lines[0])
    assert len(desk.run("explain", "--at", "2h").splitlines()) == 1 + 3


@pytest.mark.parametrize(("columns", "is_table"), [(40, False), (119, False), (120, True), (200, True)])
def test_a_narrow_terminal_shows_cards(desk: Desk, columns: int, *, is_table: bool) -> None:
    """No line is cut, and no column is as narrow as a word."""
    screen = io.StringIO()
    with open_session(desk.profile, desk.store, None) as session:
        view = status_view(session.snapshot(), at=desk.now, model=None)
    Console(width=columns, file=screen).print(view)
    lines = screen.getvalue().splitlines()
    assert max(len(line) for line in lines) <= columns
    assert ("claudius: quota-exhausted" in lines) is not is_table
    assert any("standing" in line for line in lines) is is_table
    assert all(
        word in screen.getvalue() for word in ("quota-exhausted", "refreshed", "advisory,", "renewed", "API key")
    )
