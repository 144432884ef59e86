"""The recipes of docs/recipes.md: each program runs as it stands there, and prints what the page says it prints."""

import asyncio
import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from starlette.testclient import TestClient

from bucket_failover.testing import HAIKU, Quota
from bucket_failover.transport import exhausted_error
from tests.support.celery_stand_in import in_worker, install
from tests.support.recipes import BLOCK, COMMANDS, RECIPES, TEXT, Stage, clients_in, close, run_cells, run_program

AGENTS = {"pydantic-ai", "pydantic-ai-anthropic", "openai-agents", "langchain"}
"""Recipes with tests of their own: test_recipes_agents.py."""


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A machine with a provider; two accounts with keys, as most recipes want them."""
    with Stage(tmp_path, monkeypatch).opened() as opened:
        yield opened
    gc.collect()


def printed_by(name: str) -> str:
    """What a recipe prints; its clients are closed after it."""
    printed, names = run_program(RECIPES[name].code)
    close(*clients_in(names))
    return printed


def test_every_program_of_the_page_is_a_recipe_and_has_its_test() -> None:
    """No code stands there that does not run."""
    for block in BLOCK.finditer(TEXT):
        assert block["kind"] or block["language"] == "text", block[0]
    tests = {
        name.removeprefix("test_recipe_").replace("_", "-") for name in globals() if name.startswith("test_recipe_")
    }
    assert set(RECIPES) <= tests | AGENTS
    assert set(COMMANDS) <= set(RECIPES)


def test_recipe_two_keys(stage: Stage) -> None:
    """The first is spent: the second serves, in the same request."""
    stage.add_keys("OPENAI_API_KEYS", "first", "second")
    stage.spend("first")
    assert printed_by("two-keys") == RECIPES["two-keys"].output
    assert stage.calls == [("first", 429), ("second", 200)]


def test_recipe_paid_behind_free(stage: Stage) -> None:
    """The paid key serves while the free one cannot, and no longer."""
    stage.add_keys("FREE_KEY", "free", quota=Quota(requests=2, window_seconds=60.0, window="minute"))
    stage.add_keys("PAID_KEY", "paid")
    stage.profile("cheap")
    stage.run_imports("paid-behind-free")
    assert printed_by("paid-behind-free") == RECIPES["paid-behind-free"].output
    assert printed_by("paid-behind-free").split() == ["paid"] * 3
    stage.waits.now += 400.0
    assert printed_by("paid-behind-free").split() == ["free", "free", "paid"]
    assert stage.waits == []


def test_recipe_subscriptions(stage: Stage) -> None:
    """A login that has ended is refreshed; the metered key serves when both plans are spent, and no longer."""
    for account in ("work", "private"):
        stage.provider.add_account(account)
    stage.add_keys("ANTHROPIC_API_KEY", "metered")
    stage.profile("claude")
    stage.run_imports("subscriptions")
    stage.log_in("work")
    stage.log_in("private", expired=True)
    stage.spend("work", seconds=18_000.0)
    assert printed_by("subscriptions").endswith("by private\n")
    assert stage.provider.refreshes("private") == 1
    stage.spend("private", seconds=18_000.0)
    assert printed_by("subscriptions").endswith("by metered\n")
    stage.waits.now += 18_100.0
    assert printed_by("subscriptions").endswith("by work\n")


def test_recipe_subscriptions_prints_what_the_page_says(stage: Stage) -> None:
    """Both plans are spent."""
    for account in ("work", "private"):
        stage.provider.add_account(account)
        stage.log_in(account)
    stage.add_keys("ANTHROPIC_API_KEY", "metered")
    stage.profile("claude")
    stage.run_imports("subscriptions")
    stage.spend("work", "private")
    assert printed_by("subscriptions") == RECIPES["subscriptions"].output


def test_recipe_azure(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each region has its own address and key; the key of one never goes to the other."""
    stage.add_keys("AZURE_SWEDEN_KEY", "sweden")
    france = stage.new_provider()
    france.add_account("france")
    monkeypatch.setenv("AZURE_FRANCE_KEY", france.add_api_key("france"))
    urls = {"sweden": stage.url, "france": stage.serve(france)}
    stage.profile("azure", {f"https://{region}.openai.azure.com/openai": url for region, url in urls.items()})
    monkeypatch.delenv("OPENAI_BASE_URL")
    stage.run_imports("azure")
    stage.spend("sweden")
    assert printed_by("azure") == RECIPES["azure"].output
    assert stage.calls == [("sweden", 429)]
    assert [(request.account, request.status) for request in france.requests] == [("france", 200)]


def test_recipe_teams(stage: Stage) -> None:
    """A team whose key is spent takes the reserve's; the other team keeps its own."""
    for account in ("red", "blue", "reserve-1", "reserve-2"):
        stage.add_keys(f"{account.upper().replace('-', '_')}_KEY", account)
    stage.spend("red")
    printed, names = run_program(RECIPES["teams"].code)
    close(*names["clients"].values())
    assert printed == RECIPES["teams"].output
    assert stage.calls == [("red", 429), ("reserve-1", 200), ("blue", 200)]


def test_recipe_teams_knows_an_organizations_keys(stage: Stage) -> None:
    """When a limit of the reserve's organization is reached, its second key is not tried."""
    for account in ("red", "blue", "reserve-1", "reserve-2"):
        stage.add_keys(f"{account.upper().replace('-', '_')}_KEY", account)
    stage.spend("red")
    reached = "Rate limit reached for gpt-5 in organization org-acme on requests per day (RPD): Limit 200, Used 200."
    body = {"error": {"message": reached, "type": "requests", "param": None, "code": "rate_limit_exceeded"}}
    stage.provider.fail_next(429, account="reserve-1", retry_after=7_200, body=body)
    names: dict[str, Any] = {}
    with pytest.raises(openai.RateLimitError) as caught:
        run_program(RECIPES["teams"].code, names)
    close(*names["clients"].values())
    told = exhausted_error(caught.value)
    assert told is not None
    assert set(told.bucket_failure_reasons) == {"red", "reserve-1", "reserve-2"}
    assert stage.calls == [("red", 429), ("reserve-1", 429)]


def test_recipe_conversations(stage: Stage) -> None:
    """Each conversation stays with its key, in this program and in the next; not all have the same one."""
    for account in ("a", "b", "c"):
        stage.add_keys(f"{account.upper()}_KEY", account)
    stage.profile("pool")
    stage.run_imports("conversations")
    first, second = printed_by("conversations"), printed_by("conversations")
    assert first == second == RECIPES["conversations"].output


def test_recipe_notebook(stage: Stage) -> None:
    """Both clients work in a kernel, whose event loop runs already."""
    stage.add_keys("OPENAI_API_KEYS", "first", "second")
    stage.spend("first")

    async def kernel() -> str:
        printed, names = await run_cells(RECIPES["notebook"].code)
        await names["many"].close()
        names["client"].close()
        return printed

    assert asyncio.run(kernel()) == RECIPES["notebook"].output


def test_recipe_batch(stage: Stage) -> None:
    """Five hours are waited for, once."""
    quota = Quota(requests=1, window_seconds=18_000.0, window="5h")
    stage.add_keys("ANTHROPIC_API_KEYS", "first", "second", quota=quota)
    assert printed_by("batch") == RECIPES["batch"].output
    assert len(stage.waits) == 1
    assert 17_000.0 < stage.waits[0] < 18_100.0


def test_recipe_fastapi(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """The answer does not show which bucket it was; without a bucket, callers hear when to come back."""
    stage.add_keys("OPENAI_API_KEYS", "first", "second")
    stage.spend("first")
    _, names = run_program(RECIPES["fastapi"].code)
    with TestClient(names["app"]) as browser:
        with caplog.at_level("INFO", "haikus"):
            assert browser.get("/haiku").json()["haiku"] in HAIKU
        assert "served by key-2" in caplog.text
        stage.provider.fail_next(429, account="second", retry_after=200)
        refused = browser.get("/haiku")
        assert (refused.status_code, refused.headers.get("retry-after")) == (503, "200")
        assert "no bucket is left" in caplog.text
    assert stage.waits == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_recipe_celery(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one worker has learned, the next one knows; a task that no bucket can serve comes back at the right time."""
    stage.add_keys("FIRST_KEY", "first")
    stage.add_keys("SECOND_KEY", "second")
    stage.profile("workers")
    stage.run_imports("celery")
    begin, end = install(monkeypatch)
    _, names = run_program(RECIPES["celery"].code)
    task = names["write_haiku"]
    stage.provider.fail_next(429, account="first", retry_after=3_600)
    assert in_worker(begin, end, task) in HAIKU
    assert stage.calls == [("first", 429), ("second", 200)]
    assert in_worker(begin, end, task) in HAIKU
    assert stage.calls[2:] == [("second", 200)]
    stage.provider.fail_next(429, account="second", retry_after=7_200)
    assert in_worker(begin, end, task) == pytest.approx(stage.waits.now + 3_600, abs=1.0)


def test_recipe_tests(stage: Stage, tmp_path: Path) -> None:
    """In a pytest of its own, with warnings as errors."""
    file = tmp_path / "test_of_a_user.py"
    file.write_text(RECIPES["tests"].code, encoding="utf-8")
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)]
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ran = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60, env=environment
    )
    assert "3 passed" in ran.stdout, ran.stdout
