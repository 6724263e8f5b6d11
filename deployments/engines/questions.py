"""What a question asks for, by its words: an amount, a date, a name; and where a text has such a thing."""

from __future__ import annotations

import re

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_WEEKDAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?s?\.?"
_CLOCK = (
    r"(?:\d{1,2}[:.]\d{2}(?: ?[ap]\.?m\.?)?|\d{1,2} ?[ap]\.?m\.?\b|noon|midnight"
    r"|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)(?: o'clock| in the \w+)?)"
)
_NUMBER = r"\d+(?:[.,' ]\d{3})*(?:[.,]\d+)?"
_NUMBER_WORD = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    r"|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand"
    r"|million|dozen)(?:[- ](?:one|two|three|four|five|six|seven|eight|nine|hundred|thousand|million))*"
)
_ANY_NUMBER = rf"(?:{_NUMBER}(?: (?:hundred|thousand|[mb]illion)\b)?|\b{_NUMBER_WORD}\b)"
_CURRENCY = r"(?:€|\$|£|¥|₹|\b(?:eur|usd|gbp|chf|jpy|cad|aud|sek|nok|dkk|pln|czk|inr|cny)\b)"
_UNIT = (
    r"(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?|decades?|centuries|km/h|mph|kilomet(?:er|re)s?"
    r"|met(?:er|re)s?|miles?|feet|foot|inch(?:es)?|centimet(?:er|re)s?|km|cm|mm|kilograms?|grams?|tons?|tonnes?"
    r"|pounds?|kg|lbs?|lit(?:er|re)s?|degrees|°c|°f|hectares|acres|m)\b"
)
# A run of capitalised words, without one such as "The" that only opens a sentence.
_OPENING = (
    "The|An?|In|On|At|It|He|She|They|We|You|This|That|These|Those|There|When|If|And|But|For|Its|His|Her"
)
_NAME = rf"(?!(?:{_OPENING})\b)"
_NAME += r"[^\W\d_a-z][\w'\u2019.-]*(?: (?:(?:of|the|de|van|von|da|di|la|le) )*[^\W\d_a-z][\w'\u2019.-]*)*"

# Kind → how such a thing is written. Names need their capitals, the rest may be in any case.
_FORMS = {
    "money": re.compile(
        rf"{_CURRENCY} ?-?{_NUMBER}(?: [mb]illion\b)?|{_NUMBER} ?{_CURRENCY}"
        rf"|{_ANY_NUMBER} (?:euros?|dollars?|pounds|cents?|francs?|yen|crowns)\b"
        r"|-?\b\d{1,3}(?:[.,' ]?\d{3})*[.,]\d{2}\b(?! ?%)",
        re.IGNORECASE,
    ),
    "date": re.compile(
        rf"\b\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}\b|\b\d{{1,2}}[-/.]\d{{1,2}}[-/.](?:(?:19|20)\d{{2}}|\d{{2}}\b)"
        rf"|\b(?:{_WEEKDAY},? )?(?:the )?\d{{1,2}}(?:st|nd|rd|th|\.)? ?(?:of )?{_MONTH}(?:,? \d{{4}})?\b"
        rf"|\b{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?\b|\b{_MONTH},? \d{{4}}\b|\b{_WEEKDAY}(?=\W|$)"
        r"|(?<![-.,])\b(?:in |since )?(?:1[0-9]|20)\d{2}\b(?![-.,]\d)|\b(?:today|tomorrow|yesterday)\b",
        re.IGNORECASE,
    ),
    "time": re.compile(_CLOCK, re.IGNORECASE),
    "measure": re.compile(
        rf"(?:\b(?:about|around|almost|nearly|over|roughly|approximately|within|more than|up to) )?"
        rf"{_ANY_NUMBER}[- ]?{_UNIT}",
        re.IGNORECASE,
    ),
    "percent": re.compile(rf"{_NUMBER} ?(?:%|percent\b)", re.IGNORECASE),
    "number": re.compile(rf"{_ANY_NUMBER}", re.IGNORECASE),
    "email": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "website": re.compile(
        r"\b(?:https?://|www\.)\S+|\b[\w-]+\.(?:com|org|net|edu|de|fr|io|co\.uk)\b", re.IGNORECASE
    ),
    "phone": re.compile(r"(?<!\d)(?!\d{4}-\d\d-\d\d|\d{1,2}[/.]\d{1,2}[/.]\d{2})\+?\(?\d[\d ()/.-]{5,}\d"),
    "name": re.compile(rf"{_NAME}(?<!\.)"),
}

# Question words → kind, most specific first; what matches none may be answered by anything.
_ASKS = [
    (re.compile(pattern), kind)
    for pattern, kind in [
        (r"\be-?mail", "email"),
        (r"\b(?:web ?site|url|web address)\b", "website"),
        (r"\b(?:phone|telephone|fax|mobile|tel)\b", "phone"),
        (r"\b(?:percent|percentage|(?:tax|vat|interest) rate)\b", "percent"),
        (r"\b(?:what time|at what hour|opening hours?)\b", "time"),
        (
            r"\b(?:when|what date|which (?:date|day|year|month)|what (?:day|year|month)|date|deadline)\b",
            "date",
        ),
        (
            r"\bhow (?:long|tall|high|deep|far|wide|heavy|old|big|large|fast)\b"
            r"|\b(?:length|height|distance|weight|speed|age)\b",
            "measure",
        ),
        (r"\bhow many\b|\b(?:quantity|number of)\b", "number"),
        (
            r"\bhow much\b|\b(?:total|subtotal|price|costs?|amount|balance|pay|fee|tax|vat|discount)\b",
            "money",
        ),
        (r"\b(?:who|whom|whose|where|which (?:city|country|person|company)|what (?:city|country))\b", "name"),
    ]
]

_STOP_WORDS = """
    a an the is are was were be been am do does did has have had of in on at to for from by with and or as it
    its this that these those there here what which who whom whose when where why how much many i me my you
    your we our he his she her they their them can could will would shall should may must please tell give
    show say find about into than then so if not no any some
"""
_STOP = frozenset(_STOP_WORDS.split())


def kind(question: str) -> str | None:
    """What kind of thing answers the question; None where its words do not tell."""
    lowered = question.casefold()
    return next((kind for pattern, kind in _ASKS if pattern.search(lowered)), None)


def find(kind: str, text: str) -> list[str]:
    """Every thing of this kind in a text, in order."""
    return [match[0].strip() for match in _FORMS[kind].finditer(text)]


def spans(kind: str, sentence: str, question: str) -> list[str]:
    """What may answer the question in a sentence, likeliest first: of the kind, and not in the question."""
    known = set(words(question))
    places = [match.start() for match in re.finditer(r"[^\W_]+", sentence) if known & set(words(match[0]))]
    where = re.search(r"\bwhere\b|\bwhich (?:city|country)\b", question.casefold()) is not None

    def rank(match: re.Match[str]) -> tuple[bool, bool, bool, int]:
        named = kind == "name"
        # A capital at the start of a sentence need not be a name's; a place follows a preposition.
        opening = named and not match.start() and " " not in match[0]
        placed = re.search(r"\b(?:in|at|near|from|to|on|through|of) (?:the )?$", sentence[: match.start()])
        near = min((abs(match.start() - place) for place in places), default=0)
        return (where and placed is None, opening, named and bool(known & set(words(match[0]))), near)

    found = [match for match in _FORMS[kind].finditer(sentence) if not set(words(match[0])) <= known]
    if kind == "number":
        # A year or a day of the month counts nothing.
        dates = " ".join(find("date", sentence))
        found = [match for match in found if match[0] not in dates]
    if not found and kind == "date":
        return spans("time", sentence, question)
    return [match[0].strip() for match in sorted(found, key=rank)]


def words(text: str) -> list[str]:
    """The words that carry meaning, in lower case, without endings such as a plural's."""
    return [stem(word) for word in re.findall(r"[^\W_]{2,}|\d", text.casefold()) if word not in _STOP]


def stem(word: str) -> str:
    """Just enough for a word in a question to meet the same word in a text."""
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 3 and word.endswith("e") else word
