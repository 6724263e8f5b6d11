import subprocess
import sys
from io import BytesIO

import numpy as np
import PIL.Image
import pytest
import soundfile

from deployments.errors import BadInput
from deployments.media import decode, decode_text, encode, resample
from deployments.values import Audio, Encoded, Image


def picture(mode="RGB", color=0, format="PNG", **options) -> bytes:
    buffer = BytesIO()
    PIL.Image.new(mode, (7, 5), color).save(buffer, format, **options)
    return buffer.getvalue()


def tone(seconds=0.5, rate=16_000, hertz=440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def sound(samples, rate=16_000, format="WAV", subtype=None) -> bytes:
    buffer = BytesIO()
    soundfile.write(buffer, samples, rate, format=format, subtype=subtype)
    return buffer.getvalue()


def test_an_image_survives_encoding_and_decoding_unchanged():
    """PNG is lossless, with and without an alpha channel."""
    for channels in (3, 4):
        pixels = np.random.default_rng(0).integers(0, 256, (9, 6, channels), dtype=np.uint8)
        encoded = encode(Image(pixels))
        assert encoded.media_type == "image/png"
        assert np.array_equal(decode(encoded, "image").pixels, pixels)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_every_accepted_image_format_decodes_to_rgb(format):
    """Each format comes out as uint8 [height, width, 3]."""
    image = decode(Encoded(picture(format=format, color=(200, 30, 40)), "image/any"), "image")
    assert image.pixels.shape == (5, 7, 3) and image.pixels.dtype == np.uint8
    assert abs(image.pixels[2, 3].astype(int) - (200, 30, 40)).max() < 16


@pytest.mark.parametrize(
    ("mode", "channels"),
    [("1", 3), ("L", 3), ("LA", 4), ("P", 3), ("RGBA", 4), ("CMYK", 3), ("I;16", 3), ("I", 3), ("F", 3)],
)
def test_every_pixel_format_becomes_rgb_or_rgba(mode, channels):
    """Transparency is kept where there is some."""
    image = decode(Encoded(picture(mode, format="TIFF"), "image/tiff"), "image")
    assert image.pixels.shape == (5, 7, channels)


def test_a_16_bit_image_is_scaled_rather_than_clipped():
    """Half of the 16-bit range is half of the 8-bit range."""
    buffer = BytesIO()
    PIL.Image.fromarray(np.array([[0, 0x8000, 0xFFFF]], dtype=np.uint16)).save(buffer, "PNG")
    pixels = decode(Encoded(buffer.getvalue(), "image/png"), "image").pixels
    assert pixels[0, :, 0].tolist() == [0, 128, 255]


def test_a_photo_is_turned_as_its_exif_says():
    """Orientation 6 means: turn by 90 degrees, so width and height change places."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    image = decode(Encoded(picture(format="JPEG", exif=exif), "image/jpeg"), "image")
    assert image.pixels.shape == (7, 5, 3)


def test_an_animation_decodes_to_its_first_frame():
    """The later frames play no part."""
    frames = [PIL.Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    buffer = BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    pixels = decode(Encoded(buffer.getvalue(), "image/gif"), "image").pixels
    assert pixels.shape == (4, 4, 3) and pixels[0, 0].tolist() == [255, 0, 0]


def test_postscript_is_not_decoded_even_when_called_an_image():
    """EPS would start Ghostscript."""
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    with pytest.raises(BadInput, match="damaged"):
        decode(Encoded(eps, "image/png"), "image")


@pytest.mark.parametrize(
    ("format", "subtype", "tolerance"),
    [
        ("WAV", "PCM_16", 1e-4),
        ("WAV", "FLOAT", 1e-6),
        ("WAVEX", "PCM_24", 1e-4),
        ("FLAC", "PCM_16", 1e-4),
        ("OGG", "VORBIS", 0.05),
    ],
)
def test_every_accepted_audio_format_decodes_to_mono(format, subtype, tolerance):
    """Channels are averaged, the rate is kept."""
    left = tone(rate=48_000)
    stereo = np.stack([left, np.zeros_like(left)], axis=1)
    audio = decode(Encoded(sound(stereo, 48_000, format, subtype), "audio/any"), "audio")
    assert audio.rate == 48_000 and audio.samples.dtype == np.float32
    assert np.abs(audio.samples - left / 2).max() < tolerance


def test_mp3_decodes():
    """A lossy format with its own padding: the length and loudness are about right."""
    audio = decode(Encoded(sound(tone(1.0), format="MP3"), "audio/mpeg"), "audio")
    assert abs(len(audio.samples) - 16_000) < 3_000
    assert 0.3 < np.abs(audio.samples).max() < 0.7


def test_audio_survives_encoding_and_is_clipped_not_wrapped():
    """A sample beyond full scale stays at full scale."""
    encoded = encode(Audio(np.array([0.0, 0.5, 3.0, -3.0], dtype=np.float32), 8_000))
    assert encoded.media_type == "audio/wav"
    audio = decode(encoded, "audio")
    assert np.abs(audio.samples - [0.0, 0.5, 1.0, -1.0]).max() < 1e-3 and audio.rate == 8_000


def test_resampling_keeps_the_tone_and_lets_nothing_alias():
    """A 440 Hz tone stays what it is; a 7 kHz tone vanishes at 8 kHz instead of folding back to 1 kHz."""
    low = resample(Audio(tone(rate=48_000), 48_000), 16_000)
    assert low.rate == 16_000 and np.abs(low.samples - tone(rate=16_000)).max() < 1e-3
    high = resample(Audio(tone(rate=16_000, hertz=7_000.0), 16_000), 8_000)
    assert len(high.samples) == 4_000 and np.abs(high.samples).max() < 1e-3


@pytest.mark.parametrize(
    "data",
    [
        "Grüße,\nWelt".encode(),
        b"\xef\xbb\xbf" + "Grüße,\r\nWelt".encode(),
        "Grüße,\nWelt".encode("utf-16"),
        "Grüße,\rWelt".encode("cp1252"),
    ],
)
def test_text_is_read_in_the_encodings_people_save_it_in(data):
    """UTF-8 with or without a byte order mark, UTF-16 with one, Windows-1252; line ends are made one."""
    assert decode(Encoded(data, "text/plain"), "text") == "Grüße,\nWelt"


@pytest.mark.parametrize("data", [b"abc\0def", b"\x01\x02\x03", b"\xff\x81\x8d", b"\xff\xfea\0\0"])
def test_bytes_that_are_no_text_are_refused(data):
    """Control characters, undefined bytes, half a UTF-16 character."""
    with pytest.raises(BadInput):
        decode_text(data)


@pytest.mark.parametrize(("media_type", "kind"), [("text/plain", "image"), ("image/png", "audio")])
def test_a_file_of_another_kind_is_refused(media_type, kind):
    """The message says what was expected and what came."""
    with pytest.raises(BadInput, match=f"expected {kind}.*{media_type}"):
        decode(Encoded(b"x", media_type), kind)


def test_video_says_that_it_is_not_supported():
    """There is no video decoder yet."""
    with pytest.raises(BadInput, match="not supported yet"):
        decode(Encoded(b"x", "video/mp4"), "video")


@pytest.mark.parametrize("kind", ["image", "audio"])
@pytest.mark.parametrize("cut", [0, 20, 300])
def test_a_damaged_file_is_bad_input(kind, cut):
    """Whatever the decoding library raises arrives as BadInput."""
    noise = np.random.default_rng(0)
    whole = {
        "image": encode(Image(noise.integers(0, 256, (64, 64, 3), dtype=np.uint8))).data,
        "audio": sound(noise.uniform(-1, 1, 8_000), format="FLAC"),
    }[kind]
    with pytest.raises(BadInput, match="damaged"):
        decode(Encoded(whole[:cut], f"{kind}/any"), kind)


def test_importing_media_loads_neither_torch_nor_ray():
    """Experts and controller import it on every cold start."""
    code = "import sys, deployments.media; print(*{'torch', 'ray', 'cv2', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
