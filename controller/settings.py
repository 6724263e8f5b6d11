"""The controller's configuration, read in this one place: `args:` of its application in serve_config.yaml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


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


class Settings(_Settings):
    """`public_url` prefixes links to artifacts; without it they follow the request's own host."""

    store: StoreSettings
    limits: Limits = Limits()
    public_url: str | None = None
    step_timeout_s: float = Field(default=120, gt=0)
    request_timeout_s: float = Field(default=300, gt=0)
    # Requests one replica works on at once; more are answered 429.
    max_requests: int = Field(default=64, gt=0)
