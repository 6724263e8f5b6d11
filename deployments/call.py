"""One call of an expert: what the controller sends, and how the expert reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployments.errors import BadInput
from deployments.media import decode
from deployments.task import Task
from deployments.values import Encoded, Kind, Output, Value


@dataclass(frozen=True)
class Slot:
    """Stands for the value that travels beside the call at this position, by reference."""

    index: int


# One value: its pieces are literal text and slots; media is a single slot.
Item = tuple[str | Slot, ...]


@dataclass(frozen=True)
class Call:
    """`args`: argument name → its values, each a tuple of literal text and slots."""

    task: str
    args: Mapping[str, tuple[Item, ...]]
    request_id: str
    step: int


def bind(task: Task, call: Call, upstream: Sequence[Output | Encoded]) -> dict[str, Any]:
    """The call's inputs as values: str, Image, Audio, Video, or a list of them where the input takes many.

    Raises BadInput where an argument is unknown, missing, or of another kind.
    """
    inputs: dict[str, Any] = {}
    for name, items in call.args.items():
        if name not in task.inputs:
            raise BadInput(f"{task.name} takes {', '.join(task.inputs)}, not '{name}'")
        spec = task.inputs[name]
        values = [_value(item, upstream, spec.kind) for item in items]
        if spec.many:
            inputs[name] = values
        elif spec.kind == "text":
            inputs[name] = "\n\n".join(str(value) for value in values)
        elif len(values) == 1:
            inputs[name] = values[0]
        else:
            raise BadInput(f"{task.name} takes one {name}, not {len(values)}")
    missing = [name for name, spec in task.inputs.items() if spec.required and name not in inputs]
    if missing:
        raise BadInput(f"{task.name} needs {', '.join(missing)}")
    return inputs


def _value(item: Item, upstream: Sequence[Output | Encoded], kind: Kind) -> Value:
    pieces = [_piece(piece, upstream, kind) for piece in item]
    if len(pieces) == 1:
        return pieces[0]
    return "".join(str(piece) for piece in pieces)


def _piece(piece: str | Slot, upstream: Sequence[Output | Encoded], kind: Kind) -> Value:
    if isinstance(piece, str):
        if kind != "text":
            raise BadInput(f"{kind} cannot be given as text")
        return piece
    value = upstream[piece.index]
    return decode(value, kind) if isinstance(value, Encoded) else value.get(kind)
