"""Plans everyday requests without an LLM, and refuses rather than guesses."""

from controller.embedded.planner import EmbeddedPlanner

__all__ = ["EmbeddedPlanner"]
