"""The command `bucket-failover`."""

import importlib.util
import sys
from typing import Final

EXIT_USAGE: Final = 64
"""The command line was wrong, or a part is not installed (sysexits.h, EX_USAGE)."""

SOME_FAILED: Final = 1
"""The command has done its work, and not all of it went well."""

_NEEDED: Final = ("httpx2", "platformdirs", "rich", "starlette", "typer", "uvicorn")


def main() -> None:
    """Run the command line; tell in one line what is missing if its extras are not installed."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        sys.stderr.write(
            f"bucket-failover: the command line needs {', '.join(missing)}: pip install 'bucket-failover[all]'\n"
        )
        sys.exit(EXIT_USAGE)
    from bucket_failover.cli.app import run  # noqa: PLC0415 - it needs what was just looked for

    sys.exit(run(sys.argv[1:]))
