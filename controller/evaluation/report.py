"""The scores of a run, as data and as Markdown with the published rows beside them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, get_args

import numpy as np

from controller.evaluation import metrics, published
from controller.evaluation.datasets import Dataset, Example
from controller.evaluation.metrics import Case, Metric, Score, Shape
from controller.evaluation.published import Row
from controller.evaluation.results import Outcome
from deployments.task import tasks

_RATES = ("exact", "wrong", "refused")
_TASKBENCH = ("n-F1", "e-F1", "t-F1", "v-F1")
# Scores that are no percentage.
_PLAIN = {"ED"}

_NOTES = (
    "The published rows are language models prompted in 2023. A planner that was made with the requests "
    "of a file at hand scores too well on it: only requests that nobody looked at tell how well it plans.",
    "A plan is scored against the accepted plan it is closest to, gold or alternative; its category is "
    "the gold plan's.",
    "A refused request and an invalid plan are scored as empty plans. Requests that failed for a reason "
    "outside the planner are left out, and counted as errors.",
    "Brackets hold 95 % bootstrap intervals over the requests.",
)
_PAPER_NOTES = (
    "The paper's requests are not published: its rows (arXiv 2303.17580, tables 3 to 6) are of other "
    "requests. Tables 3 to 5 take GPT-4's plans as gold, table 6 has 46 requests planned by people.",
    "The paper names no averaging. Tables 4 and 5 agree with sums over all requests (F1 is the harmonic "
    "mean of P and R), table 3 with a mean over task types weighted by requests (R is close to Acc): so "
    "it is done here.",
    "ED is the Levenshtein distance over the longer plan's length; the paper only cites Marzal and Vidal "
    "1993, who divide by the length of the editing path.",
    "Acc asks for the right dependencies too; the paper looks at task types.",
    "The column `judge` stands beside the paper's GPT-4 score, the share of graph plans that a language "
    "model calls right. Another judge with another prompt is another measure.",
)
_TASKBENCH_NOTES = (
    "TaskBench's rows (arXiv 2311.18760, Hugging Face tools) are of its full set, with a prompt that "
    "lists its 23 tools and shows the form of its gold plans.",
    "The planner knows {tasks} tasks, not TaskBench's tools; Image Editing counts as image-to-image. Like "
    "TaskBench's own evaluation, n-F1 passes over planned tasks that are not on its list.",
    "Optional arguments that TaskBench has not (a language, labels) count as wrong values in v-F1.",
)
_NO_TOOLS_NOTE = "TaskBench's tool_desc.json was not given: kinds of outputs are this service's own."


@dataclass(frozen=True)
class Entry:
    """A request with what the planner and, where one was asked, the judge said."""

    example: Example
    outcome: Outcome
    approved: bool | None


@dataclass(frozen=True)
class Results:
    """Everything that came out for one data file."""

    dataset: Dataset
    entries: Sequence[Entry]

    @cached_property
    def groups(self) -> dict[str, list[Case]]:
        """Category → what is scored of it: all but the errors. Categories without a request are left out."""
        cases = [
            metrics.case(entry.example, entry.outcome.plan, entry.outcome.status == "refused", entry.approved)
            for entry in self.entries
            if entry.outcome.status != "error"
        ]
        groups = {shape: [case for case in cases if case.shape == shape] for shape in get_args(Shape)}
        return {"all": cases, **{shape: group for shape, group in groups.items() if group}}

    @cached_property
    def scores(self) -> dict[str, dict[str, Score]]:
        """Category → rates and TaskBench's metrics."""
        measured = (*metrics.rates(), *metrics.taskbench(self.dataset.tools))
        return {name: _scores(measured, group) for name, group in self.groups.items()}

    @cached_property
    def paper(self) -> dict[str, dict[str, Score]]:
        """Category → the paper's metrics for it."""
        shapes = [shape for shape in published.PAPER if shape in self.groups]
        return {shape: _scores(metrics.paper(shape), self.groups[shape]) for shape in shapes}


@dataclass(frozen=True)
class Report:
    """What one planner did on all data files. `concurrency`: requests at once, for reading the latency."""

    planner: str
    model: str
    judge: str | None
    concurrency: int
    results: Sequence[Results]

    def errors(self) -> list[str]:
        """Why requests have no plan, one line per reason, most frequent first."""
        said = Counter(
            entry.outcome.message
            for results in self.results
            for entry in results.entries
            if entry.outcome.status == "error"
        )
        return [f"{number} times: {message}" for message, number in said.most_common()]

    def data(self) -> dict[str, Any]:
        """All scores, as JSON."""
        head = {"planner": self.planner, "model": self.model, "judge": self.judge}
        return {
            **head,
            "concurrency": self.concurrency,
            "datasets": [_data(results) for results in self.results],
        }

    def markdown(self) -> str:
        """The report to read."""
        lines = [f"# How well {self.planner} ({self.model}) plans"]
        for results in self.results:
            lines += self._section(results)
        lines += ["", "## What is not like for like", ""]
        lines += [f"- {note}" for note in self._notes()]
        if errors := self.errors():
            lines += ["", "## Requests that failed", "", *(f"- {line}" for line in errors[:20])]
        return "\n".join(lines) + "\n"

    def _section(self, results: Results) -> Iterator[str]:
        status = Counter(entry.outcome.status for entry in results.entries)
        ours = f"**{self.planner}** ({self.model})"
        yield from ("", f"## {results.dataset.name}", "")
        yield f"{len(results.entries)} requests, {status['invalid']} invalid plans, {status['error']} errors."
        yield from ("", "Plans with the wanted tasks and dependencies, %:", "")
        yield from _table(
            ["category", "requests", *_RATES],
            [[name, *_cells(scores, _RATES)] for name, scores in results.scores.items()],
        )
        yield from ("", "TaskBench's metrics, %:", "")
        beside = published.TASKBENCH if results.dataset.format == "TaskBench" else ()
        yield from _table(
            ["planner", "source", "requests", *_TASKBENCH],
            [
                *(
                    [f"{ours}, {name}", "here", *_cells(scores, _TASKBENCH)]
                    for name, scores in results.scores.items()
                    if name != "conversation"
                ),
                *(_published(row, _TASKBENCH) for row in beside),
            ],
        )
        for shape, rows in published.PAPER.items():
            if scores := results.paper.get(shape):
                yield from (
                    "",
                    f"The paper's metrics for {shape} plans, % (ED 0 to 1, lower is better):",
                    "",
                )
                yield from _table(
                    ["planner", "source", "requests", *scores],
                    [[ours, "here", *_cells(scores, scores)], *(_published(row, scores) for row in rows)],
                )
        unjudged = sum(case.approved is None for case in results.groups.get("graph", ()))
        if self.judge is not None and unjudged:
            yield from ("", f"{unjudged} graph plans got no verdict and are not in `judge`.")
        yield from ("", *_costs(results, self.concurrency))

    def _notes(self) -> Iterator[str]:
        yield from _NOTES
        yield from _PAPER_NOTES
        if self.judge is None:
            yield "No judge was asked (--judge MODEL)."
        else:
            yield f"The judge is {self.judge}. A needless empty plan is wrong without asking it."
        benches = [results.dataset for results in self.results if results.dataset.format == "TaskBench"]
        if benches:
            yield from (note.format(tasks=len(tasks())) for note in _TASKBENCH_NOTES)
        if any(dataset.tools is None for dataset in benches):
            yield _NO_TOOLS_NOTE
        for results in self.results:
            unknown = sorted(
                {
                    step.task
                    for entry in results.entries
                    for step in entry.example.gold
                    if step.task not in tasks()
                }
            )
            if unknown:
                yield f"{results.dataset.name} wants tasks that do not exist here: {', '.join(unknown)}."


def _scores(measured: Sequence[Metric], cases: Sequence[Case]) -> dict[str, Score]:
    return {metric.name: metrics.score(metric, cases) for metric in measured}


def _data(results: Results) -> dict[str, Any]:
    return {
        "name": results.dataset.name,
        "status": dict(Counter(entry.outcome.status for entry in results.entries)),
        "scores": _json(results.scores),
        "paper": _json(results.paper),
        **_cost(results),
    }


def _json(scores: Mapping[str, Mapping[str, Score]]) -> dict[str, Any]:
    """null for what is no number."""
    return {
        group: {
            name: {key: None if math.isnan(value) else value for key, value in asdict(score).items()}
            for name, score in named.items()
        }
        for group, named in scores.items()
    }


def _cost(results: Results) -> dict[str, float | None]:
    """Seconds to the whole plan (median, 90th percentile) and mean tokens per plan."""
    outcomes = [entry.outcome for entry in results.entries if entry.outcome.status != "error"]
    seconds = [outcome.seconds for outcome in outcomes]
    counted = [
        (outcome.prompt_tokens, outcome.completion_tokens)
        for outcome in outcomes
        if outcome.prompt_tokens is not None and outcome.completion_tokens is not None
    ]
    prompt, completion = np.mean(counted, axis=0).tolist() if counted else (None, None)
    return {
        "median_s": float(np.median(seconds)) if seconds else None,
        "p90_s": float(np.percentile(seconds, 90)) if seconds else None,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
    }


def _costs(results: Results, concurrency: int) -> Iterator[str]:
    cost = _cost(results)
    if cost["median_s"] is not None:
        yield (
            f"Time to the whole plan ({concurrency} at once): median {cost['median_s']:.3f} s, "
            f"90th percentile {cost['p90_s']:.3f} s."
        )
    if cost["prompt_tokens"] is not None:
        yield (
            f"Tokens per plan, mean: {cost['prompt_tokens']:.0f} in the prompt, "
            f"{cost['completion_tokens']:.0f} in the answer."
        )


def _cells(scores: Mapping[str, Score], names: Iterable[str]) -> list[str]:
    """The number of requests, then the scores."""
    shown = [_cell(name, scores[name]) for name in names]
    return [str(next(iter(scores.values())).n), *shown]


def _cell(name: str, score: Score) -> str:
    if math.isnan(score.value):
        return "-"
    bounds = (score.value, score.low, score.high)
    value, low, high = (f"{part:.2f}" if name in _PLAIN else f"{100 * part:.1f}" for part in bounds)
    return f"{value} [{low}, {high}]"


def _published(row: Row, names: Iterable[str]) -> list[str]:
    scores = [row.scores.get(name) for name in names]
    return [row.name, row.source, "", *("-" if score is None else f"{score:.2f}" for score in scores)]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for cells in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(cells)} |"
