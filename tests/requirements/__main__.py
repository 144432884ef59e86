"""Writes docs/requirements.md; with `--check`, only tells whether it is up to date and every requirement has a test."""

import sys

from tests.requirements.trace import PAGE, page, problems


def main(arguments: list[str]) -> int:
    """0 if all is well."""
    found = problems()
    if arguments == ["--check"]:
        if not PAGE.exists() or PAGE.read_text() != page():
            found.append("docs/requirements.md is out of date: run python -m tests.requirements")
    else:
        PAGE.write_text(page())
    for problem in found:
        print(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
