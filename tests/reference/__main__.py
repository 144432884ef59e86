"""Build the API reference from the docstrings, with pdoc; whatever pdoc warns of is an error.

python -m tests.reference          builds it into the folder `site`
python -m tests.reference FOLDER   builds it there
"""

import importlib
import sys
import warnings
from pathlib import Path
from typing import Final

import pdoc

PUBLIC: Final = (
    "bucket_failover",
    "bucket_failover.clients",
    "bucket_failover.transport",
    "bucket_failover.transport.httpx2",
    "bucket_failover.transport.httpx",
    "bucket_failover.transport.loops",
    "bucket_failover.places",
    "bucket_failover.profile",
    "bucket_failover.wiring",
    "bucket_failover.handler",
    "bucket_failover.oauth",
    "bucket_failover.store",
    "bucket_failover.observe",
    "bucket_failover.testing",
    "bucket_failover.testing.strategies",
    "bucket_failover.conformance",
    "bucket_failover_core",
    "bucket_failover_core.request",
    "bucket_failover_core.failover",
    "bucket_failover_core.choice",
    "bucket_failover_core.retry",
    "bucket_failover_core.outlook",
    "bucket_failover_core.answers",
    "bucket_failover_core.oauth",
    "bucket_failover_core.renewal",
    "bucket_failover_core.wire",
    "bucket_failover_core.facts",
)
"""What users import from, grouped as the packages are."""


def undocumented() -> list[str]:
    """Public names without a docstring of their own."""
    lacking: list[str] = []
    for name in PUBLIC:
        module = pdoc.doc.Module(importlib.import_module(name))
        lacking += [
            member.fullname
            for member in module.members.values()
            if isinstance(member, pdoc.doc.Class | pdoc.doc.Function)
            and not member.name.startswith("_")
            and not member.docstring.strip()
        ]
    return lacking


def main(folder: Path) -> None:
    """Build it; exit with 1 if something public has no words."""
    warnings.simplefilter("error")
    pdoc.render.configure(docformat="google", show_source=False, footer_text="bucket-failover")
    pdoc.pdoc(*PUBLIC, output_directory=folder)
    lacking = undocumented()
    if lacking:
        sys.exit(f"without a docstring: {', '.join(lacking)}")
    print(f"{len(list(folder.rglob('*.html')))} pages in {folder}/index.html")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "site"))
