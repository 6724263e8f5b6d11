"""The fleet over Ray Serve: finds experts in the running cluster and calls them through their handles."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import ValidationError
from ray.exceptions import RayError, RayTaskError
from ray.serve.context import _get_global_client
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, RayServeException
from ray.serve.handle import DeploymentHandle, DeploymentResponse

from controller.errors import ExpertBusy, ExpertLost
from controller.fleet import Expert, Upstream
from deployments.call import Call
from deployments.errors import ExpertError
from deployments.expert import DEPLOYMENT
from deployments.identity import Identity
from deployments.values import Output

logger = logging.getLogger("ray.serve")

# Seconds after which the cluster is asked again about its experts, and after which its last word is too old
# to go by meanwhile.
_FRESH_S = 1.0
_OLD_S = 5.0
# Weight of the newest call in an expert's latency.
_LATENCY_WEIGHT = 0.2


class RayPending:
    """A call of a Serve handle."""

    def __init__(self, expert: str, response: DeploymentResponse[Output], latency: dict[str, float]) -> None:
        self._expert = expert
        self._latency = latency
        self._began = time.monotonic()
        self._done = False
        self.response = response

    async def output(self) -> Output:
        """Raises the expert's own error, or ExpertBusy, ExpertLost for what Ray and Serve report."""
        try:
            output: Output = await self.response
        except (RayError, RayServeException) as error:
            self._done = True
            raise _translated(self._expert, error) from error
        if not self._done:
            self._done = True
            took = time.monotonic() - self._began
            before = self._latency.get(self._expert, took)
            self._latency[self._expert] = before + _LATENCY_WEIGHT * (took - before)
        return output

    def cancel(self) -> None:
        if not self._done:
            self._done = True
            self.response.cancel()  # type: ignore[no-untyped-call]


class RayFleet:
    """Experts of this Ray cluster. Handles are made once per expert, anew after it went to zero replicas."""

    def __init__(self) -> None:
        self._experts: tuple[Expert, ...] = ()
        self._asked = float("-inf")
        self._asking: asyncio.Task[tuple[Expert, ...]] | None = None
        self._handles: dict[str, DeploymentHandle[Any]] = {}
        self._woken: set[str] = set()
        # {expert: seconds of its recent calls, smoothed}
        self._latency: dict[str, float] = {}

    async def experts(self) -> Sequence[Expert]:
        age = time.monotonic() - self._asked
        if age > _FRESH_S and self._asking is None:
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(self._answered)
        if age > _OLD_S and self._asking is not None:
            await asyncio.shield(self._asking)
        return self._experts

    def call(self, expert: Expert, call: Call, upstream: Sequence[Upstream]) -> RayPending:
        # Outputs under way travel as references: Serve hands them to the replica, not through here.
        values = [value.response if isinstance(value, RayPending) else value for value in upstream]
        response = self._handle(expert.name).run.remote(call, *values)
        return RayPending(expert.name, cast(DeploymentResponse[Output], response), self._latency)

    def warm(self, expert: Expert) -> None:
        if expert.replicas == 0 and expert.name not in self._woken:
            self._woken.add(expert.name)
            self._handle(expert.name).ping.remote()

    def _handle(self, name: str) -> DeploymentHandle[Any]:
        if name not in self._handles:
            self._handles[name] = DeploymentHandle(DEPLOYMENT, name)
        return self._handles[name]

    async def _ask(self) -> tuple[Expert, ...]:
        # Serve's public status has neither configuration nor replicas; its own REST API reads it from here.
        client: Any = await asyncio.to_thread(_get_global_client)
        details = await client._controller.get_serve_instance_details.remote()
        found = []
        for name, application in details["applications"].items():
            deployment = application["deployments"].get(DEPLOYMENT)
            if deployment is None:
                continue
            try:
                found.append(_expert(name, application, deployment, self._latency.get(name)))
            except ValidationError as error:
                # Another's deployment of the same name must not hide the experts.
                logger.warning("application %s is no expert: %s", name, error)
        return tuple(found)

    def _answered(self, asking: asyncio.Task[tuple[Expert, ...]]) -> None:
        self._asking = None
        if asking.cancelled():
            return
        if (error := asking.exception()) is not None:
            # Nobody may be waiting for it: what was known goes on being used until it is too old.
            logger.warning("the cluster did not tell its experts: %s", error)
            return
        for expert in asking.result():
            if expert.replicas:
                self._woken.discard(expert.name)
            elif any(known.name == expert.name and known.replicas for known in self._experts):
                # A handle that saw the expert at work is slow to start it again; a new one is not.
                self._handles.pop(expert.name, None)
        self._experts = asking.result()
        self._asked = time.monotonic()


def _expert(
    name: str, application: Mapping[str, Any], deployment: Mapping[str, Any], latency: float | None
) -> Expert:
    running = [replica for replica in deployment["replicas"] if replica["state"] == "RUNNING"]
    config, status = deployment["deployment_config"], deployment["status"]
    failed = "DEPLOY_FAILED" in (application["status"], status) or status == "UNHEALTHY"
    idle = status == "HEALTHY" and not failed
    return Expert(
        name=name,
        identity=Identity.model_validate(config["user_config"]),
        health="healthy" if running or idle else "unhealthy" if failed else "starting",
        message=_last_line(deployment["message"] or application["message"]),
        replicas=len(running),
        nodes=tuple(sorted({replica["node_ip"] for replica in running})),
        gpus=(config.get("ray_actor_options") or {}).get("num_gpus") or 0.0,
        latency=latency,
    )


def _last_line(message: str) -> str:
    """Serve reports a failed start as a traceback; its last line says what it was."""
    return message.strip().rpartition("\n")[2].rstrip("'\")")


def _translated(expert: str, error: RayError | RayServeException) -> ExpertError | ExpertBusy | ExpertLost:
    """The one place where Ray's errors become ours."""
    if isinstance(error, RayTaskError):
        cause = error.cause
        if isinstance(cause, ExpertError):
            return type(cause)(*cause.args)
        error = cause if isinstance(cause, RayError | RayServeException) else error
    if isinstance(error, BackPressureError):
        return ExpertBusy(f"{expert} has too many calls waiting; try again shortly")
    if isinstance(error, DeploymentUnavailableError):
        return ExpertLost(f"{expert} could not be started")
    return ExpertLost(f"the replica of {expert} was lost during the call ({type(error).__name__})")
