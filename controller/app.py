"""The controller's Serve application: wires the four stages together and puts the HTTP ingress in front."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from fastapi import FastAPI
from numpy.typing import NDArray
from ray import serve

from controller.composed_responder import ComposedResponder
from controller.embedded import EmbeddedPlanner
from controller.errors import NoExpert, Unavailable
from controller.fetcher import Fetcher
from controller.fleet import Fleet
from controller.ingress import create_app
from controller.intake import Intake
from controller.llm import LLM
from controller.llm_expert import FleetWithLLM
from controller.llm_planner import AutoPlanner, LLMPlanner
from controller.llm_responder import LLMResponder
from controller.llm_selector import LLMSelector
from controller.pipeline import Pipeline
from controller.planner import Planner
from controller.ray_fleet import RayFleet
from controller.responder import Responder
from controller.selector import RankSelector, Selector, available_tasks, rank
from controller.settings import Settings, llm_endpoint
from controller.store import Store
from deployments.call import Call

DEPLOYMENT = "Controller"


@serve.ingress()
class Controller:
    """One stateless replica: what lasts longer than a request is in the store."""

    def __init__(self, settings: Settings) -> None:
        self._pipeline = pipeline(settings, RayFleet())

    def __serve_build_asgi_app__(self) -> FastAPI:
        return create_app(self._pipeline)


def pipeline(settings: Settings, fleet: Fleet) -> Pipeline:
    """The stages that the settings ask for, over these experts.

    Raises ValueError where a language model is wanted and none is named.
    """
    max_steps = settings.limits.plan_steps
    planner: Planner = EmbeddedPlanner(Embedder(fleet), max_steps)
    selector: Selector = RankSelector()
    responder: Responder = ComposedResponder()
    endpoint = llm_endpoint(settings, os.environ)
    if endpoint is not None:
        llm = LLM(*endpoint)
        fleet = FleetWithLLM(fleet, llm)
        available = partial(available_tasks, fleet)
        selector = LLMSelector(llm)
        responder = LLMResponder(llm, responder, available)
        if settings.planner != "embedded":
            by_llm = LLMPlanner(llm, available, max_steps)
            planner = AutoPlanner(by_llm, planner) if settings.planner == "auto" else by_llm
    store = Store(settings.store)
    intake = Intake(store, Fetcher(settings.limits), settings.limits)
    return Pipeline(planner, selector, fleet, responder, store, intake, settings)


def build(args: dict[str, Any]) -> serve.Application:
    """The application behind route `/`, from its `args:` in the configuration: Settings."""
    return serve.deployment(name=DEPLOYMENT)(Controller).bind(Settings.model_validate(args))


class Embedder:
    """Sentence vectors from whichever expert serves feature-extraction."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Float32 [len(texts), width], unit-norm rows. Raises Unavailable where no expert serves them."""
        try:
            expert = rank("feature-extraction", await self._fleet.experts())[0]
        except NoExpert as error:
            raise Unavailable(f"the embedded planner cannot plan: {error.message}") from None
        call = Call(
            task="feature-extraction",
            args={"text": tuple((text,) for text in texts)},
            request_id="planner",
            step=0,
        )
        output = await self._fleet.call(expert, call, ()).output()
        return np.asarray(output.data, dtype=np.float32)
