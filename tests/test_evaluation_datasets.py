"""Reading requests and gold plans from the four formats."""

from pathlib import Path

import pytest

from controller.evaluation.datasets import DatasetError, load
from controller.schema import Resource, Step, Turn

DATA = Path(__file__).parent / "data" / "evaluation"


def test_plain_lines_have_files_history_and_dependencies_from_references() -> None:
    """A line of our own gives request, resources with their kind, turns, and steps with a complete dep."""
    (dataset,) = load([DATA / "plain.jsonl"])
    sign, french, hello = dataset.examples
    assert (dataset.name, dataset.format, dataset.tools) == ("plain.jsonl", "plain", None)
    assert sign.request.resources == (Resource(name="sign.png", kind="image"),)
    assert [step.dep for step in sign.gold] == [(), (0,)]
    assert french.request.history[1] == Turn(role="assistant", text="All is well.")
    assert french.gold == (Step(task="translation", id=7, args={"text": "All is well."}),)
    assert (hello.id, hello.gold) == ("hello", ())


def test_a_request_without_an_id_is_named_by_its_line() -> None:
    """The line number stands in for a missing id."""
    (dataset,) = load([DATA / "plain.jsonl"])
    assert dataset.examples[1].id == "2"


def test_gold_lines_have_alternatives() -> None:
    """Every plan in `alts` is an accepted alternative to `gold`."""
    (dataset,) = load([DATA / "gold.jsonl"])
    first, pages, _ = dataset.examples
    assert dataset.format == "gold"
    assert [[step.task for step in plan] for plan in first.alternatives] == [["object-detection"]]
    assert pages.gold[2].dep == (0, 1)


def test_taskbench_as_published_with_tool_desc_beside_it() -> None:
    """Both request fields, both node fields, JSON in strings, node references and tool names are read."""
    (dataset,) = load([DATA / "taskbench" / "data.json"])
    translation, editing, noise = dataset.examples
    assert translation.request.text == "Translate the caption of 'example.jpg'."
    assert translation.gold == (
        Step(task="translation", id=0, dep=(1,), args={"0": "<GENERATED>-1"}),
        Step(task="image-to-text", id=1, args={"0": "example.jpg"}),
    )
    assert [step.task for step in editing.gold] == ["image-to-image"]
    assert noise.gold[0].task == "audio-classification"
    # <node-0-output-text> is a reference; <node-1> refers to its own step, which counts for nothing.
    assert noise.gold[1].dep == (0,)
    assert dataset.tools is not None
    assert dataset.tools["text-to-speech"] == "audio"
    assert dataset.tools["sentence-similarity"] == "none"


def test_a_tool_description_may_be_named_among_the_data(tmp_path: Path) -> None:
    """A tool description elsewhere goes with TaskBench's data and with no other format."""
    data = tmp_path / "excerpt.jsonl"
    data.write_text((DATA / "taskbench" / "data.json").read_text())
    plain, excerpt = load([DATA / "plain.jsonl", data, DATA / "taskbench" / "tool_desc.json"])
    assert plain.tools is None
    assert excerpt.tools is not None and len(excerpt.tools) == 6


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"id": "a", "request": "r", "plan": []}\n{"plan": [\n', r"bad.jsonl:2: not a line of JSON"),
        ('{"question": "r"}\n', r"bad.jsonl:1: .*task_nodes .*gold, or plan.* this has question"),
        ('{"request": "r", "plan": [{"id": 0}]}\n', r"bad.jsonl:1: plan.0.task: Field required"),
        ('{"id": "a", "user_request": "r", "task_nodes": "[{"}\n', r"bad.jsonl:1: task_nodes: "),
        ('{"id": "a", "request": "r", "plan": []}\n' * 2, r"bad.jsonl:2: the id a is there twice"),
        (
            '{"request": "r", "plan": [{"task": "translation", "id": 0, "dep": [3]}]}\n',
            r"bad.jsonl:1: step 0: .*other steps of the plan",
        ),
        ("\n", r"bad.jsonl: no requests in it"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, text: str, said: str) -> None:
    """What cannot be read is refused with file, line and reason."""
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    with pytest.raises(DatasetError, match=said):
        load([path])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A path with no file there is refused by name."""
    with pytest.raises(DatasetError, match=r"none.jsonl: No such file"):
        load([tmp_path / "none.jsonl"])


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    """Results are kept by file name, so two files may not share one."""
    (tmp_path / "plain.jsonl").write_text((DATA / "plain.jsonl").read_text())
    with pytest.raises(DatasetError, match=r"two data files are called plain\.jsonl"):
        load([DATA / "plain.jsonl", tmp_path / "plain.jsonl"])


def test_a_line_separator_inside_a_request_ends_no_line(tmp_path: Path) -> None:
    """Only a newline ends a line of JSON, whatever else Unicode calls a line end."""
    path = tmp_path / "separators.jsonl"
    path.write_text('{"id": "a", "request": "one\u2028two\x85three", "plan": []}\n')
    (dataset,) = load([path])
    assert dataset.examples[0].request.text == "one\u2028two\x85three"
