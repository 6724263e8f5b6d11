"""What came out, one line of JSON each, appended as it comes: an interrupted run goes on where it was."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from controller.schema import Step

Status = Literal["planned", "refused", "invalid", "error"]
# dataset, request, its digest, planner, model; with the judge at the end for what it said.
Key = tuple[str, ...]


class ResultsError(ValueError):
    """A results file cannot be gone on with; the message says where and why."""


class _Record(BaseModel):
    """`digest` is of the request, so that an edited one is planned anew."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: str
    id: str
    digest: str
    planner: str
    model: str

    @property
    def key(self) -> Key:
        return (self.dataset, self.id, self.digest, self.planner, self.model)


class Outcome(_Record):
    """What a planner did with one request; `seconds` until it was done.

    status: `invalid` is a plan that cannot be run; `error` no plan at all, for a reason outside the planner.
    """

    status: Status
    plan: tuple[Step, ...] = ()
    message: str = ""
    seconds: float
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Judgement(_Record):
    """What a judge said of the plan for one request; `right` is None where it gave no verdict."""

    judge: str
    right: bool | None
    reason: str

    @property
    def key(self) -> Key:
        return (*super().key, self.judge)


R = TypeVar("R", Outcome, Judgement)


class Log(Generic[R]):
    """An append-only file of records; of those with the same key the last counts.

    A last line without its end, left by a process that died while writing, is cut off. Raises ResultsError
    for any other line that is no record.
    """

    def __init__(self, path: Path, kind: type[R]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.records: dict[Key, R] = {}
        whole, end, _ = (path.read_bytes() if path.exists() else b"").rpartition(b"\n")
        for number, line in enumerate(whole.split(b"\n") if end else [], start=1):
            try:
                record = kind.model_validate_json(line)
            except ValidationError as error:
                raise ResultsError(
                    f"{path}:{number}: no result of this version ({error.errors()[0]['msg']}); "
                    f"remove the line or choose another --out"
                ) from None
            self.records[record.key] = record
        self._file = path.open("ab")
        self._file.truncate(len(whole) + len(end))

    def add(self, record: R) -> None:
        self._file.write(record.model_dump_json().encode() + b"\n")
        self._file.flush()
        self.records[record.key] = record

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
