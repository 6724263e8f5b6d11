"""Fixtures that several test files share."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_fleet import FakeFleet, ScriptedPlanner
from ports import free_port

from controller.composed_responder import ComposedResponder
from controller.fetcher import Fetcher
from controller.intake import Intake
from controller.pipeline import Pipeline
from controller.selector import RankSelector
from controller.settings import Limits, Settings, StoreSettings
from controller.store import Store

TESTS = Path(__file__).parent


@pytest.fixture
def fleet():
    """Experts that a test scripts; none is there at first."""
    return FakeFleet()


@pytest.fixture
def planner():
    """A planner that a test scripts; at first it plans nothing."""
    return ScriptedPlanner()


@pytest.fixture
def store(tmp_path):
    return Store(StoreSettings(url=str(tmp_path / "store")))


@pytest.fixture
async def make_pipeline(store, fleet, planner):
    """The real stages between the scripted planner and the scripted experts, with settings of choice."""
    fetchers = []

    def make(limits=Limits(), **settings) -> Pipeline:  # noqa: B008 (frozen)
        fetchers.append(Fetcher(limits))
        return Pipeline(
            planner,
            RankSelector(),
            fleet,
            ComposedResponder(),
            store,
            Intake(store, fetchers[-1], limits),
            Settings(store=StoreSettings(url=store._root), limits=limits, **settings),
        )

    yield make
    for fetcher in fetchers:
        await fetcher.aclose()


@pytest.fixture
def pipeline(make_pipeline):
    return make_pipeline()


@dataclass(frozen=True)
class Cluster:
    """The service on a Ray cluster of its own. `folder` has the pipes of the told expert (see experts.py)."""

    url: str
    dashboard: str
    folder: Path
    logs: Path
    config: dict[str, Any]

    def deploy(self, *more: dict[str, Any]) -> None:
        """Deploy the configuration with these applications added; wait until all of it runs."""
        from ray.dashboard.modules.serve.sdk import ServeSubmissionClient

        applications = [*self.config["applications"], *more]
        client = ServeSubmissionClient(self.dashboard)
        client.deploy_applications({**self.config, "applications": applications})
        wanted = {application["name"] for application in applications}
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            running = self.applications()
            if any(application["status"] == "DEPLOY_FAILED" for application in running.values()):
                raise RuntimeError({name: app["message"] for name, app in running.items()})
            if set(running) == wanted and all(app["status"] == "RUNNING" for app in running.values()):
                return
            time.sleep(0.2)  # Serve tells nobody when a status changes
        raise RuntimeError({name: app["status"] for name, app in running.items()})

    def applications(self) -> dict[str, Any]:
        """What Serve says of each application, by name."""
        from ray.dashboard.modules.serve.sdk import ServeSubmissionClient

        details: dict[str, Any] = ServeSubmissionClient(self.dashboard).get_serve_details()
        return details["applications"]

    def pids(self) -> dict[str, set[int]]:
        """The processes of each application's running replicas."""
        return {
            name: {
                replica["pid"]
                for deployment in application["deployments"].values()
                for replica in deployment["replicas"]
                if replica["state"] == "RUNNING"
            }
            for name, application in self.applications().items()
        }


@pytest.fixture(scope="session")
def cluster():
    """serve_config.yaml with two controllers, a store of its own and an expert that does as it is told."""
    from cluster.private_ray import private_ray

    # Replicas import experts.py, and the project, from where this process does.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(TESTS.parent), str(TESTS)])
    with private_ray() as ray:
        port = free_port()
        config = yaml.safe_load((TESTS.parent / "serve_config.yaml").read_text())
        config["http_options"]["port"] = port
        controller = config["applications"][0]
        controller["args"]["store"]["url"] = str(ray.folder / "store")
        controller["args"]["planner"] = "embedded"
        controller["deployments"][0]["autoscaling_config"]["min_replicas"] = 2
        folder = ray.folder / "told"
        folder.mkdir()
        for pipe in ("called", "cancelled"):
            os.mkfifo(folder / pipe)
        config["applications"].append(told("told", folder, "translation"))
        service = Cluster(f"http://127.0.0.1:{port}", ray.dashboard, folder, ray.folder, config)
        service.deploy()
        yield service


def told(name: str, folder: Path, task: str) -> dict[str, Any]:
    """The configuration entry of an expert of experts.py."""
    identity = {
        "engine": "transformers",
        "model": str(folder),
        "tasks": [task],
        "description": "Does as it is told.",
        "license": "Apache-2.0",
    }
    deployment = {"name": "Expert", "num_replicas": 1, "ray_actor_options": {"num_cpus": 0.1}}
    return {
        "name": name,
        "route_prefix": None,
        "import_path": "experts:build",
        "args": identity,
        "deployments": [deployment],
    }
