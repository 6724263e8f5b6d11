"""The paper's and TaskBench's metrics, against cases worked out by hand."""

import math

import pytest

from controller.evaluation import metrics
from controller.evaluation.datasets import Example, Plan
from controller.evaluation.metrics import Case, case, edit_distance, same, score, shape
from controller.schema import Request, Step

TOOLS = {
    "image-to-text": "text",
    "translation": "text",
    "text-to-speech": "audio",
    "text-to-image": "image",
    "sentence-similarity": "none",
    "object-detection": "text",
}


def plan(*steps: tuple[str, tuple[int, ...], str | list[str]]) -> Plan:
    """(task, dep, the values of its argument), numbered from 0."""
    return tuple(
        Step(task=task, id=id, dep=dep, args={"0": values}) for id, (task, dep, values) in enumerate(steps)
    )


def tasks_of(*names: str) -> Plan:
    """Independent steps."""
    return plan(*((name, (), "x") for name in names))


def scored(gold: Plan, *planned: Plan) -> list[Case]:
    return [case(Example("e", Request(id="e", text=""), gold), one) for one in planned]


def values(measured: tuple[metrics.Metric, ...], cases: list[Case]) -> dict[str, float]:
    return {metric.name: score(metric, cases, draws=20).value for metric in measured}


READ_AND_TRANSLATE = plan(("image-to-text", (), "a.png"), ("translation", (0,), "<GENERATED>-0"))


class TestTaskBench:
    def test_all_four_by_hand(self) -> None:
        """Sums over requests of four sets: tools, links, argument kinds, argument values."""
        wanted = plan(
            ("image-to-text", (), "a.png"),
            ("translation", (0,), "<GENERATED>-0"),
            ("text-to-speech", (1,), "<GENERATED>-1"),
        )
        planned = plan(
            ("image-to-text", (), "b.png"),
            ("text-to-speech", (0,), "<GENERATED>-0"),
            ("object-detection", (), "b.png"),
        )
        found = values(metrics.taskbench(TOOLS), scored(wanted, planned))
        # Shared: image-to-text, text-to-speech; three tools on each side.
        assert found["n-F1"] == pytest.approx(4 / 6)
        # Wanted i→t, t→s; planned i→s.
        assert found["e-F1"] == 0
        # Wanted (i, image), (t, text), (s, text); planned (i, image), (s, text), (o, image).
        assert found["t-F1"] == pytest.approx(4 / 6)
        # (s, text) comes from another tool and the picture is another: nothing shared.
        assert found["v-F1"] == 0

    def test_requests_are_summed_before_the_f1(self) -> None:
        """One request of one tool and one of three weigh by their tools, not evenly."""
        good = scored(tasks_of("translation"), tasks_of("translation"))
        poor = scored(
            tasks_of("image-to-text", "translation", "text-to-speech"), tasks_of("object-detection")
        )
        # 1 shared; 4 wanted, 2 planned.
        assert values(metrics.taskbench(TOOLS), good + poor)["n-F1"] == pytest.approx(2 / 6)

    def test_a_tool_counts_once_per_request(self) -> None:
        """The sets know no multiplicity: two readings are one element."""
        cases = scored(tasks_of("image-to-text", "image-to-text"), tasks_of("image-to-text"))
        assert values(metrics.taskbench(TOOLS), cases)["n-F1"] == 1

    def test_only_listed_tools_count_as_nodes(self) -> None:
        """A planned task that is not on TaskBench's list is passed over by n-F1 alone."""
        cases = scored(tasks_of("translation"), tasks_of("translation", "summarization"))
        found = values(metrics.taskbench(TOOLS), cases)
        assert found["n-F1"] == 1
        assert found["t-F1"] == pytest.approx(2 / 3)
        assert values(metrics.taskbench(None), cases)["n-F1"] == pytest.approx(2 / 3)

    def test_kinds_come_from_endings_and_from_the_tool_referred_to(self) -> None:
        """A literal has the kind its file ending tells; a reference its tool's output kind and name."""
        wanted = plan(
            ("text-to-image", (), "a cat"),
            ("object-detection", (0,), ["<GENERATED>-0", "song.wav", "clip.mp4"]),
        )
        # Other values of the same kinds, in another order.
        planned = plan(
            ("text-to-image", (), "a dog"),
            ("object-detection", (), ["see film.mp4", "x.mp3", "photo.png"]),
        )
        found = values(metrics.taskbench(TOOLS), scored(wanted, planned))
        assert found["t-F1"] == 1
        assert found["v-F1"] == 0

    def test_several_references_in_one_argument_are_several_arguments(self) -> None:
        """Two references separated by a comma equal the same two in a list."""
        reads = (("image-to-text", (), "a.png"), ("text-to-image", (), "b"))
        one = plan(*reads, ("sentence-similarity", (0, 1), "<GENERATED>-0, <GENERATED>-1"))
        other = plan(*reads, ("sentence-similarity", (0, 1), ["<GENERATED>-0", "<GENERATED>-1"]))
        assert set(values(metrics.taskbench(TOOLS), scored(one, other)).values()) == {1.0}

    def test_without_links_there_is_no_link_score(self) -> None:
        """Where neither side has a link, e-F1 is no number."""
        found = values(metrics.taskbench(TOOLS), scored(tasks_of("translation"), tasks_of("translation")))
        assert math.isnan(found["e-F1"])


class TestPaper:
    def test_single_is_weighted_by_type(self) -> None:
        """Precision and F1 are taken per task type, then averaged by how often each is wanted."""
        cases = [
            *scored(tasks_of("translation"), tasks_of("translation"), tasks_of("translation"), ()),
            *scored(tasks_of("object-detection"), tasks_of("translation")),
        ]
        found = values(metrics.paper("single"), cases)
        # translation: 2 of 3 planned, 2 of 3 wanted; object-detection: 0. Weights 3 and 1.
        assert found == pytest.approx({"Acc": 2 / 4, "P": 0.5, "R": 0.5, "F1": 0.5})

    def test_single_with_one_task_too_many_is_not_accurate(self) -> None:
        """A second task beside the right one keeps recall and loses accuracy."""
        cases = scored(tasks_of("translation"), tasks_of("translation", "summarization"))
        found = values(metrics.paper("single"), cases)
        assert (found["Acc"], found["R"]) == (0, 1)

    def test_sequential_has_edit_distance_and_micro_averages(self) -> None:
        """Counts over all requests, with multiplicity, and the mean distance of the task sequences."""
        longer = plan(
            ("image-to-text", (), "a.png"),
            ("translation", (0,), "<GENERATED>-0"),
            ("translation", (1,), "<GENERATED>-1"),
        )
        cases = scored(longer, READ_AND_TRANSLATE, ())
        found = values(metrics.paper("sequential"), cases)
        assert found["ED"] == pytest.approx((1 / 3 + 1) / 2)
        assert (found["P"], found["R"], found["F1"]) == pytest.approx((1, 2 / 6, 4 / 8))

    def test_sequences_are_compared_in_the_order_of_execution(self) -> None:
        """A chain that is written back to front is the same sequence."""
        backwards = (
            Step(task="translation", id=0, dep=(1,), args={}),
            Step(task="image-to-text", id=1, args={}),
        )
        (one,) = scored(READ_AND_TRANSLATE, backwards)
        assert one.exact
        assert values(metrics.paper("sequential"), [one])["ED"] == 0

    def test_graph_has_the_share_that_the_judge_approves(self) -> None:
        """Only judged plans count for the judge's score."""
        example = Example("e", Request(id="e", text=""), tasks_of("translation", "summarization"))
        cases = [case(example, example.gold, approved=word) for word in (True, False, False, None)]
        assert values(metrics.paper("graph"), cases)["judge"] == pytest.approx(1 / 3)

    @pytest.mark.parametrize(
        ("one", "other", "distance"),
        [("abc", "abc", 0), ("", "", 0), ("ab", "", 1), ("abc", "adc", 1 / 3), ("abcd", "bc", 2 / 4)],
    )
    def test_edit_distance(self, one: str, other: str, distance: float) -> None:
        """Insertions, deletions and substitutions over the longer length."""
        assert edit_distance(one, other) == pytest.approx(distance)
        assert edit_distance(other, one) == pytest.approx(distance)


class TestShape:
    @pytest.mark.parametrize(
        ("steps", "expected"),
        [
            ((), "conversation"),
            (tasks_of("translation"), "single"),
            (READ_AND_TRANSLATE, "sequential"),
            (tasks_of("translation", "summarization"), "graph"),
            (plan(("a", (), ""), ("b", (0,), ""), ("c", (0, 1), "")), "graph"),
            (plan(("a", (), ""), ("b", (0,), ""), ("c", (0,), "")), "graph"),
            (plan(("a", (1,), ""), ("b", (0,), "")), "graph"),
        ],
    )
    def test_shapes(self, steps: Plan, expected: str) -> None:
        """A chain is sequential; whatever else has several steps is a graph."""
        assert shape(steps) == expected


class TestEquality:
    def test_numbering_order_and_arguments_do_not_matter(self) -> None:
        """Plans are equal up to the ids, the order they are written in, and the arguments."""
        other = (
            Step(task="translation", id=4, dep=(9,), args={"text": "<GENERATED>-9"}),
            Step(task="image-to-text", id=9, args={}),
        )
        assert same(READ_AND_TRANSLATE, other)

    def test_dependencies_matter(self) -> None:
        """The same tasks with another dependency are another plan."""
        a, b = ("image-to-text", (), "a"), ("image-to-text", (), "b")
        both = plan(a, b, ("sentence-similarity", (0, 1), ""))
        one = plan(a, b, ("sentence-similarity", (0,), ""))
        assert not same(both, one)
        assert not same(READ_AND_TRANSLATE, tasks_of("image-to-text", "translation"))

    def test_which_step_feeds_which_matters(self) -> None:
        """Two plans with the same tasks and the same number of dependencies can still differ."""
        straight = plan(("a", (), ""), ("b", (), ""), ("c", (0,), ""), ("d", (1,), ""))
        crossed = plan(("a", (), ""), ("b", (), ""), ("c", (1,), ""), ("d", (0,), ""))
        assert not same(straight, crossed)
        assert same(straight, plan(("b", (), ""), ("d", (0,), ""), ("a", (), ""), ("c", (2,), "")))


class TestCase:
    example = Example(
        "e",
        Request(id="e", text=""),
        tasks_of("image-to-text"),
        (tasks_of("object-detection"), tasks_of("object-detection", "depth-estimation")),
    )

    def test_any_accepted_plan_is_exact(self) -> None:
        """An alternative counts as much as gold; the category stays that of gold."""
        found = case(self.example, tasks_of("depth-estimation", "object-detection"))
        assert (found.exact, found.shape, len(found.wanted)) == (True, "single", 2)

    def test_a_wrong_plan_is_held_against_the_closest(self) -> None:
        """Of the accepted plans, the one that shares most with the plan is the yardstick."""
        found = case(self.example, tasks_of("depth-estimation", "object-detection", "translation"))
        assert (found.exact, len(found.wanted)) == (False, 2)

    def test_rates_tell_wrong_from_refused(self) -> None:
        """A needless refusal is no wrong plan; refusing what is no task is exact."""
        nothing = Example("n", Request(id="n", text=""), ())
        cases = [
            case(self.example, tasks_of("image-to-text")),
            case(self.example, tasks_of("translation")),
            case(self.example, ()),
            case(self.example, (), refused=True),
            case(nothing, (), refused=True),
        ]
        assert values(metrics.rates(), cases) == pytest.approx({"exact": 0.4, "wrong": 0.4, "refused": 0.2})


class TestScore:
    def test_the_interval_is_the_same_every_time_and_holds_the_value(self) -> None:
        """The bootstrap is seeded."""
        cases = scored(tasks_of("translation"), *[tasks_of("translation"), ()] * 20)
        (exact, *_) = metrics.rates()
        found = score(exact, cases)
        assert found == score(exact, cases)
        assert found.value == 0.5
        # A proportion of a half over 40 requests has a standard error of 0.079.
        assert found.low == pytest.approx(0.5 - 1.96 * 0.079, abs=0.03)
        assert found.high == pytest.approx(0.5 + 1.96 * 0.079, abs=0.03)

    def test_nothing_measured_is_no_number(self) -> None:
        """No requests give NaN, not zero."""
        assert math.isnan(score(metrics.rates()[0], []).value)
