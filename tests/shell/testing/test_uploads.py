"""`POST /v1/audio/transcriptions` over real HTTP, and the forms that it reads."""

import httpx2
import pytest

from bucket_failover.testing import Quota, ReceivedRequest
from bucket_failover.testing.multipart import fields
from tests.shell.testing.stage import START, Stage, stage

FORM = "multipart/form-data; boundary=x"


def upload(at: Stage, secret: str, audio: bytes, **form: str) -> httpx2.Response:
    """A file, and the fields beside it."""
    headers = {"authorization": f"Bearer {secret}"}
    return at.client.post(
        "/v1/audio/transcriptions", headers=headers, data=form, files={"file": ("poem.wav", audio, "audio/wav")}
    )


@pytest.mark.parametrize("size", [0, 1, 2_000_000])
def test_a_transcription_names_the_size_of_the_upload(size: int) -> None:
    """To the byte."""
    with stage() as at:
        response = upload(at, at.provider.issue("a").access_token, b"\r\n"[:1] * size, model="ear-1")
        assert at.provider.requests == (ReceivedRequest("transcriptions", "a", 200, START),)
    assert response.json()["text"] == f"{size} bytes of audio."


def test_a_transcription_has_the_quota_and_the_faults_of_every_endpoint() -> None:
    """The same account, the same errors."""
    with stage(Quota(requests=1, window_seconds=60)) as at:
        token = at.provider.issue("a").access_token
        at.provider.fail_next(503)
        statuses = [upload(at, token, b"abc", model="ear-1").status_code for _ in range(3)]
        at.now += 60
        at.provider.break_stream_next(after_pieces=1)
        broken = upload(at, token, b"abc", model="ear-1", stream="true")
    assert statuses == [503, 200, 429]
    assert '"3 "' in broken.text
    assert broken.text.rstrip().endswith('"code": "server_is_overloaded"}}')


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", ""),
        (b"{}", "application/json"),
        (b"", FORM),
        (b'--x\r\ncontent-disposition: form-data; name="model"\r\n\r\near-1', FORM),
        (b"--x\r\ncontent-type: text/plain\r\n\r\near-1\r\n--x--\r\n", FORM),
        (b"--x\r\ncontent-disposition: form-data\r\n\r\near-1\r\n--x--\r\n", FORM),
        (b'--x\r\ncontent-disposition: form-data; name="model"\r\n--x--\r\n', FORM),
        (b"--x--", "multipart/form-data"),
    ],
)
def test_what_is_no_form_is_told_so(body: bytes, content_type: str) -> None:
    """Cut off, without names, without a boundary, or of another kind."""
    assert fields(body, content_type) is None
    with stage() as at:
        headers = {"authorization": f"Bearer {at.provider.issue('a').access_token}", "content-type": content_type}
        response = at.client.post("/v1/audio/transcriptions", headers=headers, content=body)
    assert (response.status_code, response.json()["error"]["message"]) == (400, "Could not parse multipart form")


def test_a_form_without_a_file_or_a_model_lacks_it() -> None:
    """400, by the name of what is missing."""
    with stage() as at:
        token = at.provider.issue("a").access_token
        headers = {"authorization": f"Bearer {token}", "content-type": FORM}
        body = b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\near-1\r\n--x--\r\n'
        without_file = at.client.post("/v1/audio/transcriptions", headers=headers, content=body)
        without_model = upload(at, token, b"abc")
    assert [
        (response.status_code, response.json()["error"]["message"]) for response in (without_file, without_model)
    ] == [
        (400, "Missing required parameter: 'file'."),
        (400, "you must provide a model parameter"),
    ]
