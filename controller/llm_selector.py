"""Stage 2 by a language model: the expert is chosen in context, among the best-ranked candidates."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ValidationError

from controller import prompts
from controller.errors import LLMError, PlanError
from controller.fleet import Expert
from controller.llm import LLM
from controller.partial import Named, Scanner, parsed
from controller.schema import Request, Step
from controller.selector import Choice


class LLMSelector:
    """Asks once, and once more where the answer names no candidate; then the best-ranked is taken.

    top_k: how many candidates the model sees. The others come last among the spares.
    """

    def __init__(self, llm: LLM, top_k: int = 5) -> None:
        self._llm = llm
        self._top_k = top_k

    async def select(self, request: Request, step: Step, candidates: Sequence[Expert]) -> Choice:
        """Never fails: the reason says where the model could not choose."""
        if len(candidates) == 1:
            return Choice(candidates[0], "the only expert for the task")
        try:
            chosen, reason = await self._ask(request, step, candidates[: self._top_k])
        except LLMError as error:
            chosen, reason = candidates[0], f"ranked first of {len(candidates)}; {error.message}"
        return Choice(chosen, reason, tuple(expert for expert in candidates if expert is not chosen))

    async def _ask(self, request: Request, step: Step, shown: Sequence[Expert]) -> tuple[Expert, str]:
        messages = prompts.selection(request, step, shown)
        schema = prompts.selection_schema(shown)
        for _ in range(2):
            text = await self._llm.complete("select", messages, schema)
            answer = _read(text)
            for expert in shown:
                if answer is not None and answer.id in (expert.name, expert.identity.model):
                    return expert, answer.reason or f"chosen by {self._llm.model('select')}"
            ids = ", ".join(expert.name for expert in shown)
            again = f'That names none of the candidates. Reply with the "id" of one of them: {ids}'
            messages += [{"role": "assistant", "content": text}, {"role": "user", "content": again}]
        return shown[0], "ranked first; the language model named none of the candidates, twice"


class _Answer(BaseModel):
    id: str
    reason: str = ""


def _read(text: str) -> _Answer | None:
    for found in Scanner(key="id").feed(text):
        if not isinstance(found, Named):
            try:
                return _Answer.model_validate(parsed(found))
            except (PlanError, ValidationError):
                return None
    return None
