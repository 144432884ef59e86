"""What every record of the core is: an immutable value that rejects what it does not know.

What comes from outside is validated, once. What the core's own rules make of it is right already: `Value.evolve` copies
a record with some fields changed, and `trusted` makes one, neither of which validates anything.

Road not taken: frozen slotted dataclasses are a third cheaper to build, but snapshots and decisions cross processes as
JSON (recordings, `--json`, replay), and there a second description of each record would drift from the first.
"""

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, ParamSpec, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field

_new = object.__new__
_set_fields = vars(BaseModel)["__dict__"].__set__
"""It writes the fields of a pydantic model, past the guard that makes ours immutable."""

_set_book = {
    slot: vars(BaseModel)[slot].__set__
    for slot in ("__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
}
"""They write what else a pydantic model consists of: see `Value.__getattr__`."""


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
        return copy

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            """Pydantic's own books, when they are asked for: few of the records that the core's rules make are.

            Raises:
                AttributeError: there is no such attribute.
            """
            write = _set_book.get(name)
            if write is None:
                message = f"{type(self).__name__!r} object has no attribute {name!r}"
                raise AttributeError(message)
            kept = self._all_fields if name == "__pydantic_fields_set__" else None
            write(self, kept)
            return kept


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

    def make(*_: _P.args, **fields: _P.kwargs) -> _V:
        made = _new(cls)
        _set_fields(made, defaults | fields)
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
