"""Expert models: what a task is, what flows between tasks, and the Serve deployment that runs one model."""
