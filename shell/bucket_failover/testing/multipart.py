"""Forms with files in them, as far as an upload needs. Source: RFC 7578; RFC 2046, 5.1.1 (the boundary)."""

from email.message import Message

_END_OF_HEADERS = b"\r\n\r\n"


def fields(body: bytes, content_type: str) -> dict[str, bytes] | None:
    """The fields of a form by name, byte for byte; None: it is no such form, or does not come to its end.

    Example: a field `model` and a file of three bytes are `{"model": b"whisper-1", "file": b"abc"}`.

    Args:
        body: all of it.
        content_type: the header of the request, which names the boundary.
    """
    header = _header("content-type", content_type)
    boundary = header.get_boundary()
    if header.get_content_type() != "multipart/form-data" or not boundary:
        return None
    # The first boundary may stand at the very beginning; every other belongs to the line break before it.
    _, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    if not parts or not parts[-1].startswith(b"--"):
        return None
    found: dict[str, bytes] = {}
    for part in parts[:-1]:
        head, separator, content = part.partition(_END_OF_HEADERS)
        name = _name(head)
        if not separator or name is None:
            return None
        found[name] = content
    return found


def _name(head: bytes) -> str | None:
    """The name of a field; None: its headers give it none."""
    for line in head.decode("utf-8", errors="replace").split("\r\n"):
        header, _, value = line.partition(":")
        if header.strip().lower() == "content-disposition":
            name = _header("content-disposition", value).get_param("name", header="content-disposition")
            return name if isinstance(name, str) else None
    return None


def _header(name: str, value: str) -> Message:
    message = Message()
    message[name] = value.strip()
    return message
