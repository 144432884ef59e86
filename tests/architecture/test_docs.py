"""The documentation: every program in it runs, says what the page says it says, and every link leads somewhere."""

import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bucket_failover import OAuthToken, SqliteTokenStore
from bucket_failover.testing import EmbeddedProvider
from tests.requirements.trace import PAGE, page, problems

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
_PROGRAM = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n```text\n(?P<output>.*?)```\n)?", re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


@dataclass(frozen=True)
class Program:
    """A complete program in a page, and what it is said to print (None: the page does not say)."""

    page: str
    code: str
    output: str | None


def programs() -> list[Program]:
    """All of them."""
    return [
        Program(path.relative_to(ROOT).as_posix(), match["code"], match["output"])
        for path in PAGES
        for match in _PROGRAM.finditer(path.read_text())
    ]


@contextmanager
def users_environment(program: Program, folder: Path) -> Iterator[dict[str, str]]:
    """What a user of an SDK has: a provider, keys of two accounts, the first of which is spent, and a profile."""
    if "bucket_failover.clients" not in program.code and "bucket_failover.transport" not in program.code:
        yield {}
        return
    provider, now = EmbeddedProvider(), time.time()
    keys: list[str] = []
    for account in ("default", "claudius"):
        provider.add_account(account)
        keys.append(provider.add_api_key(account))
    provider.spend("default", until=now + 7_200.0)
    store, profile = folder / "buckets.db", folder / "profile.toml"
    with provider.serve_in_thread() as url, SqliteTokenStore(store) as tokens:
        profile.write_text(
            f'[anthropic]\nbuckets = ["default", "claudius"]\n'
            f'[anthropic.oauth]\ntoken_endpoint = "{url}/oauth/token"\nclient_id = "x"\n'
        )
        for account in ("default", "claudius"):
            issued = provider.issue(account)
            known = {"refresh_token": issued.refresh_token, "expiry": issued.expires_at, "issued_at": now}
            tokens.write("anthropic", account, OAuthToken.model_validate({"access_token": issued.access_token} | known))
        yield {
            "OPENAI_BASE_URL": f"{url}/v1",
            "ANTHROPIC_BASE_URL": url,
            "GOOGLE_GEMINI_BASE_URL": url,
            "OPENAI_API_KEYS": ", ".join(keys),
            "ANTHROPIC_API_KEYS": ",".join(keys),
            "GEMINI_API_KEYS": ",".join(keys),
            "BUCKET_FAILOVER_PROFILE": str(profile),
            "BUCKET_FAILOVER_STORE": str(store),
        }


def _id(program: Program) -> str:
    return f"{program.page}:{program.code.strip().splitlines()[0][:30]}"


@pytest.mark.parametrize("program", programs(), ids=_id)
def test_every_program_runs_and_prints_what_the_page_says(program: Program, tmp_path: Path) -> None:
    """In a process of its own, with warnings as errors."""
    path = tmp_path / "program.py"
    path.write_text(program.code)
    with users_environment(program, tmp_path) as environment:
        ran = subprocess.run(
            [sys.executable, "-W", "error", str(path)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=os.environ | environment,
        )
    assert ran.returncode == 0, ran.stderr
    if program.output is not None:
        assert ran.stdout == program.output


def loop_of(code: str) -> list[str]:
    """The lines of a shell's loop: of the `while` in which it asks `decide_request`."""
    lines = code.splitlines()
    asks = next(place for place, line in enumerate(lines) if "decide_request(" in line)
    begins = max(place for place, line in enumerate(lines[:asks]) if line.lstrip().startswith("while "))
    depth = len(lines[begins]) - len(lines[begins].lstrip())
    inside = (place for place in range(begins + 1, len(lines)) if lines[place].strip())
    ends = next((place for place in inside if len(lines[place]) - len(lines[place].lstrip()) <= depth), len(lines))
    return [line for line in lines[begins:ends] if line.strip()]


def test_the_pages_show_whole_shells_that_are_small() -> None:
    """Three on the embedding page, one in the README and one to be tested: complete, and at most 30 lines of loop."""
    shells = [program for program in programs() if "decide_request(" in program.code]
    assert [shell.page for shell in shells] == ["README.md", *["docs/embedding.md"] * 3, "docs/testing.md"]
    for shell in shells:
        assert shell.output
        assert 10 < len(loop_of(shell.code)) <= 30


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(path: Path) -> None:
    """Within the repository."""
    for target in _LINK.findall(path.read_text()):
        assert (path.parent / target).exists(), target


def test_every_decision_has_its_page() -> None:
    """Question, rules, a worked example, the road not taken."""
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert len(pages) == 10
    for path in pages:
        text = path.read_text()
        for heading in ("## Question", "## Rules", "## Example", "## The road not taken"):
            assert heading in text, f"{path.name} lacks {heading}"


@pytest.mark.requirement("REQ-1598-DC01")
@pytest.mark.requirement("REQ-1598-DC02")
def test_what_a_person_meets_is_documented() -> None:
    """How a login can be abandoned, and what happens to a token near its end."""
    section = (ROOT / "docs" / "how-it-works.md").read_text().split("## What a user meets")[1]
    for words in ("To *abandon* it", "refuse it, close it, or let it time out", "used to its last second", "at 80 %"):
        assert words in " ".join(section.split()), words


def test_the_architecture_page_names_every_room_and_only_what_exists() -> None:
    """Each room of the core, each folder of the shell, and no path that has moved."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    assert len(text.splitlines()) <= 150
    for package in (ROOT / "core" / "bucket_failover_core", ROOT / "shell" / "bucket_failover"):
        for room in package.glob("*/__init__.py"):
            assert f"| `{room.parent.name}` |" in text, room
    paths = re.findall(r"`([\w.*-]+/[\w./*-]*|[\w-]+\.toml)`", text)
    assert len(paths) > 40
    for path in paths:
        assert list(ROOT.glob(path)), path


@pytest.mark.parametrize(("heading", "contract"), [("The core", "core-rooms"), ("The shell", "shell-layers")])
def test_the_architecture_page_draws_the_contracts(heading: str, contract: str) -> None:
    """Line by line, what import-linter holds."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    drawn = text.split(f"## {heading}\n\n```\n")[1].split("\n```")[0].splitlines()
    held = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in held if each["id"] == contract)
    assert [set(line.split()) for line in drawn] == [set(layer.replace("|", " ").split()) for layer in layers]


def test_the_requirements_page_is_up_to_date() -> None:
    """Generated by `python -m tests.requirements`; every requirement that is built has a test."""
    assert problems() == []
    assert PAGE.read_text() == page()


def test_the_readmes_commands_are_marked() -> None:
    """The project's own check takes them from there, word for word."""
    readme = (ROOT / "README.md").read_text()
    for name in ("demo", "tests"):
        assert re.search(rf"<!-- command: {name} -->\n```sh\npython3 -m venv .*\n```\n", readme), name


def test_the_repository_speaks_of_the_project_alone() -> None:
    """No path of a developer's machine."""
    for path in [*PAGES, *(ROOT / "core").rglob("*.py"), *(ROOT / "shell").rglob("*.py")]:
        assert not re.search(r"/(home|root|work|Users)/\w", path.read_text()), path


def test_each_guarantee_names_a_test_that_there_is() -> None:
    """A file, and in it a function of that name."""
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs" / "guarantees.md").read_text())
    assert len(named) > 15
    for file, function in named:
        assert f"def {function}" in (ROOT / file).read_text(), (file, function)
