import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.config import BUILDERS, ConfigError, load, main
from deployments.task import tasks

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "serve_config.yaml"


def edited(folder: Path, path: str, value: Any) -> Path:
    """A copy of the real config with one place changed; numbers in the path are list indices."""
    config = yaml.safe_load(CONFIG.read_text())
    *parents, last = path.split(".")
    at = config
    for part in parents:
        at = at[int(part)] if part.isdigit() else at[part]
    at[last] = value
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    return file


def faults(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return caught.value.faults


def test_shipped_config_is_valid() -> None:
    """The config in the repository loads, with the controller at / and every expert without a route."""
    config = load(CONFIG)
    assert {app.name: app.route_prefix for app in config.applications if app.route_prefix} == {
        "hugginggpt": "/"
    }
    assert config.http_options.host == "127.0.0.1"


def test_shipped_config_bounds_queues_and_scales() -> None:
    """Every deployment states its queue bound, its autoscaling and its share of the machine."""
    for app in load(CONFIG).applications:
        for deployment in app.deployments:
            assert 0 < deployment.max_queued_requests <= 1000, app.name
            assert deployment.autoscaling_config is not None, app.name
            assert deployment.ray_actor_options.num_cpus is not None, app.name


def test_embedded_tasks_have_experts() -> None:
    """The tasks that need no download are all served by the shipped config."""
    experts = [app for app in load(CONFIG).applications if app.import_path == "deployments.expert:build"]
    served = {task for app in experts for task in app.args["tasks"]}
    assert served <= tasks().keys()
    assert served >= {
        "image-to-text",
        "text-to-speech",
        "summarization",
        "sentence-similarity",
        "canny-control",
    }


OCR = "applications.1"
OCR_DEPLOYMENT = f"{OCR}.deployments.0"


@pytest.mark.parametrize(
    ("path", "place", "hint"),
    [
        ("aplications", "top level", "did you mean 'applications'?"),
        ("http_options.prot", "http_options", "did you mean 'port'?"),
        (f"{OCR}.route", "applications[rapidocr]", "did you mean 'route_prefix'?"),
        (f"{OCR}.zzz", "applications[rapidocr]", "known: args, "),
        (f"{OCR}.args.licence", "applications[rapidocr].args", "did you mean 'license'?"),
        ("applications.0.args.store.uri", "applications[hugginggpt].args.store", "did you mean 'url'?"),
        (
            f"{OCR_DEPLOYMENT}.max_queued_request",
            "applications[rapidocr].deployments[Expert]",
            "did you mean 'max_queued_requests'?",
        ),
        (
            f"{OCR_DEPLOYMENT}.autoscaling_config.min_replica",
            "applications[rapidocr].deployments[Expert].autoscaling_config",
            "did you mean 'min_replicas'?",
        ),
        (
            f"{OCR_DEPLOYMENT}.ray_actor_options.num_gpu",
            "applications[rapidocr].deployments[Expert].ray_actor_options",
            "did you mean 'num_gpus'?",
        ),
    ],
)
def test_unknown_key_is_refused(tmp_path: Path, path: str, place: str, hint: str) -> None:
    """A key that nothing reads is refused at any depth, with its place and the nearest key that exists."""
    (fault,) = faults(edited(tmp_path, path, 1))
    assert fault.startswith(f"{place}: unknown key '{path.rpartition('.')[2]}'; {hint}")


@pytest.mark.parametrize(
    ("path", "value", "place", "reason"),
    [
        (f"{OCR}.args.tasks", ["read-minds"], "[rapidocr].args.tasks", "unknown task read-minds"),
        (f"{OCR}.args.engine", "tesseract", "[rapidocr].args.engine", "Input should be 'espeak'"),
        # What YAML makes of the commit 5312e10.
        (f"{OCR}.args.revision", 5312e10, "[rapidocr].args.revision", "Input should be a valid string"),
        ("applications.0.args.step_timeout_s", -1, "[hugginggpt].args.step_timeout_s", "Input should be"),
        ("applications.0.args.store", {}, "[hugginggpt].args.store.url", "Field required"),
        ("applications.2.name", "rapidocr", "", "Found multiple configs for application"),
        (f"{OCR}.route_prefix", "/", "", "Found duplicate applications for route prefix"),
        (f"{OCR_DEPLOYMENT}.name", "Expret", "[rapidocr]", "deployments.expert:build has no deployment 'Ex"),
        (
            f"{OCR_DEPLOYMENT}.max_queued_requests",
            "many",
            "[rapidocr].deployments[Expert].max_queued_requests",
            "Input should be a valid integer",
        ),
        (
            f"{OCR_DEPLOYMENT}.autoscaling_config.max_replicas",
            -2,
            "[rapidocr].deployments[Expert].autoscaling_config.max_replicas",
            "Input should be greater than 0",
        ),
    ],
)
def test_bad_value_is_refused(tmp_path: Path, path: str, value: Any, place: str, reason: str) -> None:
    """A value of the wrong type or outside its range is refused with its place."""
    found = faults(edited(tmp_path, path, value))
    assert any(fault.startswith(f"applications{place}: {reason}") for fault in found), found


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """Two mistakes in two applications are reported together."""
    once = edited(tmp_path, "applications.1.args.licence", "MIT").read_text()
    twice = tmp_path / "twice.yaml"
    twice.write_text(once.replace("engine: espeak", "engin: espeak"))
    found = " ".join(faults(twice))
    assert "'licence'" in found
    assert "'engin'" in found
    assert "applications[espeak].args.engine: Field required" in found


def test_key_given_twice_is_refused(tmp_path: Path) -> None:
    """YAML would keep the last of two equal keys; here that is an error."""
    file = tmp_path / "config.yaml"
    file.write_text("applications: []\nhttp_options: {port: 1, port: 2}\n")
    assert "key 'port' is given twice" in faults(file)[0]


@pytest.mark.parametrize("text", ["", "- 1\n", "applications: {}\n", "a: [\n", "applications: [1]\n"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    """What is no Serve config at all is refused too, without a traceback."""
    file = tmp_path / "config.yaml"
    file.write_text(text)
    assert faults(file)


def test_missing_file_is_named(tmp_path: Path) -> None:
    """A config that is not there is named."""
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read"):
        load(tmp_path / "none.yaml")


def test_builders_take_these_arguments_and_make_these_deployments() -> None:
    """What the check assumes about a builder is what its module has."""
    for app in load(CONFIG).applications:
        builder = BUILDERS[app.import_path]
        module, _, name = app.import_path.partition(":")
        built = getattr(importlib.import_module(module), name)(builder.args.model_validate(app.args))
        assert built._bound_deployment.name == builder.deployment


def test_command_reports_faults_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m cluster.config` exits 1 with one line per fault, naming the file; 0 where there is none."""
    file = edited(tmp_path, f"{OCR_DEPLOYMENT}.max_replica", 2)
    assert main([str(file), str(CONFIG)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{file}: applications[rapidocr].deployments[Expert]: unknown key 'max_replica'")
    assert main([str(CONFIG)]) == 0
