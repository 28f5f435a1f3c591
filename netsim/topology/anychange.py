"""Changes as a topology file gives them: a table whose ``kind`` says which class reads it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import (
    GetJsonSchemaHandler,
    SerializeAsAny,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import CoreSchema, InitErrorDetails

from netsim.topology.changes import CHANGES, Change


def _read(value: object, read_any: ValidatorFunctionWrapHandler) -> Change:
    """Have the class of its kind read a table; without a known kind, only what all kinds have."""
    if isinstance(value, Mapping):
        change = CHANGES.get(str(value.get("kind")))
        if change is not None:
            return _read_as(change, value)
        value = {key: value[key] for key in Change.model_fields if key in value}
    read: Change = read_any(value)
    return read


def _read_as(change: type[Change], value: Mapping[str, object]) -> Change:
    try:
        return change.model_validate(value)
    except ValidationError as error:
        faults = _faults(change, value, error)
    raise ValidationError.from_exception_data(change.__name__, faults)


def _faults(
    change: type[Change], value: Mapping[str, object], error: ValidationError
) -> list[InitErrorDetails]:
    """Errors of a table; keys of its kind that are missing, and those of other kinds, by name."""
    kind = change.model_fields["kind"].default
    others = {key for known in CHANGES.values() for key in known.model_fields}
    missing, foreign = [], []
    faults: list[InitErrorDetails] = []
    for detail in error.errors(include_url=False):
        key = detail["loc"][-1]
        if detail["type"] == "missing" and detail["loc"] in _own_keys(change):
            missing.append(key)
        elif detail["type"] == "extra_forbidden" and detail["loc"] == (key,) and key in others:
            foreign.append(key)
        else:
            faults.append(
                InitErrorDetails(
                    type=detail["type"],
                    loc=detail["loc"],
                    input=detail["input"],
                    ctx=detail.get("ctx", {}),
                )
            )
    for verb, keys in (("needs", missing), ("has no", foreign)):
        if keys:
            text = f"an event of kind {kind} {verb} {', '.join(sorted(map(str, keys)))}"
            faults.append(_fault(ValueError(text), value))
    return faults


def _own_keys(change: type[Change]) -> Sequence[tuple[str]]:
    """Places of what a kind has beside kind and times."""
    return [(key,) for key in change.model_fields if key not in Change.model_fields]


def _fault(error: ValueError, value: object) -> InitErrorDetails:
    return InitErrorDetails(type="value_error", loc=(), input=value, ctx={"error": error})


class _OneOfKinds:
    """JSON schema: any of the kinds that there are."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        _ = schema
        kinds = [handler(change.__pydantic_core_schema__) for change in CHANGES.values()]
        return {"oneOf": [kind | {"required": ["kind", *kind["required"]]} for kind in kinds]}


AnyChange = Annotated[SerializeAsAny[Change], WrapValidator(_read), _OneOfKinds()]
"""A change of any kind that is registered when it is read; the key ``kind`` tells them apart."""
