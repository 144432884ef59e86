"""Where other tools keep their login: the tool's name on the command line, and the path of its file.

Each tool's own environment variables count as they do for the tool; `HOME` counts for all of them.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final


def _folder(variable: str, *default: str) -> Path:
    """The folder that the variable names; else the default, in the user's home."""
    named = os.environ.get(variable, "").strip()
    return Path(named).expanduser() if named else Path.home().joinpath(*default)


def _cliproxyapi() -> list[Path]:
    # One file per account, in `auth-dir` of config.yaml, by default this folder
    # (router-for-me/CLIProxyAPI, internal/config/config.go, DefaultAuthDir).
    return sorted(_folder("", ".cli-proxy-api").glob("*.json"))


_FILES: Final[dict[str, Callable[[], list[Path]]]] = {
    # code.claude.com/docs, "Credential management"; on macOS it is in the keychain.
    "claude-code": lambda: [_folder("CLAUDE_CONFIG_DIR", ".claude") / ".credentials.json"],
    # openai/codex, docs/authentication.md and codex-rs/login (`auth.json` in CODEX_HOME).
    "codex": lambda: [_folder("CODEX_HOME", ".codex") / "auth.json"],
    # google-gemini/gemini-cli, packages/core/src/config/storage.ts (getOAuthCredsPath) and utils/paths.ts (homedir).
    "gemini": lambda: [_folder("GEMINI_CLI_HOME") / ".gemini" / "oauth_creds.json"],
    # QwenLM/qwen-code, packages/core: qwenOAuth2.ts (QWEN_CREDENTIAL_FILENAME), storage.ts (getGlobalQwenDir).
    "qwen": lambda: [_folder("QWEN_HOME", ".qwen") / "oauth_creds.json"],
    # sst/opencode, packages/opencode/src/auth/index.ts (Global.Path.data, by xdg-basedir on every platform).
    "opencode": lambda: [_folder("XDG_DATA_HOME", ".local", "share") / "opencode" / "auth.json"],
    # badlogic/pi-mono, packages/coding-agent: the agent's folder, with `auth.json` in it.
    "pi": lambda: [_folder("PI_CODING_AGENT_DIR", ".pi", "agent") / "auth.json"],
    "cliproxyapi": _cliproxyapi,
    # Kiro's TokenStorage, beside the AWS command line's SSO cache; neither has a variable for it.
    "kiro": lambda: [_folder("", ".aws", "sso", "cache") / "kiro-auth-token.json"],
}

TOOLS: Final = tuple(_FILES)
"""The names that `--from` takes."""


def credential_files(tool: str) -> list[Path]:
    """The files in which a tool of `TOOLS` keeps its login; they need not be there.

    Raises:
        RuntimeError: the user's home is not known.
    """
    return _FILES[tool]()
