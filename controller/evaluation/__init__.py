"""How well does a planner plan: `hugginggpt eval`, with the measurements of the paper and of TaskBench."""
