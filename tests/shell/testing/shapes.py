"""Every endpoint that generates answers, and how each is asked: for tests that hold for all of them."""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import httpx2

from tests.shell.testing.stage import ASK, Stage

MESSAGES = [{"role": "user", "content": "A haiku, please."}]
CONTENTS = [{"role": "user", "parts": [{"text": "A haiku, please."}]}]
SCHEMA: dict[str, object] = {"type": "object", "properties": {}}


@dataclass(frozen=True)
class Way:
    """One endpoint, and a question in its shape."""

    path: str
    question: Mapping[str, object]
    tools: object = None
    stream_path: str = ""
    """Where a stream is asked for, if not with a field."""

    def ask(
        self,
        at: Stage,
        secret: str,
        *,
        stream: bool = False,
        headers: Mapping[str, str] | None = None,
        **changes: object,
    ) -> httpx2.Response:
        """The question with the secret as a bearer token, or with these headers instead."""
        sent = {"authorization": f"Bearer {secret}"} if headers is None else headers
        path, question = self._asked(stream=stream)
        return at.client.post(path, headers=sent, json={**question, **changes})

    def streaming(self, client: httpx2.Client, secret: str) -> AbstractContextManager[httpx2.Response]:
        """The question for a stream that is to be read piece by piece."""
        path, question = self._asked(stream=True)
        return client.stream("POST", path, headers={"authorization": f"Bearer {secret}"}, json=question)

    def _asked(self, *, stream: bool) -> tuple[str, Mapping[str, object]]:
        if not stream:
            return self.path, self.question
        return (self.stream_path, self.question) if self.stream_path else (self.path, {**self.question, "stream": True})


CHAT = Way(
    "/v1/chat/completions",
    {"model": "poet-1", "messages": MESSAGES},
    [{"type": "function", "function": {"name": "moon", "parameters": SCHEMA}}],
)
RESPONSES = Way(
    "/v1/responses",
    {"model": "poet-1", "input": "A haiku, please."},
    [{"type": "web_search"}, {"type": "function", "name": "moon", "parameters": SCHEMA}],
)
ANTHROPIC = Way("/v1/messages", ASK, [{"name": "moon", "input_schema": SCHEMA}])
GEMINI = Way(
    "/v1beta/models/poet-1:generateContent",
    {"contents": CONTENTS},
    [{"googleSearch": {}}, {"functionDeclarations": [{"name": "moon"}]}],
    "/v1beta/models/poet-1:streamGenerateContent?alt=sse",
)
WAYS = {"messages": ANTHROPIC, "chat_completions": CHAT, "responses": RESPONSES, "generate_content": GEMINI}
"""By what the record calls the endpoint."""


def events(text: str) -> list[tuple[str, object]]:
    """The name and the data of each event of a stream; "[DONE]" is no JSON."""
    found: list[tuple[str, object]] = []
    for block in text.removesuffix("\n\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        data = fields["data"]
        found.append((fields.get("event", ""), data if data == "[DONE]" else json.loads(data)))
    return found
