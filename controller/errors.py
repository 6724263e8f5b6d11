"""Every way a request can go wrong, with its HTTP status and OpenAI error type and code.

HuggingGPTError                        500 server_error
├── RequestError                       400 invalid_request_error
│   ├── UnknownModel                   404
│   ├── UnknownFile                    404
│   ├── UnsupportedMedia               415
│   ├── TooLarge                       413
│   ├── FetchError                     400
│   └── PlanError                      422  the plan is not valid
├── CannotPlan                         422  the planner says so instead of guessing
├── NoExpert                           422  no deployed expert serves the task
├── PlanTimeout                        504
├── LLMError                           502  the language model gave nothing usable
│   ├── LLMTimeout                          no answer, or none in time
│   ├── LLMBusy                             it answered 429, after the client's retries
│   ├── LLMUnavailable                      it cannot be reached, failed, or broke off
│   ├── LLMRejected                         it does not take the request: key, model name, length
│   ├── LLMRefused                          a refusal, or its content filter
│   ├── LLMCutOff                           the answer reached the length limit
│   └── LLMEmpty                            the answer is empty
├── Busy                               429  with Retry-After
├── Unavailable                        503  the service is not ready
├── AllStepsFailed                     502
│   └── InputsFailed                   422  the inputs, or the want of an expert, are the cause
└── StepError                               why a step failed; a value in its record, never a reply
    ├── StepTimeout
    ├── ExpertBusy
    └── ExpertLost
"""

from __future__ import annotations

from typing import Any, ClassVar


class HuggingGPTError(Exception):
    """Base. `message` is for the user: what was wrong and what to do."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message, param)
        self.message = message
        self.param = param

    def __str__(self) -> str:
        return self.message

    def body(self) -> dict[str, Any]:
        """OpenAI's error shape."""
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return {"error": error}


class RequestError(HuggingGPTError):
    """The request is wrong; sending it again unchanged fails again."""

    status = 400
    type = "invalid_request_error"
    code = "invalid_request"


class UnknownModel(RequestError):
    status = 404
    code = "model_not_found"


class UnknownFile(RequestError):
    status = 404
    code = "file_not_found"


class UnsupportedMedia(RequestError):
    status = 415
    code = "unsupported_media"


class TooLarge(RequestError):
    status = 413
    code = "too_large"


class FetchError(RequestError):
    """A URL could not be fetched, or must not be."""

    code = "fetch_failed"


class PlanError(RequestError):
    """A plan is not valid; the message lists every fault."""

    status = 422
    code = "invalid_plan"


class CannotPlan(HuggingGPTError):
    """The planner does not understand the request well enough to plan it."""

    status = 422
    type = "invalid_request_error"
    code = "cannot_plan"


class NoExpert(HuggingGPTError):
    """No deployed expert serves a task."""

    status = 422
    type = "invalid_request_error"
    code = "no_expert"


class PlanTimeout(HuggingGPTError):
    status = 504
    code = "plan_timeout"


class LLMError(HuggingGPTError):
    """The language model gave nothing usable; the message names the stage it was asked in."""

    status = 502
    code = "llm_error"


class LLMTimeout(LLMError):
    code = "llm_timeout"


class LLMBusy(LLMError):
    code = "llm_busy"


class LLMUnavailable(LLMError):
    code = "llm_unavailable"


class LLMRejected(LLMError):
    code = "llm_rejected"


class LLMRefused(LLMError):
    code = "llm_refused"


class LLMCutOff(LLMError):
    code = "llm_cut_off"


class LLMEmpty(LLMError):
    code = "llm_empty"


class Busy(HuggingGPTError):
    status = 429
    type = "rate_limit_error"
    code = "busy"
    retry_after_s: ClassVar[int] = 2


class Unavailable(HuggingGPTError):
    status = 503
    code = "unavailable"


class AllStepsFailed(HuggingGPTError):
    """No step gave a result. `run` is the record of the request, as JSON."""

    status = 502
    code = "all_steps_failed"

    def __init__(self, message: str, run: dict[str, Any]) -> None:
        super().__init__(message)
        self.run = run

    def body(self) -> dict[str, Any]:
        return {**super().body(), "hugginggpt": self.run}


class InputsFailed(AllStepsFailed):
    """No step gave a result, and sending the same request again would not help."""

    status = 422
    type = "invalid_request_error"


class StepError(HuggingGPTError):
    """A step failed for a reason outside its input."""

    code = "step_failed"


class StepTimeout(StepError):
    code = "step_timeout"


class ExpertBusy(StepError):
    code = "expert_busy"


class ExpertLost(StepError):
    """The replica died or the deployment is not to be had."""

    code = "expert_lost"
