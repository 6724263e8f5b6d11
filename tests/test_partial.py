"""What language models wrap around their JSON, and how far it is understood."""

from __future__ import annotations

import pytest

from controller.errors import PlanError
from controller.partial import Named, Scanner, parsed

STEP = {"task": "image-to-text", "id": 0, "dep": [-1], "args": {"image": "a.png"}}
JSON = '{"task": "image-to-text", "id": 0, "dep": [-1], "args": {"image": "a.png"}}'


def scan(text: str, size: int = 1) -> list[dict[str, object]]:
    scanner = Scanner(key="task")
    found = [item for i in range(0, len(text), size) for item in scanner.feed(text[i : i + size])]
    scanner.finish()
    return [parsed(item) for item in found if not isinstance(item, Named)]


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    "text",
    [
        f"[{JSON}]",
        JSON,
        f'{{"tasks": [{JSON}]}}',
        f'{{"thought": "a {{ and a [", "plan": [{JSON}]}}',
        f"```json\n[{JSON}]\n```",
        f"Here's the plan [it isn't long]:\n\n{JSON}\n\nThat's {{all}} there is]}}",
        f"[{JSON},]",
        "[{'task': 'image-to-text', 'id': 0, 'dep': [-1], 'args': {'image': 'a.png',},},]",
        '[{"id": 0, "args": {"image": "a.png"}, "dep": [-1], "task": "image-to-text"}]',
    ],
)
def test_the_steps_are_found_whatever_is_around_them(text: str, size: int) -> None:
    """Fences, prose, wrappers, Python's quotes and trailing commas make no difference, nor does chunking."""
    assert scan(text, size) == [STEP]


def test_brackets_and_quotes_inside_strings_are_text() -> None:
    """Only structure counts; an argument may hold any characters, a whole step included."""
    value = 'He said "}]" – {"task": "x"} \\ \'['
    text = '[{"task": "t", "args": {"text": "He said \\"}]\\" – {\\"task\\": \\"x\\"} \\\\ \'["}}]'
    assert scan(text) == [{"task": "t", "args": {"text": value}}]


def test_what_a_step_contains_is_no_step() -> None:
    """An object inside a step is part of it, even where it looks like one."""
    assert scan('[{"task": "a", "args": {"task": "b", "list": [{"task": "c"}]}}]') == [
        {"task": "a", "args": {"task": "b", "list": [{"task": "c"}]}}
    ]


def test_items_without_the_key_are_reported() -> None:
    """An item of the list that lacks the key is not passed over in silence."""
    assert scan('[{"name": "image-to-text"}]') == [{"name": "image-to-text"}]


def test_the_name_is_known_before_the_object_is_complete() -> None:
    """The value of the key is reported as soon as its string ends, and the object once it closes."""
    scanner = Scanner(key="task")
    assert scanner.feed('[{"task": "image-to-te') == []
    assert scanner.feed('xt", "args": {"im') == [Named("image-to-text")]
    assert scanner.feed('age": "a.png"}') == []
    assert scanner.feed("}") == ['{"task": "image-to-text", "args": {"image": "a.png"}}']


@pytest.mark.parametrize(
    "text", ["[]", '{"tasks": []}', "{}", "```json\n[ ]\n```", 'No tasks here: {"plan": [\n]}']
)
def test_an_empty_plan_is_told_from_no_plan(text: str) -> None:
    """An empty list or object is an answer."""
    assert scan(text) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no JSON object"),
        ("I would read the picture first.", "no JSON object"),
        ('{"error": "unclear"}', "no JSON object"),
        ('[{"task": "a", "args": {"text": "on and', "breaks off"),
        ('[{"task": "a", "args": {}', "breaks off"),
    ],
)
def test_text_without_a_plan_is_refused(text: str, says: str) -> None:
    """Prose, something else, and JSON that ends too soon are no plan."""
    with pytest.raises(PlanError, match=says):
        scan(text)


@pytest.mark.parametrize(
    "text", ['{"task": }', '{"task": "a" "id": 0}', "{'task': __import__('os')}", '{"a": NaN, x}']
)
def test_an_object_that_is_not_json_is_refused_with_its_text(text: str) -> None:
    """The message shows what could not be read, and nothing in it is evaluated."""
    with pytest.raises(PlanError, match="not valid JSON"):
        parsed(text)
