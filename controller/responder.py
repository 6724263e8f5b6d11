"""Stage 4, response generation: the answer in plain language."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from controller.schema import Request, StepResult


class Responder(Protocol):
    def respond(
        self, request: Request, results: Sequence[StepResult], notes: Sequence[str]
    ) -> AsyncIterator[str]:
        """The answer in pieces.

        notes: what the user should know about how it went, such as why nothing could be planned. Neither
        results nor notes means that there was no task in the request.
        """
