"""Engines: the code that loads a model and runs it, one file each."""
