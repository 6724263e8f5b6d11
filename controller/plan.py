"""A plan while it is being written: each step is checked once, as it comes.

>>> draft = Draft(Request(id="r", text="read a.png aloud"), max_steps=8)
>>> draft.add(Step(task="text-to-speech", id=1, args={"text": "<GENERATED>-0"}))  # waits for step 0
()
>>> [step.dep for step in draft.add(Step(task="image-to-text", id=0, args={"image": "a.png"}))]
[(), (0,)]
>>> draft.finish()
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from mimetypes import guess_type
from pathlib import PurePosixPath

from controller.errors import PlanError
from controller.schema import Request, Resource, Step
from deployments.task import Input, tasks

# <GENERATED>-0 and <resource>-0 are the original's; models also write <GENERATED-0>.
_REFERENCE = re.compile(r"<(?:GENERATED|resource)>-(\d+)|<(?:GENERATED|resource)-(\d+)>", re.IGNORECASE)

# One value of an argument, in pieces: literal text, a step id, a resource.
Piece = str | int | Resource
Template = tuple[Piece, ...]


class Draft:
    """Checks steps and releases each once those it refers to are there.

    A step whose media argument names several values becomes one step per value, and references to it
    become references to them all. Raises PlanError, with what is wrong and what would be right.
    """

    def __init__(self, request: Request, max_steps: int) -> None:
        self._request = request
        self._max_steps = max_steps
        self._held: dict[int, Step] = {}
        # {id as planned: ids released for it}, several where the step was unfolded
        self._released: dict[int, tuple[int, ...]] = {}
        # {released id: its task}
        self._tasks: dict[int, str] = {}

    def add(self, step: Step) -> tuple[Step, ...]:
        """The steps that can start now: this one if its inputs are known, and those that waited for it."""
        if step.id in self._released or step.id in self._held:
            raise PlanError(f"two steps have the id {step.id}; ids must be unique")
        self._check_room(1)
        self._check(step)
        self._held[step.id] = step
        return tuple(self._release())

    def finish(self) -> None:
        """The plan is complete. Raises PlanError for references to steps that never came, and for cycles."""
        for step in self._held.values():
            for needed in _needs(step):
                if needed not in self._held and needed not in self._released:
                    raise PlanError(f"step {step.id} refers to step {needed}, which is not in the plan")
        if self._held:
            ids = ", ".join(map(str, self._held))
            raise PlanError(f"steps {ids} wait for each other; a plan must have no cycle")

    def _check_room(self, count: int) -> None:
        if len(self._tasks) + len(self._held) + count > self._max_steps:
            raise PlanError(f"the plan has more than {self._max_steps} steps; ask for less at once")

    def _check(self, step: Step) -> None:
        task = tasks().get(step.task)
        if task is None:
            raise PlanError(f"step {step.id}: unknown task '{step.task}'; known: {', '.join(tasks())}")
        for name, value in step.args.items():
            if name not in task.inputs:
                known = ", ".join(task.inputs)
                raise PlanError(f"step {step.id}: {step.task} takes {known}, not '{name}'")
            if not value or not all(text.strip() for text in ([value] if isinstance(value, str) else value)):
                raise PlanError(f"step {step.id}: '{name}' is empty")
            spec = task.inputs[name]
            for template in templates(value, spec, self._request):
                if spec.kind != "text" and isinstance(template[0], str):
                    raise PlanError(
                        f"step {step.id}: '{template[0]}' is no {spec.kind} of this conversation; "
                        f"give the name of an attached {spec.kind} or a reference to a step"
                    )
        missing = [name for name, spec in task.inputs.items() if spec.required and name not in step.args]
        if missing:
            raise PlanError(f"step {step.id}: {step.task} needs {', '.join(missing)}")
        if step.id in _needs(step):
            raise PlanError(f"step {step.id} refers to itself")

    def _release(self) -> Iterator[Step]:
        ready = True
        while ready:
            ready = False
            for step in list(self._held.values()):
                if all(needed in self._released for needed in _needs(step)):
                    del self._held[step.id]
                    yield from self._unfold(step)
                    ready = True

    def _unfold(self, step: Step) -> Iterator[Step]:
        """Steps of one value for each single media argument, with `dep` complete."""
        task = tasks()[step.task]
        args = {name: self._expand(value) for name, value in step.args.items()}
        several = [
            name
            for name, value in args.items()
            if task.inputs[name].kind != "text" and not task.inputs[name].many and isinstance(value, list)
        ]
        count = max((len(args[name]) for name in several), default=1)
        if any(len(args[name]) != count for name in several):
            raise PlanError(f"step {step.id}: {', '.join(several)} have different numbers of values")
        self._check_room(count)
        stated = [i for needed in step.dep for i in self._released[needed]]
        ids: list[int] = []
        for position in range(count):
            # A later step may still come with the id that an unfolded one took: it gets a free one then.
            new_id = step.id if step.id not in self._tasks else max(self._tasks) + 1
            own = {name: value[position] if name in several else value for name, value in args.items()}
            unfolded = Step(task=step.task, id=new_id, args=own)
            self._check_kinds(unfolded)
            self._tasks[new_id] = step.task
            ids.append(new_id)
            yield unfolded.model_copy(update={"dep": tuple(sorted({*stated, *references(unfolded)}))})
        self._released[step.id] = tuple(ids)

    def _expand(self, value: str | list[str]) -> str | list[str]:
        """References rewritten to the released ids, in a list where there is more than one value."""
        values = [
            _REFERENCE.sub(lambda m: ", ".join(f"<GENERATED>-{i}" for i in self._released[_id(m)]), item)
            for text in ([value] if isinstance(value, str) else value)
            for item in _split(text)
        ]
        values = [item for text in values for item in _split(text)]
        return values[0] if len(values) == 1 else values

    def _check_kinds(self, step: Step) -> None:
        for name, value in step.args.items():
            kind = tasks()[step.task].inputs[name].kind
            for template in templates(value, tasks()[step.task].inputs[name], self._request):
                for piece in template:
                    if isinstance(piece, int) and kind not in tasks()[self._tasks[piece]].outputs:
                        source = tasks()[self._tasks[piece]]
                        gives = " and ".join(source.outputs) or "only structured data"
                        raise PlanError(
                            f"step {step.id}: {step.task} needs {kind} for '{name}', "
                            f"but step {piece} ({source.name}) gives {gives}"
                        )
                    if isinstance(piece, Resource) and piece.kind != kind:
                        raise PlanError(
                            f"step {step.id}: {step.task} needs {kind} for '{name}', "
                            f"but {piece.name} is {piece.kind}"
                        )


def references(step: Step) -> set[int]:
    """Ids of the steps whose output the arguments name."""
    values = [text for value in step.args.values() for text in ([value] if isinstance(value, str) else value)]
    return {_id(match) for text in values for match in _REFERENCE.finditer(text)}


def renumbered(step: Step, ids: Mapping[int, int]) -> Step:
    """The step with what it refers to under other ids."""
    new = {old: f"<GENERATED>-{new}" for old, new in ids.items()}
    args = {
        name: filled(value, new) if isinstance(value, str) else [filled(text, new) for text in value]
        for name, value in step.args.items()
    }
    return step.model_copy(update={"args": args, "dep": tuple(sorted(ids[needed] for needed in step.dep))})


def filled(text: str, values: Mapping[int, str]) -> str:
    """Text with each reference replaced by what is in `values` for its step, which may lack none."""
    return _REFERENCE.sub(lambda match: values[_id(match)], text)


def templates(value: str | list[str], spec: Input, request: Request) -> tuple[Template, ...]:
    """An argument as values in pieces: references as step ids, names of files as resources."""
    items = [item for text in ([value] if isinstance(value, str) else value) for item in _split(text)]
    return tuple(_template(item, spec, request) for item in items)


def find(name: str, request: Request) -> Resource | None:
    """The file of the conversation with this name; the latest where several share it.

    The folder part of a path in the user's words never counts: it is a name to match, not a place.
    """
    for resources in (request.resources, *(turn.resources for turn in reversed(request.history))):
        for same in (lambda r: r.name == name or r.id == name, lambda r: _base(r.name) == _base(name)):
            found = [resource for resource in resources if same(resource)]
            if found:
                return found[-1]
    return None


def _needs(step: Step) -> set[int]:
    return references(step) | set(step.dep)


def _template(item: str, spec: Input, request: Request) -> Template:
    resource = find(item, request)
    if resource is not None and (spec.kind != "text" or resource.kind == "text"):
        return (resource,)
    named = spec.kind != "text" or _is_text_file(item)
    if named and not _REFERENCE.search(item) and _mentioned(item, request):
        return (Resource(name=item, kind=spec.kind),)
    pieces: list[Piece] = []
    end = 0
    for match in _REFERENCE.finditer(item):
        pieces += [item[end : match.start()], _id(match)]
        end = match.end()
    pieces.append(item[end:])
    return tuple(piece for piece in pieces if piece != "")


def _split(text: str) -> list[str]:
    """`<GENERATED>-0, <GENERATED>-1` is two values; text with references in it is one."""
    if _REFERENCE.search(text) and not re.sub(r"[\s,;&]|\band\b", "", _REFERENCE.sub("", text)):
        return [match.group() for match in _REFERENCE.finditer(text)]
    return [text]


def _mentioned(name: str, request: Request) -> bool:
    return any(name in text for text in (request.text, *(turn.text for turn in request.history)))


def _is_text_file(item: str) -> bool:
    """Whether words are the name of a file to read, rather than what to work on."""
    if " " in item:
        return False
    return item.startswith(("http://", "https://")) or (guess_type(item)[0] or "").startswith("text/")


def _base(name: str) -> str:
    return PurePosixPath(name).name.casefold()


def _id(match: re.Match[str]) -> int:
    return int(match.group(1) or match.group(2))
