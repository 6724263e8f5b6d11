"""What is measured of a plan, beside the plan that was wanted.

The paper (arXiv 2303.17580, section 4.3) looks at task types alone, by the shape of the wanted plan.
TaskBench (arXiv 2311.18760) compares four sets per request, summed over all requests before F1 is taken:

| metric | one element                                             |
| ------ | ------------------------------------------------------- |
| n-F1   | task                                                    |
| e-F1   | (task, task that takes its output)                      |
| t-F1   | (task, kind of an argument)                             |
| v-F1   | (task, kind of an argument, its value or its source)    |

A score is a function of sums over requests, so that a bootstrap only has to weigh the requests anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Protocol

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from controller.evaluation.datasets import Example, Plan
from controller.plan import templates
from controller.schema import Request, Step
from deployments.task import Input, tasks

Shape = Literal["conversation", "single", "sequential", "graph"]
Floats = NDArray[np.float64]

_NO_FILES = Request(id="", text="")

# TaskBench tells the kind of a literal by these endings, wherever they occur in it, in this order.
_ENDINGS = {
    "image": ("jpg", "png", "jpeg", "gif", "bmp", "tiff", "svg", "ico"),
    "audio": ("mp3", "wav", "wma", "ogg", "aac", "flac", "aiff", "au"),
    "video": ("mp4", "avi", "mov", "flv", "wmv", "mkv", "webm", "m4v", "mpg", "mpeg"),
}


@dataclass(frozen=True)
class Case:
    """One request with the plan it got.

    `wanted` is the accepted plan that `plan` is closest to; a refused request and an invalid plan count
    as an empty plan. `approved`: the judge's word, None where none was asked.
    """

    shape: Shape
    wanted: Plan
    plan: Plan
    exact: bool
    refused: bool
    approved: bool | None = None


def case(example: Example, plan: Plan, refused: bool = False, approved: bool | None = None) -> Case:
    """Compare a plan with the plans that were wanted; `shape` is always that of the gold plan."""
    accepted = (example.gold, *example.alternatives)
    exact = [wanted for wanted in accepted if same(plan, wanted)]
    wanted = exact[0] if exact else max(accepted, key=lambda other: _overlap(plan, other))
    return Case(shape(example.gold), wanted, plan, bool(exact), refused, approved)


def shape(plan: Plan) -> Shape:
    """Sequential is a chain: each step but the first has the one before it as its only dependency."""
    if not plan:
        return "conversation"
    if len(plan) == 1:
        return "single"
    steps = ordered(plan)
    chain = all(step.dep == ((steps[i - 1].id,) if i else ()) for i, step in enumerate(steps))
    return "sequential" if chain else "graph"


def same(one: Plan, other: Plan) -> bool:
    """Equal tasks and dependencies, whatever the numbering, the order and the arguments."""
    return len(one) == len(other) and bool(
        nx.is_isomorphic(_graph(one), _graph(other), node_match=lambda a, b: bool(a["task"] == b["task"]))
    )


def ordered(plan: Plan) -> Plan:
    """Each step after those it depends on, otherwise as written; as written where there is a cycle."""
    steps = {step.id: step for step in plan}
    places = {step.id: place for place, step in enumerate(plan)}
    graph = _graph(plan)
    if not nx.is_directed_acyclic_graph(graph):
        return plan
    return tuple(steps[id] for id in nx.lexicographical_topological_sort(graph, key=places.__getitem__))


def edit_distance(one: Sequence[str], other: Sequence[str]) -> float:
    """Levenshtein distance over the longer length: 0 is equal, 1 has nothing in common."""
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, start=1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(other, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right))
    return row[-1] / max(len(one), len(other), 1)


class Metric(Protocol):
    """A score that depends on sums over requests only."""

    @property
    def name(self) -> str: ...

    def counts(self, cases: Sequence[Case]) -> Floats:
        """[requests, k]: what each request adds."""
        ...

    def value(self, sums: Floats) -> Floats:
        """[..., k] sums → [...] scores; NaN where nothing was there to be scored."""
        ...


@dataclass(frozen=True)
class Ratio:
    """Σ numerator / Σ denominator: rates, means, and micro-averaged precision, recall and F1."""

    name: str
    measure: Callable[[Case], tuple[float, float]]

    def counts(self, cases: Sequence[Case]) -> Floats:
        return np.array([self.measure(case) for case in cases], dtype=float).reshape(-1, 2)

    def value(self, sums: Floats) -> Floats:
        return _divide(sums[..., 0], sums[..., 1])


@dataclass(frozen=True)
class ClassWeighted:
    """Precision, recall or F1 of each task type, averaged by how many requests want the type."""

    name: str
    of: Literal["precision", "recall", "f1"]

    def counts(self, cases: Sequence[Case]) -> Floats:
        types = sorted({step.task for case in cases for step in (*case.wanted, *case.plan)})
        rows = []
        for case in cases:
            wanted, planned = ({step.task for step in plan} for plan in (case.wanted, case.plan))
            rows.append([(t in wanted and t in planned, t in wanted, t in planned) for t in types])
        return np.array(rows, dtype=float).reshape(len(cases), -1)

    def value(self, sums: Floats) -> Floats:
        hits, wanted, planned = np.moveaxis(sums.reshape(*sums.shape[:-1], -1, 3), -1, 0)
        # A type that was never planned has precision and F1 0.
        per_type = np.nan_to_num(
            {
                "precision": lambda: _divide(hits, planned),
                "recall": lambda: _divide(hits, wanted),
                "f1": lambda: _divide(2 * hits, wanted + planned),
            }[self.of]()
        )
        return _divide((per_type * wanted).sum(-1), wanted.sum(-1))


def rates() -> tuple[Metric, ...]:
    """Of all requests: planned as wanted, planned otherwise (needlessly empty too), refused needlessly."""
    return (
        Ratio("exact", lambda case: (case.exact, 1)),
        Ratio("wrong", lambda case: (not case.exact and not case.refused, 1)),
        Ratio("refused", lambda case: (not case.exact and case.refused, 1)),
    )


def paper(shape: Shape) -> tuple[Metric, ...]:
    """The paper's metrics for plans of a shape; it gives none for conversation."""
    accuracy = Ratio("Acc", lambda case: (case.exact, 1))
    micro = _micro(lambda plan: Counter(step.task for step in plan))
    match shape:
        case "single":
            return (
                accuracy,
                ClassWeighted("P", "precision"),
                ClassWeighted("R", "recall"),
                ClassWeighted("F1", "f1"),
            )
        case "sequential":
            return (accuracy, Ratio("ED", lambda case: (_distance(case), 1)), *micro)
        case "graph":
            judged = Ratio("judge", lambda case: (bool(case.approved), case.approved is not None))
            return (accuracy, judged, *micro)
        case "conversation":
            return ()


def taskbench(tools: Mapping[str, str] | None) -> tuple[Metric, ...]:
    """n-F1, e-F1, t-F1, v-F1.

    `tools` is TaskBench's list, task → kind of output; n-F1 passes over tasks that are not on it. None: ours.
    """
    listed = {name: next(iter(task.outputs), "none") for name, task in tasks().items()}
    kinds = tools if tools is not None else listed

    def nodes(plan: Plan) -> Counter[Any]:
        return Counter({step.task for step in plan if tools is None or step.task in tools})

    def edges(plan: Plan) -> Counter[Any]:
        return Counter({(one.task, other.task) for one, other in _links(plan)})

    def types(plan: Plan) -> Counter[Any]:
        return Counter({(task, kind) for task, kind, _ in _arguments(plan, kinds)})

    def values(plan: Plan) -> Counter[Any]:
        return Counter(set(_arguments(plan, kinds)))

    elements = {"n-F1": nodes, "e-F1": edges, "t-F1": types, "v-F1": values}
    return tuple(_f1(name, of) for name, of in elements.items())


@dataclass(frozen=True)
class Score:
    """A value with its 95 % bootstrap interval, over `n` requests; NaN where there is none."""

    value: float
    low: float
    high: float
    n: int


def score(metric: Metric, cases: Sequence[Case], draws: int = 1000, seed: int = 0) -> Score:
    """The metric over these requests; the interval comes from drawing as many of them, with replacement."""
    if not cases:
        return Score(np.nan, np.nan, np.nan, 0)
    counts = metric.counts(cases)
    n = len(cases)
    drawn = metric.value(_weights(n, draws, seed) @ counts)
    drawn = drawn[~np.isnan(drawn)]
    low, high = np.percentile(drawn, [2.5, 97.5]) if drawn.size else (np.nan, np.nan)
    return Score(float(metric.value(counts.sum(0))), float(low), float(high), n)


@lru_cache(maxsize=1)
def _weights(n: int, draws: int, seed: int) -> Floats:
    """[draws, n]: how often each of n requests is drawn; the same for every metric of a group."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws).astype(float)


def _f1(name: str, of: Callable[[Plan], Counter[Any]]) -> Metric:
    def measure(case: Case) -> tuple[float, float]:
        wanted, planned = of(case.wanted), of(case.plan)
        return 2 * (wanted & planned).total(), wanted.total() + planned.total()

    return Ratio(name, measure)


def _micro(of: Callable[[Plan], Counter[Any]]) -> tuple[Metric, ...]:
    def hits(case: Case) -> float:
        return (of(case.wanted) & of(case.plan)).total()

    return (
        Ratio("P", lambda case: (hits(case), of(case.plan).total())),
        Ratio("R", lambda case: (hits(case), of(case.wanted).total())),
        _f1("F1", of),
    )


def _distance(case: Case) -> float:
    wanted, planned = ([step.task for step in ordered(plan)] for plan in (case.wanted, case.plan))
    return edit_distance(wanted, planned)


def _overlap(one: Plan, other: Plan) -> float:
    """Shared tasks and dependencies, 0 to 1."""
    parts = [
        Counter([step.task for step in plan]) + Counter([(a.task, b.task) for a, b in _links(plan)])
        for plan in (one, other)
    ]
    return 2 * (parts[0] & parts[1]).total() / max(parts[0].total() + parts[1].total(), 1)


def _graph(plan: Plan) -> nx.DiGraph:
    graph = nx.DiGraph()
    for step in plan:
        graph.add_node(step.id, task=step.task)
    graph.add_edges_from((one.id, other.id) for one, other in _links(plan))
    return graph


def _links(plan: Plan) -> Iterator[tuple[Step, Step]]:
    """(step, step that depends on it)"""
    steps = {step.id: step for step in plan}
    return ((steps[id], step) for step in plan for id in step.dep if id in steps)


def _arguments(plan: Plan, kinds: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """(task, kind, value) of each argument; a reference has the kind and the name of the task it names."""
    steps = {step.id: step.task for step in plan}
    for step in plan:
        for value in step.args.values():
            for template in templates(value, Input("text"), _NO_FILES):
                sources = [piece for piece in template if isinstance(piece, int)]
                for id in sources:
                    if id != step.id and id in steps:
                        yield step.task, kinds.get(steps[id], "other"), steps[id]
                if not sources:
                    text = "".join(map(str, template))
                    yield step.task, _kind(text), text


def _kind(text: str) -> str:
    found = (kind for kind, endings in _ENDINGS.items() if any(f".{ending}" in text for ending in endings))
    return next(found, "text")


def _divide(numerator: Floats, denominator: Floats) -> Floats:
    nothing = np.full(np.shape(denominator), np.nan)
    np.divide(numerator, denominator, out=nothing, where=np.asarray(denominator) != 0)
    return nothing
