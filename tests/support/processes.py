"""Another process that works on a store's file, and what it prints."""

import subprocess
import sys
from pathlib import Path

from bucket_failover import SqliteTokenStore
from tests.support.people import token

PREAMBLE = """
import os, resource, sys, time
from pathlib import Path
from bucket_failover import OAuthToken, SqliteTokenStore, TokenStoreError
from bucket_failover.store.sqlite.locks import FileLocks
path = sys.argv[1]
"""


def store_in(folder: Path) -> Path:
    """A store's file, in a folder of its own; the token of "p" "b" is in it."""
    path = folder / "store" / "tokens.db"
    with SqliteTokenStore(path) as store:
        store.write("p", "b", token("kept"))
    return path


def run(code: str, path: Path) -> str:
    """What another process prints."""
    command = [sys.executable, "-c", PREAMBLE + code, str(path)]
    told = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    return told.stdout
