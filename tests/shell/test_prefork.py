"""A real prefork server (gunicorn, the program loaded before it forks), and a daemon, with one expired login."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx2
import pytest

from bucket_failover import SqliteTokenStore
from bucket_failover.testing import EmbeddedProvider
from tests.support.people import PROVIDER
from tests.support.token_endpoint import BUCKET, TokenEndpoint, held

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
]

ROOT: Final = Path(__file__).parents[2]
WORKERS: Final = 4
PATIENCE_SECONDS: Final = 30.0
"""What is longer is a hang."""


@contextmanager
def gunicorn(store: Path, issuer: str, log: Path) -> Iterator[str]:
    """The server while the block lasts; its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    options = ["--preload", "--workers", str(WORKERS), "--bind", f"127.0.0.1:{port}", "--log-file", str(log)]
    command = [sys.executable, "-m", "gunicorn", *options, "tests.support.prefork_app:application"]
    known = {"PREFORK_STORE": str(store), "PREFORK_ISSUER": issuer, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **known}) as server:
        try:
            url, until = f"http://127.0.0.1:{port}", time.monotonic() + PATIENCE_SECONDS
            while not _listens(port):
                assert time.monotonic() < until, log.read_text()
                assert server.poll() is None, log.read_text()
                time.sleep(0.02)
            yield url
        finally:
            server.terminate()
            server.wait(PATIENCE_SECONDS)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def expired_login(path: Path, endpoint: TokenEndpoint, provider: EmbeddedProvider) -> None:
    """A login whose token has ended."""
    with SqliteTokenStore(path) as store:
        store.write(PROVIDER, BUCKET, held(provider.issue(BUCKET)).model_copy(update={"expiry": 1.0}))
    endpoint.presented.clear()


def test_the_workers_of_a_prefork_server_present_the_refresh_token_once(tmp_path: Path) -> None:
    """All of them find the token ended at the same moment; one refreshes, and the others adopt."""
    provider = EmbeddedProvider(clock=time.time)
    provider.add_account(BUCKET)
    endpoint = TokenEndpoint(provider, seconds=0.05)
    path = tmp_path / "tokens.db"
    expired_login(path, endpoint, provider)
    with endpoint.serve() as issuer, gunicorn(path, issuer, tmp_path / "log") as url, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: httpx2.get(url, trust_env=False, timeout=PATIENCE_SECONDS).text, range(64)))
    workers, tokens = zip(*(answer.split(" ") for answer in answers), strict=True)
    assert len(set(workers)) > 1, "only one worker has answered"
    with SqliteTokenStore(path) as store:
        stored = store.read(PROVIDER, BUCKET)
    assert stored is not None
    assert set(tokens) == {stored.fingerprint}
    assert len(endpoint.presented) == 1
    assert provider.reuses == 0


_DAEMON: Final = """
import os, sys
from pathlib import Path
os.environ["PREFORK_STORE"], os.environ["PREFORK_ISSUER"] = sys.argv[1], sys.argv[2]
from tests.support.prefork_app import MANAGER, PROVIDER, BUCKET
if os.fork():
    os._exit(0)  # the terminal's process ends at once
os.setsid()
if os.fork():
    os._exit(0)
token = MANAGER.get_oauth_token(PROVIDER, BUCKET)
done = Path(sys.argv[3])
done.with_suffix(".new").write_text(token.fingerprint)
done.with_suffix(".new").rename(done)
"""


def test_a_daemon_goes_on_with_what_it_has_opened_before(tmp_path: Path) -> None:
    """It forks twice, and its parents end; what it refreshes is stored."""
    provider = EmbeddedProvider(clock=time.time)
    provider.add_account(BUCKET)
    endpoint = TokenEndpoint(provider)
    path, done = tmp_path / "tokens.db", tmp_path / "done"
    expired_login(path, endpoint, provider)
    with endpoint.serve() as issuer:
        command = [sys.executable, "-c", _DAEMON, str(path), issuer, str(done)]
        subprocess.run(command, cwd=ROOT, check=True, timeout=PATIENCE_SECONDS)
        until = time.monotonic() + PATIENCE_SECONDS
        while not done.exists():
            assert time.monotonic() < until, "the daemon hangs"
            time.sleep(0.02)
    with SqliteTokenStore(path) as store:
        stored = store.read(PROVIDER, BUCKET)
    assert stored is not None
    assert done.read_text() == stored.fingerprint
    assert len(endpoint.presented) == 1
