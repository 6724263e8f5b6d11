"""The examples in docstrings are true."""

import doctest
import importlib

import pytest


@pytest.mark.parametrize("module", ["links", "partial", "plan", "prompts"])
def test_examples_run(module: str) -> None:
    """Every example of the module gives what it says."""
    result = doctest.testmod(importlib.import_module(f"controller.{module}"))
    assert result.attempted > 0
    assert result.failed == 0
