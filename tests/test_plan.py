import pytest
from fake_fleet import step

from controller.errors import PlanError
from controller.plan import Draft, find, references, renumbered, templates
from controller.schema import Request, Resource, Step, Turn
from deployments.task import tasks

A, B = Resource(name="a.png", kind="image", id="1"), Resource(name="b.png", kind="image", id="2")
NOTE = Resource(name="note.txt", kind="text", id="3")
SOUND = Resource(name="say.wav", kind="audio", id="4")
ASKED = Request(id="r", text="read a.png and b.png", resources=(A, B, NOTE, SOUND))


def checked(*steps: Step, request: Request = ASKED, max_steps: int = 8) -> list[Step]:
    """The steps in the order they were released."""
    draft = Draft(request, max_steps)
    released = [ready for one in steps for ready in draft.add(one)]
    draft.finish()
    return released


def refused(*steps: Step, request: Request = ASKED, max_steps: int = 8) -> str:
    with pytest.raises(PlanError) as caught:
        checked(*steps, request=request, max_steps=max_steps)
    return caught.value.message


@pytest.mark.parametrize(
    "written", ["<GENERATED>-0", "<resource>-0", "<GENERATED-0>", "<resource-0>", "<generated>-0"]
)
def test_every_notation_of_a_reference_becomes_a_dependency(written):
    """A reference counts as `dep` in each of the original's notations."""
    _, speak = checked(step(0, "image-to-text", image="a.png"), step(1, "text-to-speech", text=written))
    assert speak.dep == (0,)
    assert references(speak) == {0}


def test_stated_and_referenced_dependencies_are_joined():
    """`dep` is what the planner states plus what the arguments refer to."""
    *_, last = checked(
        step(0, "image-to-text", image="a.png"),
        step(1, "image-to-text", image="b.png"),
        step(2, "text-to-speech", dep=(1,), text="<GENERATED>-0"),
    )
    assert last.dep == (0, 1)


def test_a_step_without_dependency_is_minus_one_on_the_wire():
    """The original's clients see `dep: [-1]` where a step needs none."""
    read, speak = checked(
        step(0, "image-to-text", image="a.png"), step(1, "text-to-speech", text="<GENERATED>-0")
    )
    assert read.wire() == {"task": "image-to-text", "id": 0, "dep": [-1], "args": {"image": "a.png"}}
    assert speak.wire()["dep"] == [0]


def test_references_inside_text_are_pieces_of_it():
    """Text around a reference stays: the result goes where the reference stood."""
    text = "The page says: <GENERATED>-0. Really!"
    _, speak = checked(step(0, "image-to-text", image="a.png"), step(1, "text-to-speech", text=text))
    (template,) = templates(speak.args["text"], tasks()["text-to-speech"].inputs["text"], ASKED)
    assert template == ("The page says: ", 0, ". Really!")


@pytest.mark.parametrize(
    "written",
    ["<GENERATED>-0, <GENERATED>-1", "<resource>-0,<resource>-1", "<GENERATED>-0 and <GENERATED>-1"],
)
def test_several_references_in_one_argument_are_several_values(written):
    """Comma-separated references name several results, and none of them is lost."""
    *_, compare = checked(
        step(0, "image-to-text", image="a.png"),
        step(1, "image-to-text", image="b.png"),
        step(2, "sentence-similarity", text=written),
    )
    assert compare.dep == (0, 1)
    assert compare.args["text"] == ["<GENERATED>-0", "<GENERATED>-1"]


def test_several_images_unfold_into_a_step_each():
    """A media argument that names several files becomes one step per file, and references follow."""
    first, second, compare = checked(
        step(0, "image-to-text", image=["a.png", "b.png"]),
        step(1, "sentence-similarity", text="<GENERATED>-0"),
    )
    assert [first.args["image"], second.args["image"]] == ["a.png", "b.png"]
    assert len({first.id, second.id, compare.id}) == 3
    assert compare.dep == tuple(sorted((first.id, second.id)))
    assert references(compare) == {first.id, second.id}


def test_unfolding_goes_on_downstream():
    """Steps that take one medium of an unfolded step are unfolded with it, pairwise."""
    edges_a, edges_b, read_a, read_b = checked(
        step(0, "canny-control", image=["a.png", "b.png"]), step(1, "image-to-text", image="<GENERATED>-0")
    )
    assert (read_a.dep, read_b.dep) == ((edges_a.id,), (edges_b.id,))


def test_a_step_may_come_before_the_one_it_refers_to():
    """A step is held until what it refers to has come, then both are released in order."""
    draft = Draft(ASKED, 8)
    assert draft.add(step(1, "text-to-speech", text="<GENERATED>-0")) == ()
    released = draft.add(step(0, "image-to-text", image="a.png"))
    draft.finish()
    assert [one.id for one in released] == [0, 1]


def test_a_cycle_is_refused():
    """Steps that wait for each other are named."""
    message = refused(
        step(0, "text-to-speech", text="<GENERATED>-1"),
        step(1, "automatic-speech-recognition", audio="<GENERATED>-0"),
    )
    assert "0, 1" in message and "cycle" in message


def test_a_dangling_reference_is_refused():
    """A reference to a step that never comes names both steps."""
    message = refused(step(0, "text-to-speech", text="<GENERATED>-7"))
    assert "step 0" in message and "step 7" in message


def test_a_dangling_dep_is_refused():
    """A stated dependency on a step that never comes is as wrong as a reference to it."""
    assert "step 7" in refused(step(0, "text-to-speech", dep=(7,), text="hello"))


def test_a_step_that_refers_to_itself_is_refused():
    """A self-reference is told as such."""
    assert "itself" in refused(step(0, "text-to-speech", text="<GENERATED>-0"))


def test_an_unknown_task_is_refused_with_the_known_ones():
    """The message names the task that is unknown and those that are known."""
    message = refused(step(0, "mind-reading", text="hello"))
    assert "mind-reading" in message and "image-to-text" in message


def test_two_steps_with_one_id_are_refused():
    """Ids are unique."""
    assert "unique" in refused(
        step(0, "image-to-text", image="a.png"), step(0, "image-to-text", image="b.png")
    )


def test_a_plan_has_at_most_so_many_steps():
    """The step after the last allowed one is refused."""
    steps = [step(i, "text-to-speech", text="hello") for i in range(4)]
    assert len(checked(*steps[:3], max_steps=3)) == 3
    assert "3 steps" in refused(*steps, max_steps=3)


def test_steps_that_come_from_unfolding_count():
    """An argument with many values cannot go round the limit on steps."""
    assert "3 steps" in refused(step(0, "image-to-text", image=["a.png"] * 4), max_steps=3)
    assert len(checked(step(0, "image-to-text", image=["a.png"] * 3), max_steps=3)) == 3


def test_an_image_result_does_not_fit_a_text_argument():
    """A type mismatch between steps names both and what the source gives."""
    message = refused(
        step(0, "canny-control", image="a.png"), step(1, "text-to-speech", text="<GENERATED>-0")
    )
    assert "step 1" in message and "needs text" in message and "canny-control" in message


def test_an_audio_file_does_not_fit_an_image_argument():
    """A file of the wrong kind is named."""
    message = refused(step(0, "image-to-text", image="say.wav"))
    assert "say.wav is audio" in message


def test_an_argument_the_task_does_not_have_is_refused():
    """Unknown arguments are told with the known ones."""
    message = refused(step(0, "text-to-speech", text="hello", pitch="high"))
    assert "pitch" in message and "text" in message


def test_a_missing_argument_is_refused():
    """Required arguments are named."""
    assert "image" in refused(step(0, "visual-question-answering", text="what is it?"))


@pytest.mark.parametrize("value", ["", [], [""], ["a.png", ""], "  "])
def test_an_empty_argument_is_refused(value):
    """Nothing is not a value."""
    assert "'image' is empty" in refused(step(0, "image-to-text", image=value))


def test_words_are_no_image():
    """A media argument is a file or a reference, never words that the planner made up."""
    assert "'a nice cat'" in refused(step(0, "image-to-text", image="a nice cat"))


def test_a_file_the_user_only_named_is_planned_for():
    """A name from the user's words that is not attached passes planning: only execution needs the file."""
    request = Request(id="r", text="read holiday/beach.png aloud")
    (read,) = checked(step(0, "image-to-text", image="holiday/beach.png"), request=request)
    (template,) = templates(read.args["image"], tasks()["image-to-text"].inputs["image"], request)
    assert template == (Resource(name="holiday/beach.png", kind="image"),)


@pytest.mark.parametrize("name", ["notes.txt", "docs/README.md", "https://example.com/story"])
def test_a_text_file_the_user_only_named_is_no_text(name):
    """The name of a text that is not attached stands for a missing file: it is never itself the text."""
    request = Request(id="r", text=f"summarise {name} please")
    (short,) = checked(step(0, "summarization", text=name), request=request)
    (template,) = templates(short.args["text"], tasks()["summarization"].inputs["text"], request)
    assert template == (Resource(name=name, kind="text"),)


def test_a_path_is_a_name_to_match():
    """The folder part and the case of a name in the user's words play no part."""
    assert find("/etc/../home/me/A.PNG", ASKED) == A
    assert find("C.png", ASKED) is None


def test_the_latest_file_of_a_name_is_meant():
    """A file of this turn comes before one of an earlier turn with the same name."""
    old = Resource(name="a.png", kind="image", id="old")
    request = ASKED.model_copy(update={"history": (Turn(role="user", text="", resources=(old,)),)})
    assert find("a.png", request) == A
    assert find("a.png", request.model_copy(update={"resources": ()})) == old


def test_a_text_file_is_a_value_of_a_text_argument():
    """The name of an attached text file stands for its content; other words are themselves."""
    spec = tasks()["summarization"].inputs["text"]
    assert templates("note.txt", spec, ASKED) == ((NOTE,),)
    assert templates("a.png", spec, ASKED) == (("a.png",),)


@pytest.mark.parametrize(
    "text",
    [
        r"a \ backslash and C:\temp\new",
        """both "double" and 'single' quotes""",
        "an error: the word error in it",
        "{braces} and %s and <b>tags</b>",
        "x" * 20_000,
    ],
    ids=["backslash", "quotes", "error", "braces", "long"],
)
def test_text_arguments_pass_as_they_are(text):
    """Characters that broke the original are just text."""
    (speak,) = checked(step(0, "text-to-speech", text=text))
    assert speak.args["text"] == text
    assert templates(text, tasks()["text-to-speech"].inputs["text"], ASKED) == ((text,),)


def test_a_list_of_texts_stays_one_step():
    """An argument that is a list of texts is several values of one step."""
    (compare,) = checked(step(0, "sentence-similarity", text=["one", "two", "three"]))
    assert compare.args["text"] == ["one", "two", "three"]


def test_renumbering_changes_what_a_step_refers_to():
    """References in text, in lists and in `dep` get the new ids."""
    one = Step(
        task="sentence-similarity", id=5, dep=(0, 1), args={"text": ["say <GENERATED>-0", "<GENERATED>-1"]}
    )
    assert renumbered(one, {0: 3, 1: 4}).model_dump() == {
        "task": "sentence-similarity",
        "id": 5,
        "dep": (3, 4),
        "args": {"text": ["say <GENERATED>-3", "<GENERATED>-4"]},
    }
