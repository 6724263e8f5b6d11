"""The controller's configuration, read in this one place: `args:` of its application in serve_config.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreSettings(_Settings):
    """Where uploads, artifacts and run records live: any fsspec URL."""

    url: str = Field(min_length=1)
    lifetime_s: float = Field(default=86_400, gt=0)


class Limits(_Settings):
    """What one attached file, and one request, may weigh; checked before anything is decoded."""

    file_bytes: int = Field(default=20_000_000, gt=0)
    request_bytes: int = Field(default=60_000_000, gt=0)
    request_files: int = Field(default=16, gt=0)
    image_pixels: int = Field(default=40_000_000, gt=0)
    audio_seconds: float = Field(default=600, gt=0)
    text_chars: int = Field(default=100_000, gt=0)
    fetch_timeout_s: float = Field(default=10, gt=0)
    plan_steps: int = Field(default=32, gt=0)


# Where the language model is asked something; `execute` is a text task that goes to it.
Stage = Literal["plan", "select", "execute", "respond"]


class LLMSettings(_Settings):
    """An OpenAI-compatible endpoint. Seconds; lengths in tokens.

    api_key_env: the name of the environment variable that holds the key, never the key itself.
    models: stages that another model of the endpoint serves than `model`.
    """

    # Empty: what OPENAI_BASE_URL and OPENAI_MODEL say.
    base_url: str = ""
    model: str = ""
    api_key_env: str = Field(default="OPENAI_API_KEY", pattern="^[A-Za-z_][A-Za-z0-9_]*$")
    models: dict[Stage, str] = {}
    context_length: int = Field(default=16_384, ge=1024)
    temperature: float | None = Field(default=0.0, ge=0)
    connect_timeout_s: float = Field(default=5, gt=0)
    # Until the first piece of an answer; between two, no longer than that; for all of it, with retries.
    first_token_timeout_s: float = Field(default=60, gt=0)
    idle_timeout_s: float = Field(default=30, gt=0)
    total_timeout_s: float = Field(default=180, gt=0)
    max_retries: int = Field(default=2, ge=0)


class Settings(_Settings):
    """`public_url` prefixes links to artifacts; without it they follow the request's own host."""

    store: StoreSettings
    limits: Limits = Limits()
    public_url: str | None = None
    step_timeout_s: float = Field(default=120, gt=0)
    request_timeout_s: float = Field(default=300, gt=0)
    # Requests one replica works on at once; more are answered 429.
    max_requests: int = Field(default=64, gt=0)
    # `auto` takes the LLM where one is configured, and the embedded planner where that fails.
    planner: Literal["auto", "llm", "embedded"] = "auto"
    llm: LLMSettings | None = None


def llm_endpoint(settings: Settings, environ: Mapping[str, str]) -> tuple[LLMSettings, SecretStr] | None:
    """The language model and its key: what `llm:` says, the rest from OPENAI_BASE_URL and OPENAI_MODEL.

    None where none is configured; with `planner: embedded` the environment alone configures none.
    Raises ValueError where one is wanted and no model is named.
    """
    if settings.llm is None and settings.planner == "embedded":
        return None
    llm = settings.llm or LLMSettings()
    model = llm.model or environ.get("OPENAI_MODEL", "")
    if not model:
        if settings.llm is None and settings.planner == "auto":
            return None
        raise ValueError("a language model is wanted but not named: set `llm: {model: …}` or OPENAI_MODEL")
    base_url = llm.base_url or environ.get("OPENAI_BASE_URL", "") or "https://api.openai.com/v1"
    # Local servers ask for no key, but the client insists on one.
    key = environ.get(llm.api_key_env) or "none"
    return llm.model_copy(update={"model": model, "base_url": base_url}), SecretStr(key)
