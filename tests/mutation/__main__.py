"""Makes deliberate mistakes in the core, one at a time, and counts how many of them `tests/core` notices.

    python -m tests.mutation                    # the decision modules; prints JSON, and the survivors
    python -m tests.mutation formats.py         # some modules

mutmut wants a flat tree with an installed package beside the tests, so the core and its tests are copied to a temporary
folder. The exhaustive worlds are left out: they would notice more, and take half a minute for each mistake.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_ROOMS = ("failover", "choice", "retry", "answers", "oauth", "renewal", "outlook", "wire", "request")
_CORE = ROOT / "core" / "bucket_failover_core"
DECISIONS = (
    "facts/limits.py",
    "facts/windows.py",
    "formats.py",
    *(
        module.relative_to(_CORE).as_posix()
        for room in _ROOMS
        for module in sorted((_CORE / room).rglob("*.py"))
        if "def " in module.read_text()
    ),
)
"""Every module that decides: a room's new one is among them without being named here."""

_CONFIGURATION = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = [{modules}]
pytest_add_cli_args_test_selection = ["tests/core"]
pytest_add_cli_args = [
    "-x",
    "--ignore=tests/core/failover/test_decide_exhaustive.py",
    "--ignore=tests/core/oauth/test_refresh_exhaustive.py",
    "--ignore=tests/core/request/test_request_exhaustive.py",
]
also_copy = ["tests", "shell"]

[tool.pytest.ini_options]
addopts = ["--import-mode=importlib", "-p", "no:cacheprovider", "-p", "no:randomly"]
pythonpath = [".", "src"]
markers = ["requirement(id): a requirement", "slow: takes long"]
"""


def stage(folder: Path, modules: list[str]) -> None:
    """The flat copy."""
    shutil.copytree(_CORE, folder / "src" / "bucket_failover_core")
    for part in ("core", "support"):
        shutil.copytree(ROOT / "tests" / part, folder / "tests" / part)
    cases = Path("shell") / "bucket_failover" / "conformance" / "cases"
    shutil.copytree(ROOT / cases, folder / cases)
    shutil.copy(ROOT / "tests" / "conftest.py", folder / "tests" / "conftest.py")
    named = ", ".join(f'"src/bucket_failover_core/{module}"' for module in modules)
    (folder / "pyproject.toml").write_text(_CONFIGURATION.format(modules=named))


def main() -> int:
    """Run it; 0 if at least 95 % of the mistakes were noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", default=list(DECISIONS), help="modules of the core")
    modules = parser.parse_args().modules
    mutmut = str(Path(sys.executable).with_name("mutmut"))
    with tempfile.TemporaryDirectory(prefix="bucket-failover-mutation-") as name:
        folder = Path(name)
        stage(folder, modules)
        ran = subprocess.run([mutmut, "run"], cwd=folder, capture_output=True, text=True, check=False)
        results = subprocess.run([mutmut, "results"], cwd=folder, capture_output=True, text=True, check=True)
        subprocess.run([mutmut, "export-cicd-stats"], cwd=folder, capture_output=True, check=True)
        counts = json.loads((folder / "mutants" / "mutmut-cicd-stats.json").read_text())
        left = [line.split(":")[0].strip() for line in results.stdout.splitlines() if "survived" in line]
        for survivor in left:
            shown = subprocess.run([mutmut, "show", survivor], cwd=folder, capture_output=True, text=True, check=True)
            print(shown.stdout, file=sys.stderr)
    if counts.get("total", 0) == 0:
        print(ran.stdout, ran.stderr, file=sys.stderr)
        return 2
    score = 100 * (counts["killed"] + counts.get("timeout", 0)) / counts["total"]
    print(json.dumps({"score_percent": round(score, 1), **counts, "survivors": left}, indent=2))
    return 0 if score >= 95 else 1


if __name__ == "__main__":
    sys.exit(main())
