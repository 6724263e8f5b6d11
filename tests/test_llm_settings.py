"""Where the language model comes from: the configuration, then the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cluster.config import load
from controller.settings import Settings, llm_endpoint

ROOT = Path(__file__).parent.parent
ENVIRONMENT = {"OPENAI_BASE_URL": "http://env/v1", "OPENAI_MODEL": "env-model", "OPENAI_API_KEY": "env-key"}


def settings(**values: Any) -> Settings:
    return Settings.model_validate({"store": {"url": "memory://"}, **values})


def endpoint(environ: dict[str, str], **values: Any) -> tuple[str, str, str] | None:
    found = llm_endpoint(settings(**values), environ)
    return None if found is None else (found[0].base_url, found[0].model, found[1].get_secret_value())


def test_without_configuration_there_is_none() -> None:
    """An API key alone names no model."""
    assert endpoint({}) is None
    assert endpoint({"OPENAI_API_KEY": "k"}) is None


def test_the_environment_is_enough() -> None:
    """OPENAI_MODEL makes one, at OPENAI_BASE_URL or OpenAI's own."""
    assert endpoint(ENVIRONMENT) == ("http://env/v1", "env-model", "env-key")
    assert endpoint({"OPENAI_MODEL": "m"}) == ("https://api.openai.com/v1", "m", "none")


def test_the_configuration_goes_before_the_environment() -> None:
    """What `llm:` says counts; what it leaves out comes from the environment."""
    llm = {"base_url": "http://conf/v1", "model": "conf-model", "api_key_env": "MY_KEY"}
    assert endpoint({**ENVIRONMENT, "MY_KEY": "mine"}, llm=llm) == ("http://conf/v1", "conf-model", "mine")
    assert endpoint(ENVIRONMENT, llm={"context_length": 4096}) == ("http://env/v1", "env-model", "env-key")


def test_the_embedded_planner_keeps_the_environment_out() -> None:
    """With `planner: embedded` only an explicit `llm:` answers and selects."""
    assert endpoint(ENVIRONMENT, planner="embedded") is None
    assert endpoint(ENVIRONMENT, planner="embedded", llm={}) == ("http://env/v1", "env-model", "env-key")


@pytest.mark.parametrize("values", [{"planner": "llm"}, {"llm": {"base_url": "http://conf/v1"}}])
def test_a_model_that_is_wanted_must_be_named(values: dict[str, Any]) -> None:
    """Half a configuration is an error, not a silent fall-back."""
    with pytest.raises(ValueError, match="OPENAI_MODEL"):
        endpoint({"OPENAI_BASE_URL": "http://env/v1"}, **values)


@pytest.mark.parametrize(
    "llm",
    [{"api_key": "sk-123"}, {"api_key_env": "sk-123"}, {"models": {"planning": "m"}}, {"idle_timeout_s": 0}],
)
def test_mistakes_in_the_configuration_are_refused(llm: dict[str, Any]) -> None:
    """A key in place of its variable's name, unknown stages and impossible times are told at once."""
    with pytest.raises(ValidationError):
        settings(llm=llm)


def test_the_key_is_not_shown() -> None:
    """Neither the settings nor the key's own representation holds it."""
    assert "env-key" not in repr(llm_endpoint(settings(), ENVIRONMENT))


def test_the_config_with_a_model_on_the_cluster_fits_together() -> None:
    """The controller asks the model by its route and name, and the experts are those of serve_config.yaml."""
    config, plain = (load(ROOT / name) for name in ("cluster/llm.yaml", "serve_config.yaml"))
    apps = {app.name: app for app in config.applications}
    llm = Settings.model_validate(apps["hugginggpt"].args).llm
    assert llm is not None
    [served] = apps["llm"].args["llm_configs"]
    assert llm.base_url == f"http://127.0.0.1:{config.http_options.port}{apps['llm'].route_prefix}/v1"
    assert llm.model == served["model_loading_config"]["model_id"]
    assert llm.context_length <= served["engine_kwargs"]["max_model_len"]
    experts = {app.name: app.args for app in plain.applications if app.name != "hugginggpt"}
    assert {name: apps[name].args for name in experts} == experts
