"""What every record of the core is: an immutable value that rejects what it does not know.

Road not taken: frozen slotted dataclasses are a third cheaper to build, but snapshots and decisions cross processes as
JSON (recordings, `--json`, replay), and there a second description of each record would drift from the first.
"""

from functools import cache
from math import inf
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

_new = object.__new__
_set = object.__setattr__


@cache
def _all_fields(cls: type[BaseModel]) -> set[str]:
    """What an evolved copy counts as given: all fields. No record is ever changed, so the set is shared."""
    return set(cls.model_fields)


class Value(BaseModel):
    """A frozen record: unknown fields, NaN and infinities do not validate; JSON round trips leave it unchanged.

    Example: `Trigger.model_validate_json(trigger.model_dump_json()) == trigger`.

    Raises:
        pydantic.ValidationError: (a `ValueError`) names each field and the value that does not fit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def evolve(self, changes: dict[str, object]) -> Self:
        """A copy with some fields changed; the changes come from the core's own rules and are not validated.

        It is `model_copy(update=changes)` for records that have neither extra fields nor private attributes, which
        ours never have, and costs half as much; a failover makes half a dozen of them.
        """
        cls = type(self)
        copy = _new(cls)
        _set(copy, "__dict__", {**self.__dict__, **changes})
        _set(copy, "__pydantic_fields_set__", _all_fields(cls))
        _set(copy, "__pydantic_extra__", None)
        _set(copy, "__pydantic_private__", None)
        return copy


BucketName = Annotated[str, Field(min_length=1)]
"""The name of a bucket: any text but the empty one."""

HttpStatus = Annotated[int, Field(ge=100, le=999)]
"""A status code of three digits (RFC 9110, 15)."""


def check_moment(now: float) -> None:
    """Refuse a `now` that is no moment.

    Raises:
        ValueError: it is NaN or infinite.
    """
    if not -inf < now < inf:
        message = f"now: {now!r} is no moment in Unix seconds"
        raise ValueError(message)


def check_draw(draw: float) -> None:
    """Refuse a `draw` that is no chance.

    Raises:
        ValueError: it is not in [0, 1).
    """
    if not 0.0 <= draw < 1.0:
        message = f"draw: {draw!r} is not in [0, 1)"
        raise ValueError(message)
