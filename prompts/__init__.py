"""Prompt templates and few-shot plans, as data; this package only gives them an import path."""
