"""Writes docs/phrases.md; with `--check`, only tells whether it is up to date."""

import sys

from tests.phrases.table import PAGE, page


def main(arguments: list[str]) -> int:
    """0 if all is well."""
    if arguments != ["--check"]:
        PAGE.write_text(page())
    elif not PAGE.exists() or PAGE.read_text() != page():
        print("docs/phrases.md is out of date: run python -m tests.phrases")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
