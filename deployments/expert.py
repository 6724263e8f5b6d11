"""The Serve deployment that runs one expert model; every expert's application is built here."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ray import serve

from deployments.call import Call, bind
from deployments.engine import load
from deployments.errors import BadInput, ExpertError, ModelFailure
from deployments.identity import Identity
from deployments.task import tasks
from deployments.values import Encoded, Output

logger = logging.getLogger("ray.serve")

# The controller finds experts by the name of this deployment, whatever their applications are called.
DEPLOYMENT = "Expert"
# Demanding safetensors of a repo without them would post its id, and the hub token, to a conversion service.
_ENVIRONMENT = {"env_vars": {"DISABLE_SAFETENSORS_CONVERSION": "1"}}


class Expert:
    """One replica holds one loaded model. Its identity is its user_config; the controller reads it there."""

    def reconfigure(self, config: dict[str, Any]) -> None:
        """Load the model. Serve calls this once the replica is made, before it gets any call."""
        self._identity = Identity.model_validate(config)
        self._engine = load(self._identity)
        # Models are not thread-safe: one call at a time, off the event loop so that it stays cancellable.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=self._identity.engine)

    async def run(self, call: Call, *upstream: Output | Encoded) -> Output:
        """Run one task. Raises BadInput, ModelFailure; what else the model raised is in the log."""
        logger.info("request %s step %d: %s", call.request_id, call.step, call.task)
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._predict, call, upstream)
        except ExpertError:
            raise
        except Exception as error:
            logger.exception("request %s step %d: %s failed", call.request_id, call.step, call.task)
            message = f"{self._identity.model} failed ({type(error).__name__}: {error})"
            raise ModelFailure(message[:300]) from None

    async def ping(self) -> None:
        """Nothing; a call of it starts a replica where there is none."""

    def _predict(self, call: Call, upstream: tuple[Output | Encoded, ...]) -> Output:
        if call.task not in self._identity.tasks:
            raise BadInput(f"this expert serves {', '.join(self._identity.tasks)}, not {call.task}")
        return self._engine.predict(call.task, bind(tasks()[call.task], call, upstream))


def build(args: dict[str, Any]) -> serve.Application:
    """The application of one expert, from the `args:` of its entry in the configuration: an Identity."""
    deployment = serve.deployment(
        name=DEPLOYMENT,
        user_config=Identity.model_validate(args).model_dump(mode="json"),
        ray_actor_options={"runtime_env": _ENVIRONMENT},
    )
    return deployment(Expert).bind()
