"""Requests with the plans that answer them, read from the files of four formats, told apart by content.

| a line (or file) with                | is                                                                  |
| ------------------------------------ | ------------------------------------------------------------------- |
| `task_nodes` or `tool_nodes`         | TaskBench's data.json, or any excerpt of it                         |
| `nodes` with `input-type`            | TaskBench's tool_desc.json: a whole file, it goes with the data     |
| `gold`                               | a gold plan with alternatives (`alts`) and `history`                |
| `plan`                               | our own: {"request", "plan": [...], "files"?, "history"?, "id"?}    |
"""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from controller.plan import references
from controller.schema import Request, Resource, Step, Turn
from deployments.values import Kind

Plan = tuple[Step, ...]

# TaskBench has this tool beside Image-to-Image; the hub has one name for both.
_RENAMED = {"image-editing": "image-to-image"}

# The excerpts write <node-2>, and now and then <node-2-output-image>.
_NODE = re.compile(r"<node-(\d+)[^>]*>")


class DatasetError(ValueError):
    """A file is not what it should be; the message names file and line."""


@dataclass(frozen=True)
class Example:
    """One request with its gold plan and other plans that are as good."""

    id: str
    request: Request
    gold: Plan
    alternatives: tuple[Plan, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """One file. `tools`: task name → kind of its output, TaskBench's own list where it came along."""

    name: str
    format: Literal["TaskBench", "gold", "plain"]
    examples: tuple[Example, ...]
    tools: Mapping[str, str] | None = None


def load(paths: Sequence[Path]) -> list[Dataset]:
    """The data files, in order; a tool description goes with those of TaskBench's format.

    A `tool_desc.json` beside a data file is found by itself. Raises DatasetError.
    """
    tools: Mapping[str, str] | None = None
    files: list[tuple[Path, list[tuple[int, Any]]]] = []
    for path in paths:
        described = _tools(path)
        if described is None:
            files.append((path, list(_lines(path))))
        else:
            tools = described
    names = [path.name for path, _ in files]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DatasetError(f"two data files are called {repeated[0]}; results are kept by name: rename one")
    return [_dataset(path, lines, tools) for path, lines in files]


def _dataset(path: Path, lines: list[tuple[int, Any]], tools: Mapping[str, str] | None) -> Dataset:
    if not lines:
        raise DatasetError(f"{path}: no requests in it")
    format, read = _format(path, *lines[0])
    examples: dict[str, Example] = {}
    for number, row in lines:
        try:
            example = read(row, str(number))
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise DatasetError(f"{path}:{number}: {faults}") from None
        except DatasetError as error:
            raise DatasetError(f"{path}:{number}: {error}") from None
        if example.id in examples:
            raise DatasetError(f"{path}:{number}: the id {example.id} is there twice")
        examples[example.id] = example
    if format == "TaskBench" and tools is None:
        tools = _tools(path.with_name("tool_desc.json"))
    return Dataset(path.name, format, tuple(examples.values()), tools if format == "TaskBench" else None)


_Reader = Callable[[Any, str], Example]


def _format(path: Path, number: int, row: Any) -> tuple[Literal["TaskBench", "gold", "plain"], _Reader]:
    keys = set(row) if isinstance(row, dict) else set()
    if keys & {"task_nodes", "tool_nodes"}:
        return "TaskBench", _taskbench
    if "gold" in keys:
        return "gold", _gold
    if "plan" in keys:
        return "plain", _plain
    raise DatasetError(
        f"{path}:{number}: an object with task_nodes (TaskBench), gold, or plan is expected, "
        f"this has {', '.join(sorted(keys)) or 'none of them'}"
    )


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(_read(path).split("\n"), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except json.JSONDecodeError as error:
                raise DatasetError(f"{path}:{number}: not a line of JSON ({error.msg})") from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DatasetError(f"{path}: not UTF-8 text") from None


def _tools(path: Path) -> Mapping[str, str] | None:
    """Task name → kind of output, if this is a tool description."""
    try:
        described = _Tools.model_validate_json(_read(path)) if path.is_file() else _Tools(nodes=[])
    except ValidationError:
        return None
    return {_hub_name(tool.id): next(iter(tool.output), "none") for tool in described.nodes} or None


class _Row(BaseModel):
    """What a line must have; the published files have more, which is not needed."""

    model_config = ConfigDict(extra="ignore")


class _Tool(_Row):
    id: str
    input: list[str] = Field(alias="input-type")
    output: list[str] = Field(alias="output-type")


class _Tools(_Row):
    nodes: list[_Tool]


def _decoded(value: object) -> object:
    """Some published versions keep lists as JSON in a string."""
    return json.loads(value) if isinstance(value, str) else value


class _Node(_Row):
    task: str = Field(validation_alias=AliasChoices("task", "id"))
    arguments: list[Any] = []


class _TaskBenchRow(_Row):
    id: str
    request: str = Field(validation_alias=AliasChoices("user_request", "instruction"))
    nodes: Annotated[list[_Node], BeforeValidator(_decoded)] = Field(
        validation_alias=AliasChoices("task_nodes", "tool_nodes")
    )


class _StepRow(_Row):
    task: str
    id: int = Field(ge=0)
    dep: list[int] = []
    args: dict[str, str | list[str]] = {}


class _TurnRow(_Row):
    role: Literal["user", "assistant"]
    content: str


class _GoldRow(_Row):
    id: str
    request: str
    gold: list[_StepRow]
    alts: list[list[_StepRow]] = []
    history: list[_TurnRow] = []


class _PlainRow(_Row):
    id: str | None = None
    request: str
    plan: list[_StepRow]
    files: list[str] = []
    history: list[_TurnRow] = []


def _taskbench(row: Any, number: str) -> Example:
    data = _TaskBenchRow.model_validate(row)
    gold = []
    for index, node in enumerate(data.nodes):
        args: dict[str, str | list[str]] = {
            str(place): _argument(value) for place, value in enumerate(node.arguments)
        }
        step = Step(task=_hub_name(node.task), id=index, args=args)
        # TaskBench's own metrics pass over a tool that refers to itself or to one that is not there.
        needed = {id for id in references(step) if id != index and id < len(data.nodes)}
        gold.append(step.model_copy(update={"dep": tuple(sorted(needed))}))
    return Example(data.id, Request(id=data.id, text=data.request), tuple(gold))


def _argument(value: Any) -> str:
    """TaskBench reads the first value of an object, and the joined items of a list."""
    if isinstance(value, dict):
        value = next(iter(value.values()), "")
    if isinstance(value, list):
        value = " ".join(map(str, value))
    return _NODE.sub(r"<GENERATED>-\1", str(value))


def _hub_name(tool: str) -> str:
    """Depth Estimation → depth-estimation."""
    name = tool.replace("_", " ").lower().replace(" ", "-")
    return _RENAMED.get(name, name)


def _gold(row: Any, number: str) -> Example:
    data = _GoldRow.model_validate(row)
    alternatives = tuple(map(_plan, data.alts))
    return Example(data.id, _request(data.id, data.request, data.history), _plan(data.gold), alternatives)


def _plain(row: Any, number: str) -> Example:
    data = _PlainRow.model_validate(row)
    id = data.id or number
    return Example(id, _request(id, data.request, data.history, data.files), _plan(data.plan))


def _request(id: str, text: str, history: Sequence[_TurnRow], files: Sequence[str] = ()) -> Request:
    turns = tuple(Turn(role=turn.role, text=turn.content) for turn in history)
    resources = tuple(Resource(name=name, kind=_kind(name)) for name in files)
    return Request(id=id, text=text, resources=resources, history=turns)


def _plan(rows: Sequence[_StepRow]) -> Plan:
    """Steps whose `dep` holds what is stated (without the original's -1) and what the arguments refer to."""
    ids = [row.id for row in rows]
    plan = []
    for row in rows:
        step = Step(task=row.task, id=row.id, args=row.args)
        needed = {id for id in row.dep if id != -1} | references(step)
        if ids.count(row.id) > 1 or row.id in needed or not needed <= set(ids):
            raise DatasetError(f"step {row.id}: ids must be unique and dependencies other steps of the plan")
        plan.append(step.model_copy(update={"dep": tuple(sorted(needed))}))
    return tuple(plan)


def _kind(name: str) -> Kind:
    family = (mimetypes.guess_type(name)[0] or "").partition("/")[0]
    return cast(Kind, family) if family in {"image", "audio", "video"} else "text"
