import struct
import zlib
from io import BytesIO

import numpy as np
import PIL.Image
import pytest
import soundfile

from controller import guard
from controller.errors import HuggingGPTError, TooLarge, UnsupportedMedia
from controller.guard import inspect
from controller.settings import Limits
from deployments.media import decode
from deployments.values import Encoded

LIMITS = Limits()


def picture(format, size=(40, 30), mode="RGB", **options) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    buffer = BytesIO()
    PIL.Image.fromarray(noise).convert(mode).save(buffer, format, **options)
    return buffer.getvalue()


def silence(seconds, rate=8_000, channels=1, format="FLAC", subtype=None) -> bytes:
    buffer = BytesIO()
    with soundfile.SoundFile(buffer, "w", rate, channels, format=format, subtype=subtype) as file:
        for _ in range(seconds):
            file.write(np.zeros((rate, channels), dtype=np.float32))
    return buffer.getvalue()


def png_header(width, height) -> bytes:
    """A PNG that promises this size and holds next to nothing."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def tiled_tiff(tile) -> bytes:
    """A TIFF of 10 by 10 pixels whose one compressed tile is `tile` by `tile`."""
    data = zlib.compress(bytes(1_000))
    tags = [(256, 10), (257, 10), (258, 8), (259, 8), (262, 1), (277, 1)]
    tags += [(322, tile), (323, tile), (324, 8), (325, len(data))]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, v) for tag, v in tags)
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory + bytes(4)


def flac_claiming(data, rate, channels, frames) -> bytes:
    """A FLAC file whose header was rewritten to make this claim."""
    packed = rate << 44 | (channels - 1) << 41 | 15 << 36 | frames
    return data[:18] + packed.to_bytes(8, "big") + data[26:]


@pytest.mark.parametrize(
    ("data", "kind", "media_type"),
    [
        (picture("PNG"), "image", "image/png"),
        (picture("PNG", mode="RGBA"), "image", "image/png"),
        (picture("JPEG"), "image", "image/jpeg"),
        (picture("JPEG", progressive=True, mode="CMYK"), "image", "image/jpeg"),
        (picture("MPO", save_all=True, append_images=[PIL.Image.new("RGB", (9, 9))]), "image", "image/jpeg"),
        (picture("WEBP"), "image", "image/webp"),
        (picture("WEBP", lossless=True), "image", "image/webp"),
        (picture("GIF"), "image", "image/gif"),
        (picture("BMP"), "image", "image/bmp"),
        (picture("TIFF"), "image", "image/tiff"),
        (picture("TIFF", compression="tiff_lzw"), "image", "image/tiff"),
        (silence(1, format="WAV"), "audio", "audio/wav"),
        (silence(1, format="WAVEX"), "audio", "audio/wav"),
        (silence(1, format="FLAC"), "audio", "audio/flac"),
        (silence(1, format="OGG", subtype="VORBIS"), "audio", "audio/ogg"),
        (silence(1, format="OGG", subtype="OPUS"), "audio", "audio/ogg"),
        (silence(1, format="MP3"), "audio", "audio/mpeg"),
        (silence(1, rate=44_100, channels=2, format="MP3"), "audio", "audio/mpeg"),
        (b"ID3\x04\0\0\0\0\0\x02\0\0" + silence(1, format="MP3"), "audio", "audio/mpeg"),
        (b"# Title\n\nSome *markdown*.\n", "text", "text/plain"),
        (b"a,b\r\n1,2\r\n", "text", "text/plain"),
        (b'{"a": [1, 2]}', "text", "text/plain"),
        ("Grüße".encode("cp1252"), "text", "text/plain"),
        ("Grüße".encode("utf-16"), "text", "text/plain"),
        (b"BMW and RIFF and ID3 tags are words", "text", "text/plain"),
        (b"<p>my svg file</p>", "text", "text/plain"),
    ],
)
def test_a_file_is_what_its_bytes_say_and_what_passes_can_be_decoded(data, kind, media_type):
    """Every accepted format is recognised, and decodes."""
    found = inspect(data, LIMITS)
    assert (found.kind, found.media_type) == (kind, media_type)
    decode(Encoded(data, found.media_type), found.kind)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "PostScript"),
        (b"\xc5\xd0\xd3\xc6" + bytes(30), "PostScript"),
        (b"%PDF-1.7\nplain ascii so far", "PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\xef\xbb\xbf\n<?xml version='1.0'?>\n<!-- made by hand -->\n<svg width='1'/>", "SVG"),
        (b"{\\rtf1\\ansi hello}", "RTF"),
        (b"PK\x03\x04" + bytes(30), "ZIP"),
        (b"\0\0\0\x18ftypheic" + bytes(20), "HEIC"),
        (b"\0\0\0\x20ftypisom" + bytes(20), "MP4"),
        (b"RIFF\0\0\0\0AVI LIST" + bytes(20), "AVI"),
        (b"\x1a\x45\xdf\xa3" + bytes(20), "WebM"),
    ],
)
def test_a_known_type_that_is_not_accepted_is_refused_by_name(data, named):
    """The message names the type and lists what is accepted."""
    with pytest.raises(UnsupportedMedia, match=f"{named}.*not accepted.*Accepted are PNG"):
        inspect(data, LIMITS)


@pytest.mark.parametrize(
    "data",
    [
        b"\x7fELF" + bytes(100),
        b"text with a \0 in it",
        np.random.default_rng(1).bytes(4_000),
        b"RIFF\0\0\0\0JUNK" + bytes(40),
    ],
)
def test_unknown_bytes_are_refused(data):
    """What is neither a known format nor text has no kind."""
    with pytest.raises(UnsupportedMedia, match="Accepted are PNG"):
        inspect(data, LIMITS)


def test_an_empty_file_is_refused():
    """Zero bytes are no text either."""
    with pytest.raises(UnsupportedMedia, match="empty"):
        inspect(b"", LIMITS)


def test_too_many_bytes_are_refused():
    """The file limit counts bytes, whatever they are."""
    with pytest.raises(TooLarge, match="1,000 bytes"):
        inspect(bytes(1_001), Limits(file_bytes=1_000))


def test_too_long_a_text_is_refused():
    """Characters are counted, not bytes."""
    limits = Limits(text_chars=10)
    assert inspect("äöüäöüäöüä".encode(), limits).kind == "text"
    with pytest.raises(TooLarge, match="10 characters"):
        inspect(b"hello world", limits)


@pytest.mark.parametrize(
    "data",
    [
        png_header(60_000, 60_000),
        png_header(2**31 - 1, 2**31 - 1),
        tiled_tiff(40_000),
        # A GIF of 1 by 1 pixels whose first frame is 65,535 by 65,535.
        b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x02D\x01\0;",
        # BMP and lossless WebP headers of 30,000 by 30,000 and 16,383 by 16,383.
        b"BM" + struct.pack("<IIIIIIHHIIIIII", 999, 0, 54, 40, 30_000, 30_000, 1, 24, 0, 0, 0, 0, 0, 0),
        b"RIFF\x20\0\0\0WEBPVP8L\x14\0\0\0\x2f" + struct.pack("<I", 16_382 << 14 | 16_382) + bytes(30),
    ],
    ids=["png", "png-max", "tiff-tile", "gif-frame", "bmp", "webp"],
)
def test_a_pixel_bomb_is_refused_without_being_decoded(data, monkeypatch):
    """A few bytes that promise gigapixels are turned away by what their header says."""
    monkeypatch.setattr(guard, "_check_sound", lambda image: pytest.fail("decoded before the check"))
    with pytest.raises(TooLarge, match="40,000,000 pixels"):
        inspect(data, LIMITS)


@pytest.mark.parametrize(
    "data",
    [
        silence(70),
        silence(70, format="OGG", subtype="VORBIS"),
        silence(70, format="OGG", subtype="OPUS"),
        silence(70, format="MP3"),
        flac_claiming(silence(1), 8_000, 1, 2**36 - 1),
        flac_claiming(silence(1), 8_000, 1, 0),
        flac_claiming(silence(1), 192_000, 8, 192_000 * 59),
    ],
    ids=["flac", "vorbis", "opus", "mp3", "claims-months", "claims-nothing", "claims-many-channels"],
)
def test_an_audio_bomb_is_refused_by_its_header(data):
    """Minutes of silence in next to no bytes, and headers that claim an enormous or unknown length."""
    with pytest.raises(TooLarge, match="60 seconds"):
        inspect(data, Limits(audio_seconds=60))


def test_audio_that_holds_more_than_its_header_claims_is_decoded_no_further():
    """What the guard has checked is what the decoder allocates."""
    data = flac_claiming(silence(60), 8_000, 1, 8_000)
    inspect(data, Limits(audio_seconds=1))
    assert len(decode(Encoded(data, "audio/flac"), "audio").samples) == 8_000


def test_audio_at_an_absurd_rate_is_refused():
    """Resampling from 1 Hz or from gigahertz would explode."""
    for rate in (1, 2_000_000_000):
        data = bytearray(silence(1, format="WAV"))
        data[24:28] = struct.pack("<I", rate)
        with pytest.raises(UnsupportedMedia, match="Hz"):
            inspect(bytes(data), LIMITS)


def test_audio_without_sound_is_refused():
    """A header alone is no recording."""
    with pytest.raises(UnsupportedMedia, match="no sound"):
        inspect(silence(0, format="WAV"), LIMITS)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_truncated_image_is_refused_at_the_door(format):
    """Half a picture is damaged, whichever format it is in."""
    data = picture(format)
    with pytest.raises(UnsupportedMedia, match="damaged"):
        inspect(data[: len(data) // 2], LIMITS)


@pytest.mark.parametrize(
    "start", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"fLaC", b"OggS", b"\xff\xfb\x90\x64"]
)
def test_garbage_behind_a_valid_start_is_refused(start):
    """The first bytes alone convince nobody."""
    with pytest.raises(UnsupportedMedia, match="damaged"):
        inspect(start + np.random.default_rng(2).bytes(3_000), LIMITS)


@pytest.mark.parametrize(
    "data", [picture("PNG"), picture("TIFF"), picture("GIF"), silence(1), silence(1, format="OGG")]
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow tells of every strange TIFF tag
def test_a_file_with_flipped_bytes_passes_or_is_refused_but_never_breaks_the_guard(data):
    """200 random damages each: the answer is a kind, or one of our errors."""
    chance = np.random.default_rng(3)
    for _ in range(200):
        damaged = bytearray(data)
        for place in chance.integers(len(data), size=8):
            damaged[place] = chance.integers(256)
        try:
            assert inspect(bytes(damaged), LIMITS).kind in ("image", "audio", "text")
        except HuggingGPTError as error:
            assert 400 <= error.status < 500
