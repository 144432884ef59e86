"""The recipes of docs/recipes.md, and a stage on which they run unchanged: a provider on loopback, and no real wait."""

import ast
import asyncio
import inspect
import io
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import anthropic
import openai
import platformdirs
import pytest

from bucket_failover import OAuthToken, SqliteTokenStore
from bucket_failover.cli.app import run
from bucket_failover.testing import EmbeddedProvider
from bucket_failover.transport.loops import AsyncFailover, SyncFailover
from tests.support.callers import Waits

PAGE: Final = Path(__file__).parent.parent.parent / "docs" / "recipes.md"
TEXT: Final = PAGE.read_text(encoding="utf-8")
BLOCK: Final = re.compile(
    r"(?:<!-- (?P<kind>recipe|file|commands): (?P<name>[\w.-]+) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)```\n",
    re.DOTALL,
)
_OUTPUT: Final = re.compile(r"\n```text\n(.*?)```\n", re.DOTALL)
_CELL: Final = re.compile(r"^# %%\n", re.MULTILINE)


@dataclass(frozen=True)
class Recipe:
    """A program of the page, and what it is said to print (None: the page does not say)."""

    code: str
    output: str | None


def blocks(kind: str) -> Iterator[re.Match[str]]:
    """The page's blocks of one kind: recipe, file, or commands."""
    return (block for block in BLOCK.finditer(TEXT) if block["kind"] == kind)


def _output(block: re.Match[str]) -> str | None:
    found = _OUTPUT.match(TEXT, block.end())
    return None if found is None else found[1]


RECIPES: Final = {block["name"]: Recipe(block["text"], _output(block)) for block in blocks("recipe")}
FILES: Final = {block["name"]: block["text"] for block in blocks("file")}
COMMANDS: Final = {block["name"]: block["text"].splitlines() for block in blocks("commands")}


class Stage:
    """A user's machine, with a provider on it.

    Args:
        folder: an empty one, for profiles and the store.
        patch: sets variables, and the clock and the waits that a transport has by default.
    """

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder, self._patch, self._servers = folder, patch, ExitStack()
        self.waits = Waits(time.time())
        self.provider = self.new_provider()
        self.store = folder / "buckets.db"
        self.url = ""
        for kind in (SyncFailover, AsyncFailover):  # which hand their clock to the issuer
            patch.setitem(_defaults(kind), "clock", self.waits.clock)
        patch.setitem(_defaults(SyncFailover), "sleep", self.waits.sleep)
        patch.setitem(_defaults(AsyncFailover), "sleep", self.waits.sleep_async)
        patch.setenv("BUCKET_FAILOVER_STORE", str(self.store))
        patch.delenv("BUCKET_FAILOVER_PROFILE", raising=False)
        patch.setattr(platformdirs, "user_config_path", lambda _application: folder)

    def new_provider(self) -> EmbeddedProvider:
        """A provider that goes by the clock of the stage."""
        return EmbeddedProvider(clock=self.waits.clock)

    @contextmanager
    def opened(self) -> Iterator["Stage"]:
        """The provider is where each SDK looks for its own."""
        with self._servers:
            self.url = self.serve(self.provider)
            for variable, path in {"OPENAI_BASE_URL": "/v1", "ANTHROPIC_BASE_URL": ""}.items():
                self._patch.setenv(variable, self.url + path)
            yield self

    def serve(self, provider: EmbeddedProvider) -> str:
        """Where a provider is reached, until the end."""
        return self._servers.enter_context(provider.serve_in_thread())

    def add_keys(self, variable: str, *accounts: str, **options: Any) -> None:
        """Accounts, and their keys with commas between them in a variable."""
        keys: list[str] = []
        for account in accounts:
            self.provider.add_account(account, **options)
            keys.append(self.provider.add_api_key(account))
        self._patch.setenv(variable, ",".join(keys))

    def profile(self, name: str, addresses: Mapping[str, str] = MappingProxyType({})) -> None:
        """A profile of the page; addresses in it that stand for the world outside are replaced by those on loopback."""
        text = FILES[f"{name}.toml"]
        for place, url in {"https://login.example": self.url, **addresses}.items():
            text = text.replace(place, url)
        (self._folder / f"{name}.toml").write_text(text, encoding="utf-8")

    def run_imports(self, recipe: str) -> None:
        """The recipe's commands, but for those that need a user with a browser."""
        for line in COMMANDS[recipe]:
            program, *arguments = line.split()
            assert program == "bucket-failover"
            if arguments[0] == "import":
                with redirect_stdout(io.StringIO()):
                    assert run(arguments) == 0

    def log_in(self, account: str, **options: Any) -> None:
        """A login of an account's in the store, as if its user had followed `bucket-failover login`."""
        issued = self.provider.issue(account, **options)
        known = {"refresh_token": issued.refresh_token, "expiry": issued.expires_at, "issued_at": self.waits.now}
        with SqliteTokenStore(self.store) as tokens:
            tokens.write("anthropic", account, OAuthToken.model_validate({"access_token": issued.access_token} | known))

    def spend(self, *accounts: str, seconds: float = 7_200.0) -> None:
        """Nothing is let in before so many seconds have passed."""
        for account in accounts:
            self.provider.spend(account, until=self.waits.now + seconds)

    @property
    def calls(self) -> list[tuple[str | None, int | None]]:
        """Who was called, and with which status."""
        return [(request.account, request.status) for request in self.provider.requests]


def _defaults(kind: type) -> dict[str, Any]:
    """What a class takes where its user names nothing, for a patch."""
    initializer: Any = kind.__init__  # type: ignore[misc] # its defaults alone are read
    defaults: dict[str, Any] = initializer.__kwdefaults__
    return defaults


def run_program(code: str, names: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
    """What a program prints, and the names that it leaves.

    Args:
        code: of the page.
        names: those that it begins with; it leaves its own there, even if it raises.
    """
    names = {} if names is None else names
    names["__name__"] = "recipe"
    with redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, str(PAGE), "exec"), names)  # noqa: S102 - the page is ours
    return printed.getvalue(), names


async def run_cells(code: str) -> tuple[str, dict[str, Any]]:
    """The same for a notebook's cells, as its kernel runs them: in an event loop that runs already."""
    names: dict[str, Any] = {"__name__": "recipe"}
    with redirect_stdout(io.StringIO()) as printed:
        for cell in _CELL.split(code)[1:]:
            compiled = compile(cell, str(PAGE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            running = eval(compiled, names)  # noqa: S307 - the page is ours
            if inspect.iscoroutine(running):
                await running
    return printed.getvalue(), names


def close(*clients: Any) -> None:
    """Close what a program has left open, with an event loop where that is needed."""
    for client in clients:
        closing = client.close()
        if inspect.iscoroutine(closing):
            asyncio.run(closing)


def clients_in(names: Mapping[str, Any]) -> list[Any]:
    """The SDKs' clients among the names that a program leaves."""
    kinds = (openai.OpenAI, openai.AsyncOpenAI, anthropic.Anthropic, anthropic.AsyncAnthropic)
    return [value for value in names.values() if isinstance(value, kinds)]
