import pytest
from fake_fleet import FakeFleet, step

from controller.errors import NoExpert
from controller.schema import Request
from controller.selector import RankSelector, rank
from deployments.task import tasks

ASKED = Request(id="r", text="read it")


def names(experts) -> list[str]:
    return [expert.name for expert in experts]


async def test_only_experts_that_serve_the_task_are_candidates():
    """Others are not considered, and an expert may serve several tasks."""
    fleet = FakeFleet()
    fleet.add("speaker", "text-to-speech")
    fleet.add("reader", "image-to-text", "document-question-answering")
    assert names(rank("document-question-answering", await fleet.experts())) == ["reader"]


async def test_healthy_comes_before_starting_then_downloads_then_warm_then_name():
    """The order of candidates is fixed, so that the same request always meets the same expert."""
    fleet = FakeFleet()
    fleet.add("b-cold", "image-to-text", downloads=5, replicas=0)
    fleet.add("z-warm", "image-to-text", downloads=5)
    fleet.add("a-warm", "image-to-text", downloads=5)
    fleet.add("popular", "image-to-text", downloads=9, replicas=0)
    fleet.add("starting", "image-to-text", downloads=99, health="starting", replicas=0)
    ranked = rank("image-to-text", await fleet.experts())
    assert names(ranked) == ["popular", "a-warm", "z-warm", "b-cold", "starting"]


async def test_an_unhealthy_expert_is_no_candidate():
    """It is left out while another serves the task, and told with its fault where none does."""
    fleet = FakeFleet()
    broken = fleet.add("broken", "image-to-text", health="unhealthy", replicas=0, message="no such file")
    fleet.add("fine", "image-to-text")
    assert names(rank("image-to-text", await fleet.experts())) == ["fine"]
    with pytest.raises(NoExpert, match="broken: no such file"):
        rank("image-to-text", [broken])


@pytest.mark.parametrize("task", sorted(tasks()))
def test_a_task_without_an_expert_says_what_would_bring_it(task):
    """The refusal names the task, the model and where it is configured."""
    with pytest.raises(NoExpert) as caught:
        rank(task, ())
    message = caught.value.message
    assert f"no expert for {task} is deployed" in message
    assert tasks()[task].candidate in message and "serve_config.yaml" in message


async def test_the_best_ranked_is_taken_and_the_rest_are_spares():
    """The choice says why, and in which order the others would follow."""
    fleet = FakeFleet()
    candidates = [fleet.add(name, "image-to-text") for name in ("first", "second", "third")]
    choice = await RankSelector().select(ASKED, step(0, "image-to-text", image="a.png"), candidates)
    assert choice.expert.name == "first"
    assert names(choice.spares) == ["second", "third"]
    assert choice.reason == "ranked first of 3"


async def test_a_single_candidate_is_taken_as_it_is():
    """With one candidate there is nothing to choose."""
    only = FakeFleet().add("only", "image-to-text")
    choice = await RankSelector().select(ASKED, step(0, "image-to-text", image="a.png"), [only])
    assert (choice.expert, choice.spares, choice.reason) == (only, (), "the only expert for the task")
