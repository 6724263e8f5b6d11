"""README says what the code says."""

import re
from pathlib import Path

from deployments.task import Task, tasks

README = Path(__file__).parent.parent / "README.md"


def row(task: Task) -> str:
    takes = ", ".join(
        f"{name}{'…' if spec.many else ''}" if spec.required else f"[{name}]"
        for name, spec in task.inputs.items()
    )
    return f"| {task.name} | {takes} | {', '.join(task.outputs) or 'vectors'} | {task.description} |"


def test_the_task_table_is_the_registry() -> None:
    """README's table has one row per known task, with its inputs, outputs and description."""
    header = ["| task | takes | gives | what it does |", "| --- | --- | --- | --- |"]
    expected = "\n".join([*header, *map(row, tasks().values())])
    found = re.search(r"<!-- tasks -->\n(.*)\n<!-- /tasks -->", README.read_text(), re.DOTALL)
    assert found is not None
    assert found.group(1) == expected


def test_the_tree_names_only_what_exists() -> None:
    """Every file and folder of README's tree is there."""
    tree = README.read_text().split("## The tree")[1].split("```")[1]
    root, folder = README.parent, README.parent
    for line in filter(None, tree.splitlines()):
        names = re.split(r"\s{2,}", line.strip())[0].split()
        if not line.startswith(" "):
            folder = root
        for name in names:
            assert list(folder.glob(name)) or list(root.glob(name)), f"{name} is not in {folder}"
        if not line.startswith(" ") and names[0].endswith("/"):
            folder = root / names[0]
