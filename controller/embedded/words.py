"""The word lists of the embedded planner, and the repair of misspelt instruction words."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from typing import Final

from deployments.values import Kind


def vocabulary(text: str) -> frozenset[str]:
    """A set of words written as plain text."""
    return frozenset(text.split())


# Verbs in the form that starts an instruction: "…, and <verb> it".
VERBS: Final = vocabulary("""
    add adjust analyse analyze animate announce annotate answer blur box brighten calculate caption
    change check clarify classify clean colour color colourise colorize compare compose compress compute
    condense continue convert correct count create crop cut darken define denoise depict describe design
    detect determine digitise digitize double draw edit embed emphasise encode enhance enlarge erase
    estimate evaluate examine explain extract fill filter find fix flip generate get give grayscale
    greyscale grade highlight identify illustrate imagine improve infer invert isolate label list listen
    locate look make mark mask measure mirror model modify mute name narrate normalise normalize ocr
    outline output paint paraphrase perform pick play polish predict present print produce pronounce
    proofread provide pull put rate read recite recognise recognize record reduce remove render repaint
    rephrase replace rescale reshape resize restore restyle retell reword rewrite rotate save say score
    segment select send separate sharpen shorten show shrink simplify sketch smooth sort speak split
    spot stylise stylize subtitle sum summarise summarize tag take tell tidy tint trace track transcribe
    transform translate turn type upload upscale use utter verbalise visualise visualize vocalise
    vocalize voice write zoom email post share store book buy order delete open close run search
    schedule remind multiply subtract divide synthesise synthesize colourize dub apply
    scan isolate denoise vectorise vectorize dictate download
    keep copy follow reuse borrow match come install subscribe pay transfer cancel publish tweet phone
    call
    """)

QUESTION: Final = vocabulary("""
    what what's whats who who's whose where where's when which why how how's is are does do did was were
    has have can could whether
    """)

# Words that may stand before the verb of an instruction.
FILLERS: Final = vocabulary("""
    please kindly then also now next finally lastly afterwards afterward first firstly second secondly
    third thirdly just and i want wanna need you to can could would will might may should we like love
    i'd i'll let's us let me have be able help so ok okay hey hi hello well ah oh yes sure maybe perhaps
    after that additionally plus furthermore moreover besides quickly simply go ahead too again both if
    possible kind enough as well later thereafter subsequently based must try do thanks great nice cool
    perfect good would'nt it's its time eventually once done that's today asap afterwords
    """)

# Verbs that act on the world outside: nothing here does that.
OUTSIDE: Final = vocabulary(
    """
    email mail post share store book buy order delete install remind schedule upload download print send
    subscribe pay transfer cancel call phone tweet publish
    """
)

# Verbs whose object is what they produce: "give me a caption and a depth map".
PRODUCING: Final = vocabulary("""
    generate make create give show produce get want need provide output extract write compute prepare
    draw paint render like love return
    """)

DRAWING: Final = vocabulary("""
    draw paint generate create make produce render sketch illustrate imagine visualise visualize design
    depict show synthesise synthesize want need like love give get see model
    """)

LANGUAGES: Final = vocabulary("""
    afrikaans albanian arabic armenian basque bengali bulgarian cantonese catalan chinese croatian czech
    danish dutch english esperanto estonian farsi finnish flemish french gaelic galician georgian german
    greek gujarati hebrew hindi hungarian icelandic indonesian irish italian japanese kannada kazakh
    korean latin latvian lithuanian macedonian malay maltese mandarin marathi mongolian nepali norwegian
    persian polish portuguese punjabi romanian russian serbian slovak slovenian somali spanish swahili
    swedish tagalog tamil telugu thai turkish ukrainian urdu vietnamese welsh yoruba zulu
    """)

# Nouns that name a thing of a kind, as in "the photo".
KIND_NOUNS: Final[dict[str, Kind]] = {
    **dict.fromkeys(
        vocabulary("""
    image images photo photos picture pictures photograph photographs pic pics scan scans screenshot
    screenshots drawing painting drawings illustration page pages sign poster receipt invoice bill form
    label menu card sketch selfie portrait snapshot flyer letter document documents certificate ticket
    """),
        "image",
    ),
    **dict.fromkeys(
        vocabulary("""
    audio audios recording recordings clip voice sound song call podcast memo interview lecture speech
    track message voicemail
    """),
        "audio",
    ),
    **dict.fromkeys(vocabulary("video videos movie film footage"), "video"),
    **dict.fromkeys(
        vocabulary("""
    text texts article articles paragraph sentence sentences passage note notes report essay review
    story poem email answer caption summary translation transcript description transcription reply
    """),
        "text",
    ),
}

PRONOUNS: Final = vocabulary("""
    it its this that these those them they both all everything result results output outputs one ones
    same each their
    """)

# Nouns for what a task makes: "the summary" is what summarization gave.
PRODUCTS: Final[dict[str, frozenset[str]]] = {
    "caption": frozenset({"image-to-text"}),
    "captions": frozenset({"image-to-text"}),
    "description": frozenset({"image-to-text", "text-generation"}),
    "descriptions": frozenset({"image-to-text"}),
    "transcript": frozenset({"automatic-speech-recognition"}),
    "transcription": frozenset({"automatic-speech-recognition"}),
    "transcripts": frozenset({"automatic-speech-recognition"}),
    "summary": frozenset({"summarization"}),
    "summaries": frozenset({"summarization"}),
    "translation": frozenset({"translation"}),
    "translations": frozenset({"translation"}),
    "answer": frozenset(
        {"question-answering", "visual-question-answering", "document-question-answering", "conversational"}
    ),
    "story": frozenset({"text-generation"}),
    "poem": frozenset({"text-generation"}),
    "haiku": frozenset({"text-generation"}),
    "joke": frozenset({"conversational", "text-generation"}),
    "objects": frozenset({"object-detection"}),
    "labels": frozenset({"object-detection", "image-classification"}),
    "edges": frozenset({"canny-control", "hed-control"}),
    "names": frozenset({"token-classification"}),
    "entities": frozenset({"token-classification"}),
    "video": frozenset({"text-to-video"}),
    "mask": frozenset({"image-segmentation"}),
    "masks": frozenset({"image-segmentation"}),
    "pose": frozenset({"openpose-control"}),
    "depth": frozenset({"depth-estimation"}),
    "speech": frozenset({"text-to-speech"}),
}

ORDINALS: Final = {
    "first": 0,
    "1st": 0,
    "second": 1,
    "2nd": 1,
    "third": 2,
    "3rd": 2,
    "fourth": 3,
    "4th": 3,
    "last": -1,
}

NUMBERS: Final = {
    word: str(number)
    for number, word in enumerate(
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), start=1
    )
}

_SHORT: Final = {
    "pls": "please",
    "plz": "please",
    "plse": "please",
    "u": "you",
    "ur": "your",
    "pic": "picture",
    "pics": "pictures",
    "img": "image",
    "imgs": "images",
    "vid": "video",
    "vids": "videos",
    "gimme": "give me",
    "wanna": "want to",
    "whats": "what is",
    "what's": "what is",
    "who's": "who is",
    "where's": "where is",
    "how's": "how is",
    "wat": "what",
    "n": "and",
    "&": "and",
    "r": "are",
    "thx": "thanks",
    "im": "i am",
    "lang": "language",
    "txt": "text",
    "b&w": "black and white",
    "bg": "background",
    "w": "with",
    "w/": "with",
    "dont": "don't",
    "cant": "can't",
    "translat": "translate",
    "summarise": "summarize",
    "summarised": "summarized",
    "greyscale": "grayscale",
    "colour": "color",
    "coloured": "colored",
}

# Instruction words long enough to tell a misspelling from another word.
_LONG: Final = sorted(
    {word for word in VERBS if len(word) >= 7}
    | {noun for noun in KIND_NOUNS if len(noun) >= 7}
    | LANGUAGES
    | {
        "caption",
        "sentiment",
        "language",
        "grayscale",
        "objects",
        "background",
        "similar",
        "detect",
        "rotate",
        "please",
    }
)


@cache
def normal(word: str) -> str:
    """The word in lower case, abbreviations written out and misspelt instruction words repaired."""
    word = word.lower().replace("\u2019", "'")
    if word in _SHORT:
        return _SHORT[word]
    if len(word) < 6 or not word.isalpha() or word in _LONG or word in _known():
        return word
    close = get_close_matches(word, _LONG, n=1, cutoff=0.86)
    # An inflected form ("describes", "images") is no misspelling.
    if close and not word.startswith(close[0][:-1]) and word[0] == close[0][0]:
        return _SHORT.get(close[0], close[0])
    return word


@cache
def _known() -> frozenset[str]:
    return (
        VERBS
        | QUESTION
        | FILLERS
        | frozenset(KIND_NOUNS)
        | PRONOUNS
        | frozenset(PRODUCTS)
        | frozenset(ORDINALS)
    )
