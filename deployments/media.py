"""Files ↔ values: the one place that decodes and encodes media, from formats on an allow-list only.

Decoding allocates what the file's header promises, so a file passes the media guard first.
"""

from __future__ import annotations

import codecs
import re
from io import BytesIO

import numpy as np
import PIL.Image
import PIL.ImageOps
import soundfile
from numpy.typing import NDArray

from deployments.errors import BadInput
from deployments.values import Audio, Encoded, Image, Kind, Value

# Pillow's format names (no EPS: that is a program for Ghostscript) → media types.
IMAGE_FORMATS = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
}
# libsndfile's format names → media types.
AUDIO_FORMATS = {
    "WAV": "audio/wav",
    "WAVEX": "audio/wav",
    "FLAC": "audio/flac",
    "OGG": "audio/ogg",
    "MP3": "audio/mpeg",
}
TEXT_TYPE = "text/plain"

# Samples read at a time: mixing to mono block by block keeps a many-channel file from multiplying in memory.
_BLOCK = 1 << 18
# Control characters, other than tab, line breaks and form feed.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")


def decode(encoded: Encoded, kind: Kind) -> Value:
    """The file as a value of this kind: str, Image (its first frame, upright) or Audio (mixed to mono).

    Raises BadInput where the file is of another kind or cannot be decoded.
    """
    found = encoded.media_type.partition("/")[0]
    if found != kind:
        raise BadInput(f"expected {kind}, but the file is {encoded.media_type}")
    if kind == "text":
        return decode_text(encoded.data)
    if kind == "image":
        return _decode_image(encoded.data)
    if kind == "audio":
        return _decode_audio(encoded.data)
    raise BadInput("video is not supported yet")


def encode(value: Image | Audio) -> Encoded:
    """An image as PNG, audio as 16-bit WAV (samples outside [-1, 1] are clipped)."""
    buffer = BytesIO()
    if isinstance(value, Image):
        # Level 1 takes a fifth of the default's time for a file a quarter larger.
        PIL.Image.fromarray(value.pixels).save(buffer, "PNG", compress_level=1)
        return Encoded(buffer.getvalue(), "image/png")
    soundfile.write(buffer, value.samples, value.rate, format="WAV", subtype="PCM_16")
    return Encoded(buffer.getvalue(), "audio/wav")


def resample(audio: Audio, rate: int) -> Audio:
    """The same sound at `rate` samples per second, band-limited, so that nothing aliases."""
    count = round(len(audio.samples) * rate / audio.rate)
    if rate == audio.rate or count == 0:
        return Audio(audio.samples[:count], rate)
    spectrum = np.fft.rfft(audio.samples)[: count // 2 + 1]
    samples = np.fft.irfft(spectrum, count) * (count / len(audio.samples))
    return Audio(samples.astype(np.float32), rate)


def decode_text(data: bytes) -> str:
    """Text from bytes: UTF-8, UTF-16 with its byte order mark, else Windows-1252; line ends become \\n.

    Raises BadInput where the bytes hold control characters, that is: are not text.
    """
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ["utf-16"] if wide else ["utf-8-sig", "cp1252"]:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _CONTROL.search(text):
            raise BadInput("the file holds control characters, so it is not plain text")
        return text.replace("\r\n", "\n").replace("\r", "\n")
    raise BadInput("the text is neither UTF-8, UTF-16 nor Windows-1252; save it as UTF-8")


def _decode_image(data: bytes) -> Image:
    try:
        with PIL.Image.open(BytesIO(data), formats=list(IMAGE_FORMATS)) as opened:
            upright = PIL.ImageOps.exif_transpose(_eight_bit(opened))
            mode = "RGBA" if upright.has_transparency_data else "RGB"
            return Image(np.asarray(upright.convert(mode)))
    except Exception as error:  # whatever a hostile file makes Pillow raise
        raise BadInput("the image is damaged and cannot be decoded") from error


def _eight_bit(image: PIL.Image.Image) -> PIL.Image.Image:
    """Images of more than 8 bits (scans, depth maps) scaled to 8, where Pillow itself would clip them."""
    if image.mode.startswith("I;16"):
        return PIL.Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        values = np.nan_to_num(np.asarray(image, dtype=np.float64))
        spread = np.ptp(values) or 1.0
        return PIL.Image.fromarray(((values - values.min()) * (255 / spread)).astype(np.uint8))
    return image


def _decode_audio(data: bytes) -> Audio:
    try:
        with soundfile.SoundFile(BytesIO(data)) as file:
            if file.format not in AUDIO_FORMATS:
                raise BadInput(f"audio in {file.format} is not accepted")
            samples = np.empty(file.frames, dtype=np.float32)
            step = max(1, _BLOCK // file.channels)
            filled = 0
            # Never more than the header promised, which is what the guard looked at.
            while filled < len(samples):
                count = min(step, len(samples) - filled)
                block: NDArray[np.float32] = file.read(count, dtype="float32", always_2d=True)
                if not len(block):
                    break
                samples[filled : filled + len(block)] = block.mean(axis=1)
                filled += len(block)
            return Audio(samples[:filled], file.samplerate)
    except soundfile.SoundFileError as error:
        raise BadInput("the audio is damaged and cannot be decoded") from error
