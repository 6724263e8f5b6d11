"""`hugginggpt eval`: plan every request of the data files, keep what came out, write the report."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from controller.errors import CannotPlan, PlanError
from controller.evaluation import subjects
from controller.evaluation.datasets import Dataset, DatasetError, Example, load
from controller.evaluation.judge import Judge
from controller.evaluation.metrics import shape
from controller.evaluation.report import Entry, Report, Results
from controller.evaluation.results import Judgement, Key, Log, Outcome, ResultsError, Status
from controller.evaluation.subjects import Subject, SubjectError
from controller.planner import collect
from controller.schema import Request, Step


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `hugginggpt eval`."""
    parser.add_argument(
        "--data",
        nargs="+",
        type=Path,
        required=True,
        metavar="FILE",
        help="requests with gold plans: TaskBench's data.json (and tool_desc.json), or JSON lines with "
        "`gold` or `plan`",
    )
    parser.add_argument("--planner", choices=("llm", "embedded"), default="embedded", help="(%(default)s)")
    parser.add_argument("--judge", metavar="MODEL", help="a model of the LLM endpoint; judges graph plans")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("evaluation"),
        metavar="DIR",
        help="results and report; with the same folder an interrupted run goes on (%(default)s)",
    )
    parser.add_argument(
        "--concurrency",
        type=int,
        metavar="N",
        help="requests at once (8, and 1 for the embedded planner, which works in this process)",
    )


def evaluate(options: argparse.Namespace) -> int:
    """Run the command; the report goes to stdout too.

    Exit status: 0; 1 where requests failed; 2 where options or data are wrong.
    """
    try:
        if options.concurrency is not None and options.concurrency < 1:
            raise SubjectError("--concurrency must be at least 1")
        report = asyncio.run(_evaluate(options))
    except (DatasetError, ResultsError, SubjectError) as error:
        print(f"hugginggpt eval: {error}", file=sys.stderr)
        return 2
    print(report.markdown(), end="")
    return 1 if report.errors() else 0


async def measure(
    datasets: Sequence[Dataset],
    subject: Subject,
    judge: Judge | None,
    out: Path,
    concurrency: int,
    console: Console,
) -> Report:
    """Plan and judge what `out` has no result of yet, and write report.md and report.json there.

    A request that fails is in results.jsonl with its error, and is tried again by the next run. Raises
    ResultsError, OSError.
    """
    wanted = {_key(dataset, one, subject): one for dataset in datasets for one in dataset.examples}
    with _progress(console) as progress:
        planned = await _plan_all(wanted, subject, out, concurrency, progress)
        graphs = {key: one for key, one in wanted.items() if shape(one.gold) == "graph"}
        approved = await _judge_all(graphs, planned, judge, out, concurrency, progress) if judge else {}
    results = []
    for dataset in datasets:
        keys = [_key(dataset, one, subject) for one in dataset.examples]
        entries = [Entry(wanted[key], planned[key], approved.get(key)) for key in keys]
        results.append(Results(dataset, entries))
    report = Report(subject.planner, subject.model, judge.model if judge else None, concurrency, results)
    (out / "report.md").write_text(report.markdown(), encoding="utf-8")
    (out / "report.json").write_text(json.dumps(report.data(), indent=1) + "\n", encoding="utf-8")
    return report


async def _evaluate(options: argparse.Namespace) -> Report:
    datasets = load(options.data)
    async with AsyncExitStack() as stack:
        judge = None
        if options.judge:
            client = await stack.enter_async_context(subjects.endpoint(options.judge))
            judge = subjects.judge(client, options.judge)
        if options.planner == "llm":
            subject = subjects.llm(await stack.enter_async_context(subjects.endpoint()))
        else:
            subject = await subjects.embedded()
        at_once = options.concurrency or subject.at_once
        return await measure(
            datasets, subject, judge, options.out, at_once, Console(stderr=True, highlight=False)
        )


async def _plan_all(
    wanted: Mapping[Key, Example], subject: Subject, out: Path, concurrency: int, progress: Progress
) -> dict[Key, Outcome]:
    with Log(out / "results.jsonl", Outcome) as log:

        async def plan(key: Key) -> None:
            log.add(await _plan(key, wanted[key].request, subject))

        todo = [key for key in wanted if key not in log.records or log.records[key].status == "error"]
        await _each(plan, todo, concurrency, progress, f"planning ({subject.planner})")
        return {key: log.records[key] for key in wanted}


async def _judge_all(
    graphs: Mapping[Key, Example],
    planned: Mapping[Key, Outcome],
    judge: Judge,
    out: Path,
    concurrency: int,
    progress: Progress,
) -> dict[Key, bool | None]:
    """Whether each plan is right; None where the judge gave no verdict. An empty plan is wrong, unasked."""
    with Log(out / "judgements.jsonl", Judgement) as log:

        async def decide(key: Key) -> None:
            log.add(await _judge(key, graphs[key].request, planned[key].plan, judge))

        def right(key: Key) -> bool | None:
            said = log.records.get((*key, judge.model))
            return said.right if said else None

        asked = [key for key in graphs if planned[key].plan]
        todo = [key for key in asked if right(key) is None]
        await _each(decide, todo, concurrency, progress, f"judging ({judge.model})")
        return {key: right(key) if planned[key].plan else False for key in graphs}


async def _plan(key: Key, request: Request, subject: Subject) -> Outcome:
    planner, usage = subject.make()
    plan: tuple[Step, ...] = ()
    status: Status = "planned"
    message = ""
    started = time.perf_counter()
    try:
        plan = await collect(planner, request)
    except CannotPlan as error:
        status, message = "refused", error.message
    except PlanError as error:
        status, message = "invalid", error.message
    except Exception as error:
        # Kept with its request and told in the report: one failure must not lose the other requests.
        status, message = "error", f"{type(error).__name__}: {error}"
    return Outcome(
        **_fields(key),
        status=status,
        plan=plan,
        message=message,
        seconds=time.perf_counter() - started,
        prompt_tokens=usage.prompt_tokens if usage else None,
        completion_tokens=usage.completion_tokens if usage else None,
    )


async def _judge(key: Key, request: Request, plan: tuple[Step, ...], judge: Judge) -> Judgement:
    right: bool | None = None
    try:
        verdict = await judge.verdict(request, plan)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
    else:
        right, reason = verdict.choice == "yes", verdict.reason
    return Judgement(**_fields(key), judge=judge.model, right=right, reason=reason)


async def _each(
    work: Callable[[Key], Awaitable[None]],
    todo: Sequence[Key],
    concurrency: int,
    progress: Progress,
    label: str,
) -> None:
    """Do the work for every key, so many at a time."""
    bar = progress.add_task(label, total=len(todo))
    keys = iter(todo)

    async def worker() -> None:
        for key in keys:
            await work(key)
            progress.advance(bar)

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(worker())


def _key(dataset: Dataset, example: Example, subject: Subject) -> Key:
    digest = hashlib.sha256(example.request.model_dump_json().encode()).hexdigest()[:12]
    return (dataset.name, example.id, digest, subject.planner, subject.model)


def _fields(key: Key) -> dict[str, str]:
    return dict(zip(("dataset", "id", "digest", "planner", "model"), key, strict=True))


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console)
