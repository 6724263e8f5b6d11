"""Makes the media in tests/data that the tasks' declared examples name: `python tests/make_data.py`."""

from __future__ import annotations

from pathlib import Path

import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from deployments.engine import load
from deployments.identity import Identity
from deployments.media import encode

DATA = Path(__file__).parent / "data"


def _page(name: str, size: tuple[int, int], *items: tuple[int, int, str, int], ground: str = "white") -> None:
    sheet = PIL.Image.new("RGB", size, ground)
    draw = PIL.ImageDraw.Draw(sheet)
    for x, y, text, height in items:
        draw.text((x, y), text, fill="black", font=PIL.ImageFont.load_default(height))
    sheet.quantize(32).save(DATA / name, optimize=True)


def _photo() -> None:
    """A house with a red door under a blue sky."""
    scene = PIL.Image.new("RGB", (320, 240), (140, 190, 240))
    draw = PIL.ImageDraw.Draw(scene)
    draw.rectangle((0, 180, 320, 240), fill=(90, 150, 70))
    draw.rectangle((90, 100, 230, 200), fill=(225, 205, 170))
    draw.polygon([(75, 100), (160, 40), (245, 100)], fill=(120, 60, 50))
    draw.rectangle((145, 140, 178, 200), fill=(190, 30, 40))
    draw.rectangle((103, 120, 131, 148), fill=(80, 100, 140))
    draw.rectangle((191, 120, 219, 148), fill=(80, 100, 140))
    draw.ellipse((260, 20, 300, 60), fill=(250, 220, 80))
    scene.save(DATA / "photo.png", optimize=True)


def _speech() -> None:
    voice = load(
        Identity(
            engine="espeak",
            model="espeak-ng",
            revision="1.52.0",
            tasks=("text-to-speech",),
            description="speaks",
            license="GPL-3.0-or-later",
        )
    )
    audio = voice.predict("text-to-speech", {"text": "Dinner is ready."}).audio
    assert audio is not None
    (DATA / "speech.wav").write_bytes(encode(audio).data)


if __name__ == "__main__":
    _page(
        "sign.png",
        (480, 160),
        (30, 25, "Beach closed", 44),
        (30, 90, "No swimming after 8 pm", 30),
        ground="#ffe680",
    )
    _page(
        "invoice.png",
        (640, 400),
        (30, 20, "Harbour Print Shop", 34),
        (30, 80, "Invoice No: 2026-118", 22),
        (400, 80, "Date: 2 June 2026", 22),
        (30, 150, "Description", 22),
        (360, 150, "Qty", 22),
        (500, 150, "Amount", 22),
        (30, 190, "Posters A2", 22),
        (360, 190, "20", 22),
        (500, 190, "90.00", 22),
        (30, 225, "Delivery", 22),
        (360, 225, "1", 22),
        (500, 225, "8.50", 22),
        (360, 300, "Total", 24),
        (480, 300, "98.50 EUR", 24),
    )
    _page(
        "table.png",
        (420, 180),
        *[
            (30 + 130 * column, 25 + 45 * row, text, 22)
            for row, cells in enumerate(
                [("petal", "sepal", "class"), ("1.4", "5.1", "?"), ("4.7", "7.0", "?")]
            )
            for column, text in enumerate(cells)
        ],
    )
    _photo()
    _speech()
