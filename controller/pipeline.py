"""The four stages, called in order: request → plan → select → execute → respond.

Selection happens inside execution, step by step, so that it overlaps with steps that already run.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence

from controller.errors import (
    AllStepsFailed,
    CannotPlan,
    InputsFailed,
    LLMError,
    NoExpert,
    PlanError,
    PlanTimeout,
    RequestError,
    Unavailable,
)
from controller.executor import Execution
from controller.fleet import Expert, Fleet
from controller.intake import Budget, Intake
from controller.planner import Drop, Fallback, Planner, Seen, collect
from controller.responder import Responder
from controller.schema import (
    Artifact,
    Planned,
    Request,
    Resource,
    Run,
    Step,
    StepResult,
    StepStarted,
    Timings,
)
from controller.selector import Selector
from controller.settings import Settings
from controller.store import Store
from deployments.errors import BadInput
from deployments.media import encode
from deployments.values import Encoded, Image, Kind, Output

logger = logging.getLogger(__name__)

Event = Planned | StepStarted | StepResult | str | Run
Link = Callable[[str], str]
_END = object()


class Pipeline:
    """One controller; it keeps nothing between requests but what is in the store."""

    def __init__(
        self,
        planner: Planner,
        selector: Selector,
        fleet: Fleet,
        responder: Responder,
        store: Store,
        intake: Intake,
        settings: Settings,
    ) -> None:
        self.planner = planner
        self.selector = selector
        self.fleet = fleet
        self.responder = responder
        self.store = store
        self.intake = intake
        self.settings = settings

    async def ready(self) -> Sequence[Expert]:
        """The experts, once there is one to call and the planner can plan. Raises Unavailable."""
        experts = await self.fleet.experts()
        if all(expert.health == "unhealthy" for expert in experts):
            raise Unavailable("no expert is deployed and healthy")
        await self.planner.ready()
        return experts

    async def plan(self, request: Request) -> tuple[Step, ...]:
        """The plan alone. Nothing is fetched or opened. Raises CannotPlan, PlanError."""
        return await collect(self.planner, request)

    async def run(self, request: Request, link: Link, budget: Budget) -> AsyncGenerator[Event]:
        """What happens, as it happens: plan, steps, pieces of the answer (str), and the record last.

        link: file id → URL for the user. Closing the iterator cancels the expert calls under way.
        Raises AllStepsFailed, with the record, where no step gave a result.
        """
        events: asyncio.Queue[Event | object] = asyncio.Queue()
        work = asyncio.create_task(self._work(request, link, budget, events.put_nowait))
        work.add_done_callback(lambda _: events.put_nowait(_END))
        try:
            while (event := await events.get()) is not _END:
                yield event  # type: ignore[misc]  # the queue's only other item is _END
            await work
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _work(
        self, request: Request, link: Link, budget: Budget, emit: Callable[[Event], None]
    ) -> None:
        began = time.monotonic()
        deadline = began + self.settings.request_timeout_s
        notes: list[str] = []

        async def load(resource: Resource) -> Encoded:
            return await self._load(resource, budget)

        async def save(step: Step, output: Output) -> tuple[Artifact, ...]:
            return await self._save(step, output, link)

        step_timeout_s = self.settings.step_timeout_s
        async with Execution(
            request, self.fleet, self.selector, load, save, emit, step_timeout_s, began
        ) as execution:
            plan = await self._planned(request, execution, notes, deadline)
            planned = time.monotonic()
            emit(Planned(steps=plan))
            results = await execution.results(deadline - time.monotonic())
        executed = time.monotonic()

        pieces: list[str] = []
        async for piece in self.responder.respond(request, results, notes):
            pieces.append(piece)
            emit(piece)
        responded = time.monotonic()
        timings = Timings(
            plan=round(planned - began, 4),
            select=round(execution.select_s, 4),
            execute=round(executed - planned, 4),
            respond=round(responded - executed, 4),
            total=round(responded - began, 4),
        )
        run = Run(
            request_id=request.id,
            planner=self.planner.name,
            notes=tuple(notes),
            plan=plan,
            steps=results,
            timings=timings,
            answer="".join(pieces),
        )
        await self.store.put_record(answer_key(run.answer), run.model_dump(mode="json"))
        logger.info("request %s: %d steps in %.3f s", request.id, len(plan), timings.total)
        if results and all(result.status != "ok" for result in results):
            raise _all_failed(run)
        emit(run)

    async def _planned(
        self, request: Request, execution: Execution, notes: list[str], deadline: float
    ) -> tuple[Step, ...]:
        """The plan, each step of it started as it came."""
        plan: dict[int, Step] = {}
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                async for event in self.planner.plan(request):
                    match event:
                        case Step():
                            plan[event.id] = event
                            execution.add(event)
                        case Drop(id=step_id):
                            del plan[step_id]
                            execution.drop(step_id)
                        case Seen(task=task):
                            execution.prepare(task)
                        case Fallback(reason=reason):
                            notes.append(reason)
        except CannotPlan as error:
            notes.append(error.message)
        except (LLMError, PlanError) as error:
            if not plan:
                raise
            notes.append(f"The plan was not finished: {error.message}. What was planned until then was done.")
        except TimeoutError:
            raise PlanTimeout(f"no plan within {self.settings.request_timeout_s:g} s") from None
        return tuple(plan.values())

    async def _load(self, resource: Resource, budget: Budget) -> Encoded:
        """The bytes of a resource. Raises BadInput where the user only named a file."""
        if resource.id is not None:
            file = await self.store.get(resource.id)
        elif resource.name.startswith(("http://", "https://")):
            file = await self.intake.url(resource.name, budget)
        else:
            raise BadInput(f"'{resource.name}' is named in the request but not attached; attach the file")
        return Encoded(await self.store.read(file.id), file.media_type)

    async def _save(self, step: Step, output: Output, link: Link) -> tuple[Artifact, ...]:
        """Keep the media of an output as files."""
        artifacts = []
        for value in (output.image, output.audio):
            if value is not None:
                encoded = await asyncio.to_thread(encode, value)
                kind: Kind = "image" if isinstance(value, Image) else "audio"
                name = f"{step.task}-{step.id}.{encoded.media_type.split('/')[1].removeprefix('x-')}"
                file = await self.store.put(encoded.data, name, kind, encoded.media_type, "artifact")
                artifacts.append(
                    Artifact(
                        id=file.id,
                        name=file.name,
                        kind=kind,
                        media_type=file.media_type,
                        bytes=file.bytes,
                        url=link(file.id),
                    )
                )
        return tuple(artifacts)


def answer_key(answer: str) -> str:
    """The key of the record behind an answer: a later turn brings the answer back, with spaces changed."""
    return hashlib.sha256(" ".join(answer.split()).encode()).hexdigest()


def _all_failed(run: Run) -> AllStepsFailed:
    errors = [result.error for result in run.steps if result.error is not None and result.status == "failed"]
    message = "; ".join(dict.fromkeys(error.message for error in errors))
    hopeless = all(error.code in _HOPELESS for error in errors)
    kind = InputsFailed if hopeless else AllStepsFailed
    return kind(f"no step gave a result: {message}", run.model_dump(mode="json"))


# Codes of failures that the same request would meet again.
_HOPELESS = {BadInput.code, NoExpert.code} | {error.code for error in RequestError.__subclasses__()}
