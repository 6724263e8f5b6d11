"""Which files a model is loaded from, and that they are the pinned ones."""

from __future__ import annotations

import os
import re
from pathlib import Path

from deployments.identity import Identity

# Else transformers has a public service convert a model that lacks safetensors, and sends it the token.
os.environ["DISABLE_SAFETENSORS_CONVERSION"] = "1"

_SHA = re.compile(r"[0-9a-f]{40}")


def source(identity: Identity) -> tuple[str, str | None]:
    """The folder to load, or the hub id and its revision.

    Raises ValueError where a hub id comes without the SHA of a commit, or a folder without safetensors.
    """
    folder = Path(identity.model).expanduser()
    if folder.is_dir():
        if not any(folder.glob("*.safetensors")):
            raise ValueError(
                f"{folder} holds no .safetensors file; other weight files can run code and are not read"
            )
        return str(folder.resolve()), None
    if not re.fullmatch(r"[\w.-]+(?:/[\w.-]+)?", identity.model):
        raise ValueError(f"'{identity.model}' is neither a folder on this machine nor a hub id")
    if not _SHA.fullmatch(identity.revision or ""):
        raise ValueError(
            f"{identity.model} needs `revision:`, the 40 hex digits of a commit on the hub, "
            f"not {identity.revision!r}: a branch or a tag may change under it"
        )
    return identity.model, identity.revision
