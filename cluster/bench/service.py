"""What is deployed to be measured: the controller with fixed plans, and a bare application beside it."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from ray import serve
from ray.serve.handle import DeploymentHandle

from cluster.bench.experts import TIMED, timed
from cluster.bench.plans import FixedPlanner
from controller.app import pipeline
from controller.ingress import create_app
from controller.ray_fleet import RayFleet
from controller.settings import Settings
from deployments.call import Call
from deployments.expert import DEPLOYMENT

CONTROLLER, BARE = "/v1/chat/completions", "/bare/"

# As in serve_config.yaml.
LOGGING = {"encoding": "JSON", "log_level": "INFO"}
OPTIONS: Mapping[str, Any] = {
    "max_ongoing_requests": 100,
    "max_queued_requests": 200,
    "ray_actor_options": {"num_cpus": 0},
}


@serve.ingress()
class FixedController:
    """The controller as it is deployed, but for its planner."""

    def __init__(self, settings: Settings) -> None:
        self._pipeline = pipeline(settings, RayFleet())
        self._pipeline.planner = FixedPlanner()

    def __serve_build_asgi_app__(self) -> FastAPI:
        return create_app(self._pipeline)


@serve.ingress()
class Bare:
    """The least that can be between HTTP and an expert: one call of its handle. It reads the same body."""

    def __init__(self) -> None:
        self._experts = {task: DeploymentHandle[Any](DEPLOYMENT, name(ms)) for ms, task in TIMED.items()}

    def __serve_build_asgi_app__(self) -> FastAPI:
        app = FastAPI()

        @app.post("/")
        async def run(http: Request) -> dict[str, Any]:
            task = (await http.json())["messages"][0]["content"].split("/")[1]
            call = Call(task=task, args={"text": (("A short text.",),)}, request_id="bare", step=0)
            output = await self._experts[task].run.remote(call)
            return {"text": output.text}

        return app


def start(settings: Settings) -> str:
    """Deploy on the connected Ray cluster; wait until all runs. Returns the URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    serve.start(
        proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": port}, logging_config=LOGGING
    )
    deploy(
        {
            "controller": (
                "/",
                serve.deployment(name="Controller", **OPTIONS)(FixedController).bind(settings),
            ),
            "bare": (BARE.rstrip("/"), serve.deployment(name="Bare", **OPTIONS)(Bare).bind()),
            **{name(ms): (None, timed(ms, task)) for ms, task in TIMED.items()},
        }
    )
    return f"http://127.0.0.1:{port}"


def name(milliseconds: int) -> str:
    """Of the application of a timed expert."""
    return f"timed-{milliseconds}"


def deploy(applications: Mapping[str, tuple[str | None, serve.Application]]) -> None:
    """{name: (route, application)}. Wait until all run."""
    serve.run_many(
        [
            serve.RunTarget(target=target, name=name, route_prefix=route, logging_config=LOGGING)
            for name, (route, target) in applications.items()
        ]
    )
