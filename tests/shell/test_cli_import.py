"""The command `import`: the files that users have, one shape per tool, and what is refused.

The shapes are those of the facts page, with the sources of the public reports that they were taken from.
"""

import base64
import io
import json
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from bucket_failover import OAuthToken, SqliteTokenStore
from tests.shell.test_cli_limits import Desk

_BUCKETS: Final = '[anthropic]\nbuckets = ["default", "claudius", { name = "team", api_key = true }]\n'
SECRET: Final = "s3cret-that-nobody-sees"
REFRESH: Final = "r3fresh-that-nobody-sees"
END: Final = 1_995_691_515.0
END_TEXT: Final = "2033-03-29T06:45:15Z"
END_MILLISECONDS: Final = 1_995_691_515_000


def jwt(**claims: object) -> str:
    """A token that has claims, and a signature that says nothing."""
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), "c2ln"])


class Counter(Desk):
    """A desk with stdin, and with another tool's home on it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, capsys)
        self.profile.write_text(_BUCKETS)
        self.home = folder / "home"
        self._monkeypatch = monkeypatch

    def pipe(self, document: object) -> None:
        """Text on stdin; what is no text, as JSON."""
        text = document if isinstance(document, str) else json.dumps(document)
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    def write(self, path: Path | str, document: object) -> Path:
        """A file of another tool's, in its home."""
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        return file

    def token(self, bucket: str = "default") -> OAuthToken:
        """What is stored."""
        with SqliteTokenStore(self.store) as tokens:
            token = tokens.read("anthropic", bucket)
        assert token is not None
        return token

    def secrets(self, bucket: str = "default") -> tuple[str, str | None]:
        """The access and the refresh token."""
        token = self.token(bucket)
        refresh = token.refresh_token
        return token.access_token.get_secret_value(), None if refresh is None else refresh.get_secret_value()


_VARIABLES: Final = (
    *("CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME", "PI_CODING_AGENT_DIR", "QWEN_HOME", "XDG_DATA_HOME"),
)


@pytest.fixture
def counter(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Counter:
    """Three buckets, none of which has anything; the home is empty."""
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    counter = Counter(tmp_path, capsys, monkeypatch)
    monkeypatch.setenv("HOME", str(counter.home))
    monkeypatch.setenv("USERPROFILE", str(counter.home))
    return counter


SECRET_JWT: Final = jwt(exp=END, secret=SECRET)

CLAUDE_CODE: Final = {
    "claudeAiOauth": {
        "accessToken": SECRET,
        "refreshToken": REFRESH,
        "expiresAt": END_MILLISECONDS,
        "scopes": ["user:inference", "user:profile"],
        "subscriptionType": "max",
    },
    "mcpOAuth": {
        "atlassian|h": {"serverName": "a", "accessToken": "other", "expiresAt": 1_786_000_000_000, "refreshToken": "x"}
    },
}
CODEX: Final = {
    "OPENAI_API_KEY": None,
    "tokens": {
        "id_token": jwt(exp=1_700_000_000),
        "access_token": SECRET_JWT,
        "refresh_token": REFRESH,
        "account_id": "a",
    },
    "last_refresh": "2026-08-10T12:00:00.123456Z",
}
GEMINI: Final = {
    "access_token": SECRET,
    "refresh_token": REFRESH,
    "scope": "openid",
    "token_type": "Bearer",
    "id_token": jwt(exp=1_700_000_000),
    "expiry_date": END_MILLISECONDS,
}
QWEN: Final = {
    "access_token": SECRET,
    "refresh_token": REFRESH,
    "token_type": "Bearer",
    "resource_url": "portal.qwen.ai",
    "expiry_date": END_MILLISECONDS,
}
OPENCODE: Final = {
    "openai": {"type": "api", "key": "sk-x"},
    "anthropic": {"type": "oauth", "refresh": REFRESH, "access": SECRET, "expires": END_MILLISECONDS},
    "github-copilot": {"type": "oauth", "refresh": "gho_x", "access": "", "expires": 0},
}
PI: Final = {
    "anthropic": {"type": "oauth", "refresh": REFRESH, "access": SECRET, "expires": END_MILLISECONDS},
    "google": {"type": "api_key", "key": "x"},
}
CLIPROXYAPI: Final = {
    "access_token": SECRET,
    "refresh_token": REFRESH,
    "id_token": "",
    "email": "me@house.example",
    "expired": "2033-03-29T14:45:15+08:00",
    "last_refresh": "2033-03-29T06:45:15+08:00",
    "type": "claude",
}
KIRO: Final = {
    "accessToken": SECRET,
    "refreshToken": REFRESH,
    "expiresAt": "2033-03-29T06:45:15.000Z",
    "clientIdHash": "e909",
    "authMethod": "social",
    "provider": "Google",
}

SHAPES: Final = [
    ("claude-code", ".claude/.credentials.json", CLAUDE_CODE, "claudeAiOauth"),
    ("codex", ".codex/auth.json", CODEX, "tokens"),
    ("gemini", ".gemini/oauth_creds.json", GEMINI, "."),
    ("qwen", ".qwen/oauth_creds.json", QWEN, "."),
    ("opencode", ".local/share/opencode/auth.json", OPENCODE, "anthropic"),
    ("pi", ".pi/agent/auth.json", PI, "anthropic"),
    ("cliproxyapi", ".cli-proxy-api/claude-me.json", CLIPROXYAPI, "."),
    ("kiro", ".aws/sso/cache/kiro-auth-token.json", KIRO, "."),
]
TOOLS: Final = [tool for tool, *_ in SHAPES]


@pytest.mark.parametrize(("tool", "path", "document", "place"), SHAPES, ids=TOOLS)
@pytest.mark.parametrize("way", ["--from", "--file", "--from-env", "stdin"])
def test_the_file_of_each_tool(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, *, way: str, tool: str, path: str, document: Any, place: str
) -> None:
    """Its own login is found by each way, with its end and its refresh token; no secret is told."""
    file = counter.write(path, document)
    counter.pipe(document if way == "stdin" else "")
    monkeypatch.setenv("LOGIN", json.dumps(document))
    options = {"--from": ["--from", tool], "--file": ["--file", str(file)], "--from-env": ["--from-env", "LOGIN"]}
    told = counter.json("import", "anthropic", "default", *options.get(way, []))
    assert told == {"provider": "anthropic", "bucket": "default", "expiry": END, "api_key": False, "from": place}
    access, refresh = counter.secrets()
    assert access in {SECRET, SECRET_JWT}
    assert refresh == REFRESH
    assert counter.token().expiry == END
    assert "is now shared with" in counter.error
    assert (f"with {tool}." in counter.error) == (way == "--from")
    assert counter.error.count("\n") == 1
    assert access not in counter.error
    assert REFRESH not in counter.error


@pytest.mark.parametrize(("tool", "path", "document", "place"), SHAPES, ids=TOOLS)
def test_the_file_of_each_tool_after_a_logout(
    counter: Counter, tool: str, path: str, document: Any, place: str
) -> None:
    """There is no access token in it; nothing else is taken for one."""
    del place
    if tool in {"claude-code", "codex"}:
        document = {**document, "claudeAiOauth": None, "tokens": None}
    elif tool in {"opencode", "pi"}:
        document = {name: value for name, value in document.items() if name != "anthropic"}
    else:
        document = {name: value for name, value in document.items() if name not in {"access_token", "accessToken"}}
    counter.write(path, document)
    assert counter.run("import", "anthropic", "default", "--from", tool, status=64) == ""
    assert ("has no access token" if tool == "claude-code" else "access_token: the JSON has none") in counter.error
    assert "other" not in counter.error.replace("others", "")


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_without_a_file(counter: Counter, tool: str) -> None:
    """The path is told, or the folder."""
    assert counter.run("import", "anthropic", "default", "--from", tool, status=64) == ""
    assert f"--from: {tool} has no file" in counter.error
    assert ("Claude Code-credentials" in counter.error) == (tool == "claude-code")


@pytest.mark.parametrize(
    ("tool", "variable", "path"),
    [
        ("claude-code", "CLAUDE_CONFIG_DIR", ".credentials.json"),
        ("codex", "CODEX_HOME", "auth.json"),
        ("gemini", "GEMINI_CLI_HOME", ".gemini/oauth_creds.json"),
        ("qwen", "QWEN_HOME", "oauth_creds.json"),
        ("opencode", "XDG_DATA_HOME", "opencode/auth.json"),
        ("pi", "PI_CODING_AGENT_DIR", "auth.json"),
    ],
)
def test_a_tool_that_was_moved(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, tool: str, variable: str, path: str
) -> None:
    """By its own variable."""
    counter.write(f"elsewhere/{path}", {"access_token": SECRET})
    monkeypatch.setenv(variable, "~/elsewhere")
    counter.run("import", "anthropic", "default", "--from", tool)
    assert counter.secrets() == (SECRET, None)


def test_a_tool_with_several_files(counter: Counter) -> None:
    """They are named, and the user chooses."""
    files = [counter.write(f".cli-proxy-api/{name}.json", CLIPROXYAPI) for name in ("claude-a", "codex-b")]
    counter.run("import", "anthropic", "default", "--from", "cliproxyapi", status=64)
    assert f"name one with --file: {files[0]}, {files[1]}\n" in counter.error
    counter.run("import", "anthropic", "default", "--file", str(files[1]))
    assert counter.secrets() == (SECRET, REFRESH)


def _case(name: str) -> Any:
    recorded = Path(__file__).parents[3] / "shared" / "field-cases.json"
    if not recorded.exists():
        pytest.skip("the recorded cases stand beside the project, not in it")
    return next(case for case in json.loads(recorded.read_text())["cases"] if case["id"] == name)


@pytest.mark.parametrize("name", ["import-claude-mcp", "import-codex", "import-gemini"])
def test_the_recorded_cases(counter: Counter, name: str) -> None:
    """What public reports show."""
    case = _case(name)
    counter.pipe(case["request"])
    counter.run("import", "anthropic", "default")
    assert counter.token().expiry == case["expected"]["expiry"]
    assert counter.token().is_refreshable is case["expected"]["refresh"]


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        ({**OPENCODE, "github-copilot": {"access": "a", "refresh": "b", "expires": 0}}, "anthropic, github-copilot"),
        ({"accounts": [{"access_token": "a"}, {"access_token": "b"}]}, "accounts.0, accounts.1"),
        ({"access_token": "a", "authed_user": {"access_token": "b"}}, "., authed_user"),
        ({"mcpOAuth": {"a|h": {"accessToken": "a"}, "b|h": {"accessToken": "b"}}}, "mcpOAuth.a|h, mcpOAuth.b|h"),
        ({"mcpOAuth": {"a|h": {"accessToken": "a"}}}, "mcpOAuth.a|h"),
        ({**CODEX, "tokens": {}, "more": {"access_token": "a"}}, "more"),
        ({SECRET: {"access_token": SECRET}, "\x1b[2J": {"access_token": "b"}}, "#0, #1"),
    ],
)
def test_several_candidates_are_named(counter: Counter, document: object, paths: str) -> None:
    """By path, never by value, and none is taken; one of them is with `--key`."""
    counter.pipe(document)
    assert counter.run("import", "anthropic", "default", status=64) == ""
    assert counter.error.endswith(f"choose one with --key: {paths}\n")
    assert SECRET not in counter.error
    chosen = paths.rsplit(", ", maxsplit=1)[-1]
    counter.pipe(document)
    assert counter.json("import", "anthropic", "default", "--key", chosen)["from"] == chosen
    assert counter.secrets()[0] in {"a", "b"}


def test_a_key_that_is_chosen(counter: Counter) -> None:
    """It beats a tool's own login; one that is not there is a mistake, and so is one for an API key."""
    counter.pipe(CLAUDE_CODE)
    counter.run("import", "anthropic", "default", "--key", "mcpOAuth.atlassian|h")
    assert counter.secrets() == ("other", "x")
    counter.pipe(CLAUDE_CODE)
    counter.run("import", "anthropic", "default", "--key", "mcpOAuth", status=64)
    assert "--key: 'mcpOAuth' is none of: claudeAiOauth, mcpOAuth.atlassian|h\n" in counter.error
    counter.pipe({"a.b": {"access_token": "1"}, "a": {"b": {"access_token": "2"}}})
    counter.run("import", "anthropic", "default", "--key", "a.b", status=64)
    assert "--key: 'a.b' is the path of several of: a.b, a.b\n" in counter.error
    counter.pipe("key")
    counter.run("import", "anthropic", "team", "--key", "a", status=64)
    assert "--key: team holds an API key, which stands in no JSON\n" in counter.error


@pytest.mark.parametrize(
    ("single_use", "refresh", "warned"), [(True, "r", True), (False, "r", False), (True, None, False)]
)
def test_a_shared_refresh_token_is_told(
    counter: Counter, *, single_use: bool, refresh: str | None, warned: bool
) -> None:
    """Not where there is none, or the issuer takes it more than once."""
    table = '[anthropic.oauth]\ntoken_endpoint = "http://127.0.0.1/token"\nclient_id = "c"\n'
    counter.profile.write_text(_BUCKETS + table + f"single_use_refresh_tokens = {str(single_use).lower()}\n")
    counter.write(".codex/auth.json", {"access_token": "a", "refresh_token": refresh})
    counter.run("import", "anthropic", "default", "--from", "codex")
    assert counter.error.startswith("default: its refresh token is now shared with codex. ") == warned
    assert (counter.error == "") != warned


def test_import_of_a_key(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """From stdin, a file, or the environment; never from the command line."""
    counter.pipe(f" {SECRET}\n")
    assert counter.run("import", "anthropic", "team") == "team: stored an API key\n"
    assert counter.secrets("team") == (SECRET, None)
    monkeypatch.setenv("TEAM_KEY", "another")
    told = counter.json("import", "anthropic", "team", "--from-env", "TEAM_KEY")
    assert told == {"provider": "anthropic", "bucket": "team", "expiry": None, "api_key": True, "from": None}
    assert counter.secrets("team") == ("another", None)
    counter.run("import", "anthropic", "team", "--file", str(counter.write("key", "\ufeffthird\n")))
    assert (counter.secrets("team"), counter.error) == (("third", None), "")


def test_other_shapes_of_the_same_kind(counter: Counter) -> None:
    """CLIProxyAPI's file for Gemini, and the AWS command line's cache."""
    inner = {"access_token": SECRET, "refresh_token": REFRESH, "expiry": "2033-03-29T06:45:15.123+00:00"}
    counter.pipe({"token": inner, "project_id": "p", "type": "gemini"})
    told = counter.json("import", "anthropic", "default")
    assert (told["from"], told["expiry"]) == ("token", pytest.approx(END + 0.123))
    counter.pipe({"startUrl": "https://x", "region": "y", "accessToken": SECRET, "expiresAt": "2033-03-29T06:45:15UTC"})
    told = counter.json("import", "anthropic", "default")
    assert (told["from"], told["expiry"]) == (".", END)


def test_help_names_the_tools(counter: Counter) -> None:
    """And has an example for each way."""
    told = counter.run("import", "--help")
    for word in (*TOOLS, "--from", "--file", "--key", "--from-env"):
        assert word in told
