"""The agent frameworks of docs/recipes.md, the real packages: a spent bucket costs one call, and not the agent's run.

They are in the extra `frameworks`; where a package is missing, its tests are skipped.
"""

import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bucket_failover.testing import HAIKU
from tests.support.recipes import RECIPES, Stage, run_program


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A machine with a provider, and keys of two accounts."""
    with Stage(tmp_path, monkeypatch).opened() as opened:
        opened.add_keys("OPENAI_API_KEYS", "first", "second")
        yield opened
    gc.collect()


def ran(name: str, **names: Any) -> tuple[str, dict[str, Any]]:
    """What a recipe prints, and the names that it leaves."""
    return run_program(RECIPES[name].code, names)


ONE_CALL_MORE = [("first", 429), ("second", 200), ("second", 200)]
"""The first bucket is spent; the second one calls the tool, and answers with its result."""


def test_recipe_pydantic_ai(stage: Stage) -> None:
    """The tool is called, and its result is answered."""
    pytest.importorskip("pydantic_ai")
    stage.spend("first")
    printed, _ = ran("pydantic-ai")
    assert printed == RECIPES["pydantic-ai"].output
    assert stage.calls == ONE_CALL_MORE
    assert stage.waits == []


def test_recipe_pydantic_ai_anthropic(stage: Stage) -> None:
    """The same with logins, of which the first is spent and the second has to be refreshed."""
    pytest.importorskip("pydantic_ai")
    for account in ("work", "private"):
        stage.provider.add_account(account)
    stage.profile("claude")
    stage.log_in("work")
    stage.log_in("private", expired=True)
    stage.spend("work")
    printed, _ = ran("pydantic-ai-anthropic")
    assert printed.startswith("the moon was looked at\n")
    generated = [(each.account, each.status) for each in stage.provider.requests if each.endpoint == "messages"]
    assert generated == [("work", 429), ("private", 200), ("private", 200)]
    assert stage.provider.refreshes("private") == 1


def test_recipe_openai_agents(stage: Stage) -> None:
    """The tool is called, and its result is answered; no trace leaves the program."""
    pytest.importorskip("agents")
    stage.spend("first")
    printed, _ = ran("openai-agents")
    assert printed == RECIPES["openai-agents"].output
    assert stage.calls == ONE_CALL_MORE


@pytest.mark.parametrize(("name", "package"), [("pydantic-ai", "pydantic_ai"), ("openai-agents", "agents")])
def test_a_bucket_that_is_spent_in_the_middle_of_a_run(stage: Stage, name: str, package: str) -> None:
    """Between the call of the tool and its result."""
    pytest.importorskip(package)
    printed: list[str] = []

    def spending(line: str) -> None:
        printed.append(line)
        stage.spend("first")

    ran(name, print=spending)
    assert printed == ["the moon was looked at", HAIKU[0]]
    assert stage.calls == [("first", 200), ("first", 429), ("second", 200)]
    assert stage.waits == []


def test_recipe_langchain(stage: Stage) -> None:
    """The tool is called, and its result is answered; with an event loop as well."""
    pytest.importorskip("langchain_openai")
    stage.spend("first")
    printed, names = ran("langchain")
    assert printed == RECIPES["langchain"].output
    assert stage.calls == ONE_CALL_MORE

    async def again() -> str:
        answer = await names["model"].ainvoke([names["question"]])
        await names["model"].http_async_client.aclose()
        return str(answer.content)

    assert asyncio.run(again()) in HAIKU
    names["model"].http_client.close()
    assert stage.calls[3:] == [("first", 429), ("second", 200)]
    assert stage.waits == []
