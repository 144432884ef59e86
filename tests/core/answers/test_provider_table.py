"""What a provider needs is complete: a reader, cases; the message says which file lacks what.

Its row on docs/providers.md is looked for in `tests/architecture/test_pages.py`.
"""

import ast
import json
from pathlib import Path
from typing import get_args

import pytest

from bucket_failover_core import CallFailure, Dialect, classify_failure
from bucket_failover_core.answers import provider_table
from bucket_failover_core.answers.classify import _READERS
from bucket_failover_core.answers.detect import detect_dialect
from bucket_failover_core.answers.header_names import layout_of
from bucket_failover_core.answers.provider_table import BY_DIALECT, PROVIDERS, Provider
from bucket_failover_core.answers.response import answer_of

ROOT = Path(__file__).parents[3]
CASES = ROOT / "shell" / "bucket_failover" / "conformance" / "cases"
CASES_MIN = 7

EACH = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.dialect)


@pytest.mark.parametrize("dialect", get_args(Dialect))
def test_a_dialect_is_complete(dialect: Dialect) -> None:
    """A name in `Dialect` alone would pass every other check, and die with the first answer."""
    lacks = []
    if dialect not in _READERS:
        lacks.append("answers/provider_table.py lacks its entry, or answers/classify.py its reader")
    file = CASES / f"{dialect}.json"
    count = len(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else 0
    if count < CASES_MIN:
        lacks.append(f"conformance/cases/{file.name} has {count} cases, and lacks {CASES_MIN - count}")
    assert not lacks, f"{dialect}: " + "; ".join(lacks)


def test_nothing_is_there_without_a_name() -> None:
    """No reader, and no file of cases, of a dialect that cannot be named."""
    names = set(get_args(Dialect))
    assert set(_READERS) == names
    assert {file.stem for file in CASES.glob("*.json")} == names
    assert len(BY_DIALECT) == len(PROVIDERS)


@EACH
def test_a_provider_has_a_source(provider: Provider) -> None:
    """Where its headers and codes are described, or were seen."""
    assert "." in provider.source or "#" in provider.source
    for name in (*provider.headers, *(name for count in provider.counts for name in (count.remaining, count.reset))):
        assert name == name.lower()


def test_a_provider_is_under_thirty_lines_of_data() -> None:
    """As the page promises."""
    source = ast.parse(Path(provider_table.__file__).read_text())
    calls = [node for node in ast.walk(source) if isinstance(node, ast.Call) and ast.unparse(node.func) == "Provider"]
    assert len(calls) == len(PROVIDERS)
    assert max((call.end_lineno or 0) - call.lineno + 1 for call in calls) < 30


@EACH
def test_its_own_headers_and_codes_tell_a_provider(provider: Provider) -> None:
    """Whatever else is there."""
    for header in provider.headers:
        assert layout_of(("date", header.upper(), "x-ratelimit-remaining-requests")).dialect == provider.dialect
    for code in provider.codes:
        body = json.dumps({"error": {"message": "x", "code": code}})
        assert detect_dialect(answer_of(CallFailure(status=429, body=body))) == provider.dialect


@EACH
def test_its_scope_is_whom_a_bare_refusal_concerns(provider: Provider) -> None:
    """If the answer says nothing else."""
    found = classify_failure(CallFailure(status=429, dialect=provider.dialect), now=0.0).unwrap()
    assert [limit.scope for limit in found.limits] == [provider.scope]


def test_no_header_and_no_code_is_two_providers() -> None:
    """Else the first would take the other's answers."""
    for told in ([h for p in PROVIDERS for h in p.headers], [c for p in PROVIDERS for c in p.codes]):
        assert len(set(told)) == len(told)
