"""Which links of an answer reach the user."""

from __future__ import annotations

import pytest

from controller.links import LinkFilter, links

ARTIFACT = "http://127.0.0.1:8000/v1/files/f1/content"


def shown(text: str, size: int = 1000, allowed: tuple[str, ...] = (ARTIFACT,)) -> str:
    link_filter = LinkFilter(allowed)
    pieces = [link_filter.feed(text[i : i + size]) for i in range(0, len(text), size)]
    return "".join([*pieces, link_filter.finish()])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("See https://evil.example/?q=secret, please.", "See [link removed], please."),
        ("[the picture](https://evil.example/a.png) is here", "the picture is here"),
        ("![a cat](https://evil.example/c?d=secret)", "a cat"),
        ("[![a cat](https://e.example/a)](https://e.example/b)", "a cat"),
        ("[a](<https://evil.example/a b>) and [b](/images/x.png 'title')", "a and b"),
        ("[a](https&#58;//evil.example)", "a"),
        ("[a](//evil.example/x) [b](javascript:alert(1))", "a b"),
        ("<https://evil.example/x>", "<[link removed]>"),
        ("<a href='https://evil.example'>here it is</a>", "here it is</a>"),
        ('<img alt="a b" src="https://evil.example/x.png">!', "!"),
        ("go to www.evil.example or evil.com/x now", "go to [link removed] or [link removed] now"),
        ("[1]: https://evil.example/x", "[1]: [link removed]"),
        ("saved as /images/x.png and images/y.wav.", "saved as [link removed] and [link removed]."),
        ("sandbox:/mnt/data/x.png", "[link removed]"),
        ("data:text/html;base64,PHNjcmlwdD4=", "[link removed]"),
        (f"{ARTIFACT}?to=https://evil.example {ARTIFACT}/x", "[link removed] [link removed]"),
    ],
)
def test_made_up_links_do_not_pass(written: str, read: str, size: int) -> None:
    """Neither links in any notation nor paths of files pass, however they are split; labels stay."""
    assert shown(written, size) == read


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    "text",
    [
        f"![the edges]({ARTIFACT}) and [again]({ARTIFACT} 'title').",
        f"It is at {ARTIFACT}. Really ({ARTIFACT})!",
        f'<a href="{ARTIFACT}">x</a> <{ARTIFACT}>',
        "A list [1, 2, 3], a [note]: text, a[0](x), 7//2 = 3, and/or, 1 < 2, a <b and c> d.",
        "canny-control-1.png is 12:30 long; e.g. this. Boxes: [[1, 2], [3, 4]]",
        "an [open bracket\nand the next line",
        "",
    ],
)
def test_everything_else_passes_unchanged(text: str, size: int) -> None:
    """This request's artifacts pass in any notation, and so does what only looks like a link."""
    assert shown(text, size) == text


def test_text_is_shown_as_it_comes() -> None:
    """Only a last word, an open bracket or an open tag is held back."""
    link_filter = LinkFilter([])
    assert [link_filter.feed(piece) for piece in ("Two wor", "ds and [a ", "label](x) ", "more")] == [
        "Two ",
        "words and ",
        "[a label](x) ",
        "",
    ]
    assert link_filter.finish() == "more"


def test_a_bracket_that_never_closes_is_not_held_for_ever() -> None:
    """Text after a stray bracket is shown in the end, without the links in it."""
    link_filter = LinkFilter([])
    text = "[" + "word " * 1000 + "https://evil.example/x "
    held = "".join(link_filter.feed(text[i : i + 50]) for i in range(0, len(text), 50))
    assert len(held) > 4000
    assert "evil" not in held + link_filter.finish()


def test_the_links_of_a_users_text_are_found() -> None:
    """A link is known with and without the punctuation that follows it."""
    assert "https://host.example/a.png" in links("Describe https://host.example/a.png, please")
    assert "/examples/a.jpg" in links("what is in /examples/a.jpg?")
