"""Fixtures that several test files share."""

import pytest
from fake_fleet import FakeFleet, ScriptedPlanner

from controller.composed_responder import ComposedResponder
from controller.fetcher import Fetcher
from controller.intake import Intake
from controller.pipeline import Pipeline
from controller.selector import RankSelector
from controller.settings import Limits, Settings, StoreSettings
from controller.store import Store


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
