"""What every record of the core is: an immutable value that rejects what it does not know.

What comes from outside is validated, once. What the core's own rules make of it is right already: `Value.evolve` copies
a record with some fields changed, and `trusted` makes one, neither of which validates anything.

Road not taken: frozen slotted dataclasses are a third cheaper to build, but snapshots and decisions cross processes as
JSON (recordings, `--json`, replay), and there a second description of each record would drift from the first.
"""

from collections.abc import Callable
from math import inf
from typing import Annotated, Any, ClassVar, ParamSpec, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field

_new = object.__new__
_set_fields, _set_given, _set_extra, _set_private = (
    vars(BaseModel)[slot].__set__
    for slot in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)
"""They write what a pydantic model consists of, past the guard that makes ours immutable."""


class Value(BaseModel):
    """A frozen record: unknown fields, NaN and infinities do not validate; JSON round trips leave it unchanged.

    Example: `Trigger.model_validate_json(trigger.model_dump_json()) == trigger`.

    Raises:
        pydantic.ValidationError: (a `ValueError`) names each field and the value that does not fit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    _all_fields: ClassVar[set[str]] = set()
    """What a record that is not validated counts as given. No record is ever changed, so all of a class share it."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:  # noqa: ANN401 - pydantic's own signature
        """Pydantic calls it when the fields of a class are known."""
        super().__pydantic_init_subclass__(**kwargs)
        cls._all_fields = set(cls.model_fields)

    def evolve(self, changes: dict[str, object]) -> Self:
        """A copy with some fields changed; the changes come from the core's own rules and are not validated.

        It is `model_copy(update=changes)` for records that have neither extra fields nor private attributes, which
        ours never have, and costs a third as much; a failover makes half a dozen of them.
        """
        copy = _new(type(self))
        _set_fields(copy, self.__dict__ | changes)
        _set_given(copy, self._all_fields)
        _set_extra(copy, None)
        _set_private(copy, None)
        return copy


_P = ParamSpec("_P")
_V = TypeVar("_V", bound=Value)


def trusted(record: Callable[_P, _V]) -> Callable[_P, _V]:
    """The constructor of a class of records, for the core's own rules: it takes the same arguments, by name.

    They have been validated as parts of other records, and are not validated again, which costs half as much. The type
    checker sees that none is missing and each is of its type.

    Example: with `found = trusted(BucketFinding)`, `found(bucket="default", fact="paused")` is the same as
    `BucketFinding(bucket="default", fact="paused")`.
    """
    cls = cast("type[_V]", record)
    defaults: dict[str, object] = {
        name: field.get_default(call_default_factory=True) for name, field in cls.model_fields.items()
    }
    all_fields = cls._all_fields

    def make(*_: _P.args, **fields: _P.kwargs) -> _V:
        made = _new(cls)
        _set_fields(made, defaults | fields)
        _set_given(made, all_fields)
        _set_extra(made, None)
        _set_private(made, None)
        return made

    return make


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
