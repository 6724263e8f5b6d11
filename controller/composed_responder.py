"""The answer put together from the results, without an LLM."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

from controller.plan import filled
from controller.schema import Request, StepResult
from deployments.task import tasks

_QUOTED_CHARS = 1500
_NO_TASK = (
    "Hello! I find no task in that, and no LLM is configured here for conversation. "
    "Attach a picture, a recording or a text and say what to do with it, for example "
    "“read this, summarise it in one sentence and say it aloud”, “make a canny edge image of this photo”, "
    "or ask a question about a text. What is deployed now is listed under /v1/experts."
)


class ComposedResponder:
    """Says what the last steps of the graph gave, then what led to it, then what failed and why."""

    async def respond(
        self, request: Request, results: Sequence[StepResult], notes: Sequence[str]
    ) -> AsyncIterator[str]:
        for index, paragraph in enumerate(_paragraphs(results, notes)):
            yield paragraph if index == 0 else "\n\n" + paragraph


def _paragraphs(results: Sequence[StepResult], notes: Sequence[str]) -> Iterator[str]:
    yield from notes
    if not results:
        if not notes:
            yield _NO_TASK
        return
    done = [result for result in results if result.status == "ok"]
    used = {i for result in done for i in result.dep}
    # What a reference in an argument stands for.
    texts = {result.id: result.text or "…" for result in results}
    yield from (_said(result, texts) for result in done if result.id not in used)
    if used:
        yield "On the way there:"
        yield from (_said(result, texts) for result in done if result.id in used)
    for result in results:
        if result.error is not None:
            verb = "was not done" if result.status == "skipped" else "failed"
            yield f"{result.task} (step {result.id}) {verb}: {result.error.message}"
    for result in done:
        for attempt in result.attempts:
            yield f"{attempt.expert} failed ({attempt.error.message}); another call did it."
    if done:
        yield f"_Done by: {', '.join(f'{result.task} ({result.expert})' for result in done)}._"


def _said(result: StepResult, texts: Mapping[int, str]) -> str:
    given = {name: filled(value, texts) for name, value in result.args.items() if isinstance(value, str)}
    lines = [tasks()[result.task].answer.format_map(_Given(given))]
    if result.text:
        lines.append(_quote(result.text))
    elif result.text == "":
        lines.append("(nothing)")
    for artifact in result.artifacts:
        picture = "!" if artifact.kind == "image" else ""
        lines.append(f"{picture}[{artifact.name}]({artifact.url})")
    return "\n\n".join(lines)


def _quote(text: str) -> str:
    cut = text if len(text) <= _QUOTED_CHARS else text[:_QUOTED_CHARS].rstrip() + " …"
    return "\n".join(f"> {line}" for line in cut.splitlines())


class _Given(dict[str, str]):
    """Leaves a placeholder empty where the step had no such argument."""

    def __missing__(self, key: str) -> str:
        return ""
