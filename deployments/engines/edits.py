"""Edits told in words: "make it grayscale, then half the size" → what to do to the pixels, in that order."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from deployments.errors import BadInput

# uint8 [h, w, 3 or 4]; OpenCV's own types do not say so.
Pixels = NDArray[Any]
Change = Callable[[Pixels], Pixels]

CAN = (
    "grayscale, resize (to 200x100, a width of 300, half, 50 %), rotate (left, right, 30 degrees), flip, "
    "crop (square, middle, left half, to 200x100), blur, sharpen, brighten, darken, contrast, saturation, "
    "invert, sepia, denoise, enhance, pixelate, edges"
)
# A longer side could fill the memory, whatever the limits on files are.
_MAX_SIDE = 8192


@dataclass(frozen=True)
class Edit:
    """`name` tells what is done; `apply` takes and gives uint8 [h, w, 3 or 4]."""

    name: str
    apply: Change


def parse(instruction: str) -> tuple[list[Edit], list[str]]:
    """The edits of an instruction in its order, and the clauses that ask for something else.

    Raises BadInput where no edit is understood, or one cannot be done.
    """
    edits: list[Edit] = []
    ignored: list[str] = []
    for clause in _clauses(instruction):
        understood = [] if _BEYOND.search(clause) else _edits(clause)
        edits += understood
        if not understood and _FILLER.sub("", clause).strip():
            ignored.append(clause)
    if not edits:
        raise BadInput(f"no edit is understood in '{instruction.strip()}'; what can be done: {CAN}")
    return edits, ignored


def _clauses(instruction: str) -> list[str]:
    text = (
        instruction.casefold()
        .replace("grey", "gray")
        .replace("colour", "color")
        .replace("\N{MULTIPLICATION SIGN}", "x")
    )
    # A file's name says nothing about the edit.
    text = re.sub(r"\S+\.(?:png|jpe?g|webp|gif|bmp|tiff?)\b", "it", text)
    text = re.sub(r"black[ -](?:and|&|n)[ -]white|\bb ?[&/] ?w\b", "grayscale", text)
    text = re.sub(rf"width\D{{0,5}}{_N}(?: ?px| pixels)? and (?:a )?height\D{{0,5}}{_N}", r"\1x\2", text)
    text = re.sub(r"upside[ -]down", "upside-down", text)
    parts = re.split(r"[,;]|[.!?](?:\s|$)|\band\b|\bthen\b", text)
    return [clause for part in parts if (clause := part.strip(" \t\n'\""))]


def _edits(clause: str) -> list[Edit]:
    """The edits of one clause, by where their keywords stand."""
    found: list[tuple[int, int, Callable[[str], Edit]]] = []
    for keyword, make in _RULES:
        match = keyword.search(clause)
        if match and all(match.end() <= start or match.start() >= end for start, end, _ in found):
            found.append((*match.span(), make))
    makers = [make for _, _, make in sorted(found, key=lambda item: item[0])]
    if (not makers and _SIZE.search(clause)) or (_size(clause) and _cropped not in makers):
        makers.append(_resized)
    return [make(clause) for make in makers]


_N = r"(\d+(?:\.\d+)?)"
# What no classical edit does; a clause with one of these is not understood, whatever else it says.
_BEYOND = re.compile(
    r"\b(?:don't|not|without|never|add|insert|put|replace|swap|erase|restore|colori[sz]e|background|like|style"
    r"|painting|cartoon|anime|drawing|sketch|watercolor|realistic)\b"
)
_FILLER = re.compile(
    r"\b(?:please|thanks|thank you|save it|for me|finally|next|also|it|the (?:image|picture|photo))\b"
)


def _size(clause: str) -> tuple[float, float] | None:
    match = re.search(rf"{_N} ?(?:px|pixels)? ?(?:x|by|\*) ?{_N}", clause)
    return (float(match[1]), float(match[2])) if match else None


def _percent(clause: str) -> float | None:
    match = re.search(rf"{_N} ?(?:%|percent)", clause)
    return float(match[1]) / 100 if match else None


def _number(clause: str) -> float | None:
    match = re.search(_N, clause)
    return float(match[1]) if match else None


def _says(words: str, clause: str) -> bool:
    return re.search(rf"\b(?:{words})", clause) is not None


def _strength(clause: str, usual: float) -> float:
    """How much, as a share: "by 30 %", else by a word such as "slightly" or "a lot", else the usual."""
    percent = _percent(clause)
    if percent is not None:
        return min(percent, 4.0)
    if _says("slight|a bit|a little|subtl", clause):
        return usual / 2
    return usual * 2 if _says("a lot|much|strong|heav|very", clause) else usual


def _less(clause: str) -> bool:
    return _says("decrease|reduce|lower|less|down|desaturate|muted|dark|dim", clause)


def _color(function: Change) -> Change:
    """A function of RGB that leaves transparency as it is."""

    def apply(pixels: Pixels) -> Pixels:
        changed = function(np.ascontiguousarray(pixels[..., :3]))
        return np.concatenate([changed, pixels[..., 3:]], axis=2)

    return apply


def _clip(values: NDArray[np.float32]) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _fixed(name: str, function: Change) -> Callable[[str], Edit]:
    return lambda clause: Edit(name, _color(function))


# Geometry


_SIZE = re.compile(
    r"\b(?:re-?size|size|scale|shrink|enlarge|(?:up|down)(?:scale|size)|small|smaller|large|larger|big|bigger"
    r"|thumbnail|half|halve|double|twice|quarter|width|wide|height|high|tall)\b"
    r"|\d ?(?:x|by|\*) ?\d|\d ?(?:%|percent|px|pixels?)"
)


def _resized(clause: str) -> Edit:
    number, percent, size = _number(clause), _percent(clause), _size(clause)
    if size:
        return Edit(f"resized to {size[0]:g}x{size[1]:g}", lambda p: _resize(p, *size))
    if percent is not None:
        # "to 20 %" sets the size; "by 20 %" and "20 % smaller" change it by that much.
        if _says("by|small|large|big", clause):
            percent = 1 - percent if _says("small|shrink|reduce|decrease|down", clause) else 1 + percent
        return _scaled(percent)
    if number is not None and _says(r"x ?\d|\d+(?:\.\d+)? ?(?:x\b|times)", clause):
        return _scaled(1 / number if number and _says("small|shrink|reduce|down", clause) else number)
    if number is not None and _says("width|wide", clause):
        name = f"resized to a width of {number:g}"
        return Edit(name, lambda p: _resize(p, number, p.shape[0] * number / p.shape[1]))
    if number is not None and _says("height|high|tall", clause):
        name = f"resized to a height of {number:g}"
        return Edit(name, lambda p: _resize(p, p.shape[1] * number / p.shape[0], number))
    if number is not None or "thumbnail" in clause:
        longest = number if number is not None else 128
        name = f"resized to {longest:g} pixels on the longest side"
        return Edit(name, lambda p: _rescale(p, longest / max(p.shape[:2])))
    if "quarter" in clause:
        return _scaled(0.25)
    if _says("half|halve|shrink|small|down", clause):
        return _scaled(0.5)
    if _says("double|twice|enlarge|large|big|up", clause):
        return _scaled(2)
    raise BadInput(f"'{clause}' does not say to which size: for example 200x100, a width of 300, or 50 %")


def _scaled(factor: float) -> Edit:
    return Edit(f"resized to {factor:.0%}", lambda p: _rescale(p, factor))


def _rescale(pixels: Pixels, factor: float) -> Pixels:
    return _resize(pixels, pixels.shape[1] * factor, pixels.shape[0] * factor)


def _resize(pixels: Pixels, width: float, height: float) -> Pixels:
    size = (round(width), round(height))
    if min(width, height) <= 0 or max(size) > _MAX_SIDE:
        raise BadInput(
            f"an image cannot be resized to {width:g}x{height:g}: a side has 1 to {_MAX_SIDE} pixels"
        )
    shrinks = width * height < pixels.shape[0] * pixels.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(pixels, (max(size[0], 1), max(size[1], 1)), interpolation=method)


def _rotated(clause: str) -> Edit:
    """Clockwise unless told otherwise; the canvas grows, so that nothing is cut off."""
    number = 180.0 if "upside-down" in clause else _number(clause)
    degrees = 90.0 if number is None else number % 360
    if not degrees:
        raise BadInput(f"'{clause}' leaves the image as it is")
    counter = _says("counter|anti|left|ccw", clause)

    def apply(pixels: Pixels) -> Pixels:
        if degrees % 90 == 0:
            return np.rot90(pixels, int(degrees // 90) * (1 if counter else -1))
        height, width = pixels.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees if counter else -degrees, 1.0)
        cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
        size = (round(height * sin + width * cos), round(height * cos + width * sin))
        matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
        turned: Pixels = cv2.warpAffine(
            np.ascontiguousarray(pixels), matrix, size, flags=cv2.INTER_LINEAR, borderValue=(255, 255, 255, 0)
        )
        return turned

    return Edit(f"rotated {degrees:g}° {'counterclockwise' if counter else 'clockwise'}", apply)


def _flipped(clause: str) -> Edit:
    if _says("vertical", clause):
        return Edit("flipped top to bottom", lambda p: np.flip(p, 0))
    return Edit("flipped left to right", lambda p: np.flip(p, 1))


def _cropped(clause: str) -> Edit:
    size = _size(clause)
    if size:
        return Edit(f"cropped to {size[0]:g}x{size[1]:g} in the middle", lambda p: _window(p, *size))
    if "square" in clause:
        return Edit("cropped to a square", lambda p: _window(p, min(p.shape[:2]), min(p.shape[:2])))
    side = re.search(r"\b(left|right|top|upper|bottom|lower)\b", clause)
    if side:
        return Edit(f"cropped to the {side[1]} half", lambda p: _half(p, side[1]))
    if _says("middle|center|centre", clause):
        return Edit("cropped to the middle half", lambda p: _window(p, p.shape[1] / 2, p.shape[0] / 2))
    raise BadInput(f"'{clause}' does not say what to keep: a square, the middle, the left half, or 200x100")


def _window(pixels: Pixels, width: float, height: float) -> Pixels:
    """A window of this size in the middle, or as much of it as there is."""
    if min(width, height) < 1:
        raise BadInput("an image cannot be cropped to nothing")
    rows, columns = min(round(height), pixels.shape[0]), min(round(width), pixels.shape[1])
    top, left = (pixels.shape[0] - rows) // 2, (pixels.shape[1] - columns) // 2
    return pixels[top : top + rows, left : left + columns]


def _half(pixels: Pixels, side: str) -> Pixels:
    rows, columns = -(-pixels.shape[0] // 2), -(-pixels.shape[1] // 2)
    if side in ("left", "right"):
        return pixels[:, :columns] if side == "left" else pixels[:, -columns:]
    return pixels[:rows] if side in ("top", "upper") else pixels[-rows:]


# Light and color


def _gray(pixels: Pixels) -> Pixels:
    return np.repeat(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


def _sepia(pixels: Pixels) -> Pixels:
    tones = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]], np.float32)
    return _clip(pixels.astype(np.float32) @ tones.T)


def _light(clause: str) -> Edit:
    shift = 255 * _strength(clause, usual=0.2) * (-1 if _less(clause) else 1)
    name = "darkened" if shift < 0 else "brightened"
    return Edit(name, _color(lambda p: _clip(p.astype(np.float32) + shift)))


def _contrast(clause: str) -> Edit:
    gain = 1 + _strength(clause, usual=0.3)
    gain = 1 / gain if _less(clause) else gain
    name = "contrast lowered" if gain < 1 else "contrast raised"
    return Edit(name, _color(lambda p: _clip((p.astype(np.float32) - 128) * gain + 128)))


def _saturation(clause: str) -> Edit:
    gain = 1 + _strength(clause, usual=0.5)
    gain = 1 / gain if _less(clause) else gain

    def apply(pixels: Pixels) -> Pixels:
        gray = _gray(pixels).astype(np.float32)
        return _clip(gray + gain * (pixels - gray))

    return Edit("saturation lowered" if gain < 1 else "saturation raised", _color(apply))


# Detail


def _blurred(clause: str) -> Edit:
    radius = _number(clause) if _percent(clause) is None else None
    if radius is not None and not 0 < radius <= 200:
        raise BadInput("the radius of a blur is between 1 and 200 pixels")
    strength = _strength(clause, usual=0.008)

    def apply(pixels: Pixels) -> Pixels:
        # About 1 % of the longest side is seen at any size.
        sigma = radius or max(1.0, strength * max(pixels.shape[:2]))
        blurred: Pixels = cv2.GaussianBlur(np.ascontiguousarray(pixels), (0, 0), sigma)
        return blurred

    return Edit("blurred", apply)


def _sharpened(clause: str) -> Edit:
    amount = _strength(clause, usual=1.0)
    return Edit("sharpened", _color(lambda p: _unsharp(p, amount)))


def _unsharp(pixels: Pixels, amount: float) -> Pixels:
    return cv2.addWeighted(pixels, 1 + amount, cv2.GaussianBlur(pixels, (0, 0), 1.5), -amount, 0)


def _denoise(pixels: Pixels) -> Pixels:
    return cv2.fastNlMeansDenoisingColored(pixels, None, 6, 6, 7, 15)


def _enhance(pixels: Pixels) -> Pixels:
    """Local contrast of the lightness, then a little sharpening."""
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(2.0, (8, 8)).apply(lab[..., 0])
    return _unsharp(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), 0.5)


def _pixelate(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    small = _rescale(pixels, min(1.0, 48 / max(height, width)))
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)


def canny(pixels: Pixels) -> Pixels:
    """uint8 [h, w, 3] RGB → [h, w], 255 on an edge; the thresholds follow the image's own gradients."""
    gray = cv2.GaussianBlur(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
    dx, dy = cv2.Sobel(gray, cv2.CV_16S, 1, 0), cv2.Sobel(gray, cv2.CV_16S, 0, 1)
    strength = np.hypot(dx.astype(np.float32), dy.astype(np.float32))
    # Nine tenths of a photo is no edge; the floor keeps noise out, the ceiling keeps line art.
    high = float(np.clip(np.percentile(strength, 90), 60, 200))
    return cv2.Canny(dx, dy, high / 2, high, L2gradient=True)


# Keyword → edit. The first rule to claim a word has it: what is more specific stands first.
_RULES: list[tuple[re.Pattern[str], Callable[[str], Edit]]] = [
    (re.compile(rf"\b(?:{keyword})\b"), make)
    for keyword, make in [
        (r"crop\w*|trim|cut|square|keep (?:only )?the \w+", _cropped),
        (r"(?:rotat\w*|turn|flip|tilt|spin)\b.*upside-down|upside-down", _rotated),
        (r"rotat\w*|turn(?= .*(?:\d|left|right|clockwise))|tilt|spin", _rotated),
        (r"flip\w*|mirror\w*", _flipped),
        (
            r"gray-?scale|gray|monochrom\w*|remove (?:the |all )?colors?|fully desaturated?",
            _fixed("grayscale", _gray),
        ),
        (r"sepia", _fixed("sepia", _sepia)),
        (r"invert\w*|negative", _fixed("inverted", lambda p: 255 - p)),
        (r"(?:de-?)?nois\w*|grain", _fixed("denoised", _denoise)),
        (r"de-?blur\w*|un-?blur\w*|sharp\w*|remove (?:the |any )?blur|crisp\w*", _sharpened),
        (r"blur\w*|smooth\w*|soft\w*", _blurred),
        (r"bright\w*|light\w*|dark\w*|dim", _light),
        (r"contrast", _contrast),
        (r"(?:de)?saturat\w*|vivid|vibrant|muted", _saturation),
        (r"(?:auto)?enhanc\w*|improv\w*", _fixed("enhanced", _enhance)),
        (r"pixel(?:at|iz|is)\w*", _fixed("pixelated", _pixelate)),
        (
            r"canny|edges?|outlines?|contours?",
            _fixed("edges", lambda p: np.repeat(canny(p)[..., None], 3, axis=2)),
        ),
    ]
]
