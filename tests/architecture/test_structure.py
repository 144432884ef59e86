"""What holds for the project as a whole: its layout, its import law, its sizes, and its public names."""

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import bucket_failover
import bucket_failover_core
from bucket_failover import BucketFailureReason

ROOT = Path(__file__).parent.parent.parent
CORE = sorted((ROOT / "core").rglob("*.py"))
SHELL = sorted((ROOT / "shell").rglob("*.py"))
ALL_TESTS = sorted((ROOT / "tests").rglob("*.py"))

ROOMS = sorted(path.parent.name for path in (ROOT / "core" / "bucket_failover_core").glob("*/__init__.py"))

WITHOUT_RULES = frozenset({"signals", "reasons", "events"})
"""Modules of the core that are only names and types."""

CORE_NAMES = Path(__file__).with_name("public_names_core.txt").read_text().split()
SHELL_NAMES = Path(__file__).with_name("public_names_shell.txt").read_text().split()


def test_the_top_level_is_as_agreed() -> None:
    """Nothing but the agreed names is under version control at the top."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607 - whichever git there is
    if listed.returncode != 0:
        pytest.skip("this is no checkout, so nothing is known of version control")
    names = {line.split("/")[0] for line in listed.stdout.splitlines()}
    agreed = {"pyproject.toml", "core", "shell", "tests", "docs", "README.md", "CHANGELOG.md", "LICENSE"}
    assert {name for name in names if not name.startswith(".")} <= agreed


@pytest.mark.requirement("REQ-1598-IC05")
@pytest.mark.requirement("REQ-1598-IC08")
def test_the_contracts_names_are_public() -> None:
    """The core's in both packages, the shell's in its own."""
    assert set(CORE_NAMES) <= set(bucket_failover_core.__all__)
    assert {*CORE_NAMES, *SHELL_NAMES} <= set(bucket_failover.__all__)
    for name in bucket_failover_core.__all__:
        assert getattr(bucket_failover, name) is getattr(bucket_failover_core, name)
    assert {str(reason) for reason in BucketFailureReason} == {
        "quota-exhausted",
        "expired-refresh-failed",
        "reauth-failed",
        "no-token",
        "skipped",
    }


@pytest.mark.requirement("REQ-1598-IC06")
def test_the_import_law_is_kept() -> None:
    """Layers, the purity of the core, and no cycles (import-linter, pyproject.toml)."""
    kept = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert kept.returncode == 0, kept.stdout


def test_the_core_imports_only_what_it_may() -> None:
    """Itself, returns, pydantic, and a few modules of the standard library that hold values."""
    allowed = {
        "bucket_failover_core",
        "returns",
        "pydantic",
        "pydantic_core",
        "base64",
        "collections",
        "datetime",
        "enum",
        "functools",
        "hashlib",
        "math",
        "re",
        "typing",
    }
    for path in CORE:
        for node in ast.walk(ast.parse(path.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert {name.split(".")[0] for name in names} <= allowed, path


@pytest.mark.parametrize("path", [*CORE, *SHELL, *ALL_TESTS], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_is_two_things(path: Path) -> None:
    """Over 400 lines a module wants to be two."""
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", [*CORE, *SHELL], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_functions_are_short(path: Path) -> None:
    """Under 40 lines of code; the docstring is not counted."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node, clean=False)
            lines = (node.end_lineno or 0) - node.lineno + 1 - (docstring.count("\n") + 1 if docstring else 0)
            assert lines < 40, f"{path.name}: {node.name} has {lines} lines"


def test_public_functions_of_the_core_say_what_they_answer() -> None:
    """Every decision's docstring has an example, and names `Success` and `Failure`."""
    rooms = [import_module(f"bucket_failover_core.{room}") for room in ROOMS]
    decisions = {
        name: getattr(room, name)
        for room in rooms
        for name in room.__all__
        if name.startswith(("decide_", "choose_", "classify_"))
    }
    assert len(decisions) == 13
    for name, decision in decisions.items():
        documented = inspect.getdoc(decision) or ""
        for part in ("Example:", "Args:", "Success", "Failure"):
            assert part in documented, f"{name} lacks {part}"


def test_the_shell_enters_the_core_by_its_doors() -> None:
    """It imports what a room exports (or the three modules beside the rooms), never what is inside one."""
    outside = {"bucket_failover_core"} | {
        f"bucket_failover_core.{name}" for name in (*ROOMS, "value", "backoff", "formats", "results")
    }
    for path in SHELL:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bucket_failover_core"):
                assert node.module in outside, f"{path.name} imports {node.module}"


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.relative_to(ROOT / "core").as_posix())
def test_every_module_of_the_core_has_its_twin(path: Path) -> None:
    """A file of tests that bears its name, in the folder of its room; names without rules have none."""
    if path.name == "__init__.py" or path.stem in WITHOUT_RULES:
        return
    folder = ROOT / "tests" / path.relative_to(ROOT / "core").parent.as_posix().replace("bucket_failover_core", "core")
    assert list(folder.glob(f"test_{path.stem}*.py")), f"{path} has no tests of its own"


def imported(package: str, *unwanted: str) -> list[str]:
    """Which of the unwanted modules an import of the package brings along."""
    code = f"import sys, {package}; print(*(name for name in {unwanted} if name in sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return told.stdout.split()


def test_the_core_is_imported_alone() -> None:
    """It pulls in neither the shell, nor a client, nor an event loop."""
    assert imported("bucket_failover_core", "asyncio", "sqlite3", "logging", "httpx2", "rich", "bucket_failover") == []


def test_the_shell_is_imported_without_its_extras() -> None:
    """`import bucket_failover` needs no client, no server, and no terminal library."""
    assert imported("bucket_failover", "httpx2", "rich", "typer", "starlette", "uvicorn") == []
