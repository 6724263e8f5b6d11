"""The media guard: what a file is, by its own bytes, and whether it is small enough to be decoded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO

import PIL.Image
import soundfile

from controller.errors import TooLarge, UnsupportedMedia
from controller.settings import Limits
from deployments.errors import BadInput
from deployments.media import AUDIO_FORMATS, IMAGE_FORMATS, TEXT_TYPE, decode_text
from deployments.values import Kind

ACCEPTED = (
    "Accepted are PNG, JPEG, WebP, GIF, BMP and TIFF images, WAV, FLAC, OGG and MP3 audio, and plain text."
)

# How a file of each accepted image format begins. BMP's two letters alone would catch text.
_IMAGES = {
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "JPEG": rb"\xff\xd8\xff",
    "WEBP": rb"RIFF....WEBP",
    "GIF": rb"GIF8[79]a",
    "BMP": rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0",
    "TIFF": rb"II\*\0|MM\0\*",
}
# … and each audio format: MP3 starts with an ID3 tag or the sync bits of a layer II or III frame.
_AUDIO = rb"RIFF....WAVE|fLaC|OggS|ID3[\x02-\x04]|\xff[\xe2-\xe5\xf2-\xf5\xfa-\xfd]"
# What people attach that is not accepted, to name it in the error; the first three would pass for text.
_REFUSED = {
    "PDF": rb"%PDF-",
    "PostScript": rb"%!PS|\xc5\xd0\xd3\xc6",
    "SVG": rb"(\xef\xbb\xbf)?\s*(<[?!][^\0]{0,1000}?)?<svg[\s>]",
    "RTF": rb"\{\\rtf",
    "ZIP or Office": rb"PK\x03\x04",
    "MP4, MOV, M4A or HEIC": rb"....ftyp",
    "AVI": rb"RIFF....AVI ",
    "WebM or Matroska": rb"\x1a\x45\xdf\xa3",
}

# Rates outside are no recording, and extreme ones make resampling explode (Hz).
_RATES = range(1_000, 384_001)
# What `audio_seconds` is worth in samples over all channels: stereo at 48 kHz. A few kilobytes of silent
# FLAC can claim eight channels at 655 kHz.
_SAMPLES_PER_SECOND = 96_000

_TIFF_TILE = (322, 323)


@dataclass(frozen=True)
class Inspected:
    """What a file is."""

    kind: Kind
    media_type: str


def inspect(data: bytes, limits: Limits) -> Inspected:
    """Say what the file is. Its name and declared type play no part.

    Sizes are read from the headers before anything is decoded; of an animation only the first frame counts,
    as only that is ever decoded. Raises TooLarge and UnsupportedMedia (also for damaged files).
    """
    if not data:
        raise UnsupportedMedia("the file is empty")
    check_bytes(len(data), limits)
    for format, start in _IMAGES.items():
        if re.match(start, data, re.DOTALL):
            _check_image(data, format, limits)
            return Inspected("image", IMAGE_FORMATS[format])
    if re.match(_AUDIO, data, re.DOTALL):
        return Inspected("audio", _check_audio(data, limits))
    for name, start in _REFUSED.items():
        if re.match(start, data, re.DOTALL):
            raise UnsupportedMedia(f"{name} files are not accepted. {ACCEPTED}")
    _check_text(data, limits)
    return Inspected("text", TEXT_TYPE)


def check_bytes(size: int, limits: Limits) -> None:
    """Raises TooLarge where a file of this many bytes is not accepted."""
    if size > limits.file_bytes:
        raise TooLarge(f"the file is larger than the {limits.file_bytes:,} bytes that are accepted")


def _check_image(data: bytes, format: str, limits: Limits) -> None:
    try:
        with PIL.Image.open(BytesIO(data), formats=[format]) as image:
            pixels = image.width * image.height
            if format == "TIFF":
                # A tile is decoded whole, however little of it the picture shows.
                width, height = (image.getexif().get(tag, 0) for tag in _TIFF_TILE)
                pixels = max(pixels, width * height)
            if pixels <= limits.image_pixels:
                _check_sound(image)
                return
    except PIL.Image.DecompressionBombError:
        pass
    except Exception as error:  # whatever a hostile file makes Pillow raise
        raise UnsupportedMedia(f"the {format} image is damaged") from error
    raise TooLarge(f"the image has more than the {limits.image_pixels:,} pixels that are accepted")


def _check_sound(image: PIL.Image.Image) -> None:
    """Raises where an image of accepted size is damaged, at the least cost its format allows."""
    if image.format == "PNG":
        image.verify()  # checksums only
    else:
        image.draft(None, (1, 1))  # JPEG: decode an eighth of the width and height
        image.load()


def _check_audio(data: bytes, limits: Limits) -> str:
    try:
        with soundfile.SoundFile(BytesIO(data)) as file:
            format, frames, rate, channels = file.format, file.frames, file.samplerate, file.channels
    except soundfile.SoundFileError as error:
        raise UnsupportedMedia(f"the audio is damaged or in an unknown encoding. {ACCEPTED}") from error
    if format not in AUDIO_FORMATS or rate not in _RATES:
        raise UnsupportedMedia(f"{format} audio at {rate:,} Hz is not accepted. {ACCEPTED}")
    if frames == 0:
        raise UnsupportedMedia("the audio file holds no sound")
    samples = limits.audio_seconds * _SAMPLES_PER_SECOND
    # A stream of unknown length claims the largest number there is.
    if frames > limits.audio_seconds * rate or frames * channels > samples:
        raise TooLarge(
            f"the audio is longer than the {limits.audio_seconds:g} seconds (in stereo at 48 kHz) "
            "that are accepted, or does not say how long it is"
        )
    return AUDIO_FORMATS[format]


def _check_text(data: bytes, limits: Limits) -> None:
    try:
        text = decode_text(data)
    except BadInput as error:
        raise UnsupportedMedia(f"{error}. {ACCEPTED}") from error
    if len(text) > limits.text_chars:
        raise TooLarge(f"the text is longer than the {limits.text_chars:,} characters that are accepted")
