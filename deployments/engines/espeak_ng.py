"""Speech by espeak-ng (GPL-3.0), as the shared library of the espeakng-loader package."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Mapping
from typing import Any, ClassVar

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

from deployments.engine import BaseEngine
from deployments.errors import BadInput, ModelFailure
from deployments.identity import Identity
from deployments.values import Audio, Output

# From speak_lib.h: hand samples to a callback and return when all is spoken.
_SYNCHRONOUS = 2
_POSITION_CHARACTER = 1
_UTF8 = 1
# Without it a missing data folder ends the process.
_DONT_EXIT = 0x8000

# The voice when none is asked for.
_DEFAULT = "en-us"
# How people name a language where espeak-ng names it otherwise; its own names and codes need no entry.
_NAMES = {
    "american": "en-us",
    "american english": "en-us",
    "us english": "en-us",
    "belgian french": "fr-be",
    "brazilian": "pt-br",
    "brazilian portuguese": "pt-br",
    "british": "en-gb",
    "british english": "en-gb",
    "uk english": "en-gb",
    "cantonese": "yue",
    "castilian": "es",
    "deutsch": "de",
    "english": "en-us",
    "español": "es",
    "farsi": "fa",
    "flemish": "nl",
    "français": "fr-fr",
    "irish": "ga",
    "italiano": "it",
    "latin american spanish": "es-419",
    "mandarin": "cmn",
    "mexican": "es-419",
    "mexican spanish": "es-419",
    "norwegian": "nb",
    "português": "pt",
    "scottish": "en-gb-scotland",
    "swiss french": "fr-ch",
    "zh": "cmn",
}
_FEMALE = re.compile(r"\b(female|woman|woman's|girl|lady)\b")
_FILLERS = re.compile(
    r"\b(a|an|in|with|the|female|woman|woman's|girl|lady|male|man|man's|boy|voice|accent|speaker|language)\b"
)
# An hour of speech is 160 MB of WAV; nobody asks for that aloud.
_MAX_SECONDS = 1800


class _Voice(ctypes.Structure):
    """espeak_VOICE; `languages` begins with one byte of priority."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Engine(BaseEngine):
    """The library keeps its state in globals: one engine a process, one call at a time."""

    tasks: ClassVar[frozenset[str]] = frozenset({"text-to-speech"})

    def __init__(self, identity: Identity) -> None:
        self._lib = ctypes.CDLL(espeakng_loader.get_library_path())
        self._rate: int = self._lib.espeak_Initialize(
            _SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), _DONT_EXIT
        )
        if self._rate <= 0:
            raise RuntimeError("espeak-ng could not be initialised: its data folder is missing or damaged")
        self._voices = self._list_voices()
        self._chunks: list[bytes] = []
        self._samples = 0
        # The library keeps only the address: the object must outlive it.
        self._callback = _CALLBACK(self._receive)
        self._lib.espeak_SetSynthCallback(self._callback)

    def predict(self, task: str, inputs: Mapping[str, Any]) -> Output:
        text = str(inputs["text"]).strip()
        if not any(char.isalnum() for char in text):
            raise BadInput("there is no text to speak")
        name, voice = self._voice(str(inputs.get("language", "")))
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ModelFailure(f"espeak-ng could not load its voice {name}")
        samples = self._speak(text)
        audio = Audio(samples, self._rate)
        seconds = round(len(samples) / self._rate, 2)
        return Output(data={"voice": name, "seconds": seconds, "rate": self._rate}, text=text, audio=audio)

    def _speak(self, text: str) -> NDArray[np.float32]:
        self._chunks.clear()
        self._samples = 0
        # A nul would end the text early.
        spoken = text.replace("\0", " ").encode()
        status = self._lib.espeak_Synth(
            spoken, ctypes.c_size_t(len(spoken) + 1), 0, _POSITION_CHARACTER, 0, _UTF8, None, None
        )
        if self._samples > _MAX_SECONDS * self._rate:
            raise BadInput(f"the text is too long to speak: more than {_MAX_SECONDS // 60} minutes")
        if status != 0 or not self._samples:
            raise ModelFailure("espeak-ng produced no sound for this text")
        pcm = np.frombuffer(b"".join(self._chunks), dtype=np.int16)
        return pcm.astype(np.float32) / np.float32(32768)

    def _receive(self, wave: Any, count: int, events: int | None) -> int:
        """Called by the library with samples; a 1 in return tells it to stop."""
        if wave and count > 0:
            self._chunks.append(ctypes.string_at(wave, 2 * count))
            self._samples += count
        return int(self._samples > _MAX_SECONDS * self._rate)

    def _list_voices(self) -> dict[str, tuple[str, str]]:
        """Language code → (name, identifier), as the library lists them."""
        self._lib.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        listed = self._lib.espeak_ListVoices(None)
        voices: dict[str, tuple[str, str]] = {}
        index = 0
        while listed[index]:
            voice = listed[index].contents
            code = voice.languages[1:].decode().casefold()
            voices.setdefault(code, (voice.name.decode().strip(), voice.identifier.decode()))
            index += 1
        return voices

    def _voice(self, wish: str) -> tuple[str, str]:
        """(name, what espeak_SetVoiceByName takes) for a language code or name, "" for the default.

        Raises BadInput where there is no such voice.
        """
        wanted = wish.strip().strip(".").casefold().replace("_", "-")
        language = " ".join(_FILLERS.sub(" ", wanted).split())
        code = _NAMES.get(language, language) or _DEFAULT
        found = self._voices.get(code) or self._named(code)
        if found is None:
            some = "English, French, German, Spanish, Italian, Portuguese, Dutch, Polish, Russian, Chinese"
            raise BadInput(
                f"there is no voice for '{wish}'; {len(self._voices)} voices are there, such as {some}, "
                "by name or by code (fr, en-gb)"
            )
        name, identifier = found
        female = _FEMALE.search(wanted) is not None
        return (f"{name}, female", f"{identifier}+f3") if female else (name, identifier)

    def _named(self, language: str) -> tuple[str, str] | None:
        """The plainest voice of a language: of roa/fr, roa/fr-BE and roa/fr-CH the first."""
        words = set(re.findall(r"\w+", language))
        matches = [
            voice
            for code, voice in self._voices.items()
            if words
            and (words <= set(re.findall(r"\w+", voice[0].casefold())) or code.startswith(f"{language}-"))
        ]
        return min(matches, key=lambda voice: len(voice[1]), default=None)
