"""Stage 3, task execution: the plan as a graph of expert calls, each started when its inputs are there.

State of an execution, by step id:

    {id: Task[StepResult]}        one asyncio task per step, from the moment the step is added
    {id: Future[Pending | None]}  the step's output, by reference; None where there will be none

A step's task chooses its expert while it waits for the futures of the steps it needs, then calls the expert
with those references: payloads go from replica to replica. Nothing polls, and a step that waits holds no
replica. When the output is there, steps that need it start at once, while its media are still being saved.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

from controller.errors import ExpertLost, HuggingGPTError, NoExpert, StepTimeout
from controller.fleet import Expert, Fleet, Pending, Upstream
from controller.plan import templates
from controller.schema import Artifact, Attempt, Failure, Request, Resource, Step, StepResult, StepStarted
from controller.selector import Choice, Selector, rank
from deployments.call import Call, Item, Slot
from deployments.errors import ExpertError
from deployments.task import tasks
from deployments.values import Encoded, Output

logger = logging.getLogger(__name__)

Load = Callable[[Resource], Awaitable[Encoded]]
Save = Callable[[Step, Output], Awaitable[tuple[Artifact, ...]]]
Emit = Callable[[StepStarted | StepResult], None]


class Execution:
    """The steps of one request under way. Leaving the context cancels whatever still runs.

    load: the bytes of a resource; save: stores the media of an output; emit: told of every change.
    """

    def __init__(
        self,
        request: Request,
        fleet: Fleet,
        selector: Selector,
        load: Load,
        save: Save,
        emit: Emit,
        step_timeout_s: float,
        began: float,
    ) -> None:
        self._request = request
        self._fleet = fleet
        self._selector = selector
        self._load = load
        self._save = save
        self._emit = emit
        self._step_timeout_s = step_timeout_s
        self._began = began
        self._steps: dict[int, Step] = {}
        self._tasks: dict[int, asyncio.Task[StepResult]] = {}
        self._outputs: dict[int, asyncio.Future[Pending | None]] = {}
        self._resources: dict[Resource, asyncio.Future[Encoded]] = {}
        self._waking: set[asyncio.Task[None]] = set()
        # Seconds spent choosing experts, summed over steps.
        self.select_s = 0.0

    def add(self, step: Step) -> None:
        """Start a step; those it needs were added before."""
        self._steps[step.id] = step
        self._outputs[step.id] = asyncio.get_running_loop().create_future()
        self._tasks[step.id] = asyncio.create_task(self._run(step), name=f"step {step.id}")

    def prepare(self, task: str) -> None:
        """Wake the expert that a step of this task will likely take."""
        waking = asyncio.create_task(self._wake(task), name=f"wake {task}")
        self._waking.add(waking)
        waking.add_done_callback(self._waking.discard)

    def drop(self, step_id: int) -> None:
        """Stop a step and forget it."""
        self._tasks.pop(step_id).cancel()
        del self._steps[step_id], self._outputs[step_id]

    async def results(self, timeout_s: float) -> tuple[StepResult, ...]:
        """How every step went, in plan order; steps not done after `timeout_s` seconds have failed."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks.values(), timeout=max(0.0, timeout_s))
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        return tuple(self._result(step) for step in self._steps.values())

    async def __aenter__(self) -> Execution:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running: list[asyncio.Future[Any]] = [*self._tasks.values(), *self._resources.values(), *self._waking]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _result(self, step: Step) -> StepResult:
        task = self._tasks[step.id]
        if not task.cancelled():
            return task.result()
        outputs = {i: self._outputs[i] for i in step.dep}
        # A step that was stopped before it began has not settled its output.
        lost = [i for i, output in outputs.items() if not output.done() or output.result() is None]
        error = StepTimeout("the request took too long; the step was stopped")
        result = self._skipped(step, lost) if lost else self._failed(step, error)
        self._emit(result)
        return result

    async def _run(self, step: Step) -> StepResult:
        output = self._outputs[step.id]
        try:
            result = await self._attempt(step, output)
        except Exception as error:
            # A fault of ours in one step must not lose the results of the others.
            logger.exception("request %s step %d: internal error", self._request.id, step.id)
            result = self._failed(step, HuggingGPTError(f"internal error ({type(error).__name__})"))
        finally:
            if not output.done():
                output.set_result(None)
        self._emit(result)
        return result

    async def _attempt(self, step: Step, output: asyncio.Future[Pending | None]) -> StepResult:
        choosing = asyncio.create_task(self._choose(step), name=f"choose for step {step.id}")
        try:
            # Shielded: a step that is stopped must not take the output of another with it.
            sources = {i: await asyncio.shield(self._outputs[i]) for i in step.dep}
            lost = [i for i, source in sources.items() if source is None]
            if lost:
                return self._skipped(step, lost)
            choice = await choosing
            call, upstream = await self._call(step, {i: s for i, s in sources.items() if s is not None})
        except (HuggingGPTError, ExpertError) as error:
            return self._failed(step, error)
        finally:
            choosing.cancel()
            # A choice that failed after the step was skipped is nobody's news.
            await asyncio.gather(choosing, return_exceptions=True)
        return await self._try(step, choice, call, upstream, output)

    async def _wake(self, task: str) -> None:
        # The step itself reports that there is no expert.
        with suppress(NoExpert):
            self._fleet.warm(rank(task, await self._fleet.experts())[0])

    async def _choose(self, step: Step) -> Choice:
        began = time.monotonic()
        try:
            candidates = rank(step.task, await self._fleet.experts())
            choice = await self._selector.select(self._request, step, candidates)
            self._fleet.warm(choice.expert)
            return choice
        finally:
            self.select_s += time.monotonic() - began

    async def _try(
        self,
        step: Step,
        choice: Choice,
        call: Call,
        upstream: Sequence[Upstream],
        output: asyncio.Future[Pending | None],
    ) -> StepResult:
        """Call the chosen expert, then its spares until one does it."""
        attempts: list[Attempt] = []
        result: StepResult | None = None
        experts = [choice.expert, *choice.spares]
        for expert in experts:
            reason = f"{attempts[-1].expert} failed" if attempts else choice.reason
            started = self._now()
            self._emit(StepStarted(id=step.id, task=step.task, expert=expert.name, reason=reason))
            pending = self._fleet.call(expert, call, upstream)
            try:
                value = await self._output(expert, pending)
            except (HuggingGPTError, ExpertError) as error:
                result = self._failed(step, error, expert, reason, started, tuple(attempts))
                attempts.append(Attempt(expert=expert.name, error=_failure(error)))
                if isinstance(error, ExpertLost) and len(experts) == 1:
                    # The replica died under the call; Serve starts another, and the input is not to blame.
                    experts.append(expert)
                continue
            finally:
                pending.cancel()
            output.set_result(pending)
            return self._finished(
                step,
                status="ok",
                expert=expert.name,
                model=expert.identity.model,
                reason=reason,
                started=started,
                text=value.text,
                # An expert that gives what is no JSON costs its own step, not the whole reply.
                data=json.loads(json.dumps(value.data)),
                artifacts=await self._save(step, value),
                attempts=tuple(attempts),
            )
        assert result is not None
        return result

    async def _output(self, expert: Expert, pending: Pending) -> Output:
        try:
            async with asyncio.timeout(self._step_timeout_s):
                return await pending.output()
        except TimeoutError:
            message = f"{expert.name} gave no result within {self._step_timeout_s:g} s"
            raise StepTimeout(f"{message}{': ' + expert.message if expert.message else ''}") from None

    async def _call(self, step: Step, sources: dict[int, Pending]) -> tuple[Call, list[Upstream]]:
        """The call with its slots filled: outputs by reference, resources as bytes."""
        task = tasks()[step.task]
        slots: dict[int | Resource, Slot] = {}
        upstream: list[Upstream] = []

        async def slot(piece: int | Resource) -> Slot:
            if piece not in slots:
                value = sources[piece] if isinstance(piece, int) else await self._loaded(piece)
                slots[piece] = Slot(len(upstream))
                upstream.append(value)
            return slots[piece]

        args: dict[str, tuple[Item, ...]] = {}
        for name, value in step.args.items():
            items = templates(value, task.inputs[name], self._request)
            args[name] = tuple(
                [tuple([p if isinstance(p, str) else await slot(p) for p in item]) for item in items]
            )
        return Call(task=step.task, args=args, request_id=self._request.id, step=step.id), upstream

    async def _loaded(self, resource: Resource) -> Encoded:
        """A resource is loaded once, however many steps use it."""
        if resource not in self._resources:
            self._resources[resource] = asyncio.ensure_future(self._load(resource))
        return await asyncio.shield(self._resources[resource])

    def _skipped(self, step: Step, lost: Sequence[int]) -> StepResult:
        named = " and ".join(f"step {i} ({self._steps[i].task})" for i in lost)
        error = Failure(code="skipped", message=f"{named} gave no result")
        return self._finished(step, status="skipped", error=error)

    def _failed(
        self,
        step: Step,
        error: HuggingGPTError | ExpertError,
        expert: Expert | None = None,
        reason: str | None = None,
        started: float | None = None,
        attempts: tuple[Attempt, ...] = (),
    ) -> StepResult:
        return self._finished(
            step,
            status="failed",
            expert=expert.name if expert else None,
            model=expert.identity.model if expert else None,
            reason=reason,
            started=started,
            attempts=attempts,
            error=_failure(error),
        )

    def _finished(self, step: Step, **how: Any) -> StepResult:
        fields = {**step.model_dump(), "request_id": self._request.id, "finished": self._now(), **how}
        return StepResult.model_validate(fields)

    def _now(self) -> float:
        return round(time.monotonic() - self._began, 4)


def _failure(error: HuggingGPTError | ExpertError) -> Failure:
    return Failure(code=error.code, message=str(error))
