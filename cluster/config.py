"""serve_config.yaml, read strictly: Serve itself ignores unknown keys, so that a typo changes nothing."""

from __future__ import annotations

import argparse
import copy
import difflib
import sys
from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import yaml
from pydantic import BaseModel, ValidationError
from ray.serve.schema import ServeDeploySchema

from controller.settings import Settings
from deployments.identity import Identity


class Builder(NamedTuple):
    """What an application's import path takes as `args:`, and the deployment that it makes."""

    args: type[BaseModel]
    deployment: str


BUILDERS = {
    "controller.app:build": Builder(Settings, "Controller"),
    "deployments.expert:build": Builder(Identity, "Expert"),
}


class ConfigError(Exception):
    """A config cannot be used; the message names the file and, one a line, every fault."""

    def __init__(self, path: Path, faults: Iterable[str]) -> None:
        self.faults = list(faults)
        super().__init__("\n".join(f"{path}: {fault}" for fault in self.faults))


def load(path: Path) -> ServeDeploySchema:
    """Read and check a config. Raises ConfigError."""
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 (_Loader is a SafeLoader)
    except OSError as error:
        raise ConfigError(path, [f"cannot be read: {error.strerror}"]) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(path, [f"is not YAML: {' '.join(str(error).split())}"]) from error
    if not isinstance(raw, dict) or not isinstance(raw.get("applications"), list):
        raise ConfigError(path, ["needs a list of 'applications:'"])
    faults = [*_check(raw, ServeDeploySchema, ""), *_applications(raw["applications"])]
    if faults:
        raise ConfigError(path, dict.fromkeys(faults))
    return ServeDeploySchema.model_validate(raw)


class _Loader(yaml.SafeLoader):
    """Refuses a key given twice, of which YAML would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    problem=f"key '{key}' is given twice", problem_mark=node.start_mark
                )
        return super().construct_mapping(node, deep)


def _applications(applications: list[Any]) -> Iterator[str]:
    """Faults in what Serve passes on unseen: the builders' arguments and the names of deployments."""
    for number, app in enumerate(applications):
        builder = BUILDERS.get(str(app.get("import_path"))) if isinstance(app, dict) else None
        if builder is None:
            continue
        where = f"applications[{number}]"
        yield from _check(app.get("args") or {}, builder.args, f"{_place(where, applications)}.args")
        for deployment in app.get("deployments") or []:
            name = deployment.get("name") if isinstance(deployment, dict) else None
            if isinstance(name, str) and name != builder.deployment:
                yield (
                    f"{_place(where, applications)}: {app['import_path']} has no deployment '{name}', "
                    f"its only one is '{builder.deployment}'"
                )


def _check(value: Any, model: type[BaseModel], where: str) -> Iterator[str]:
    """Unknown keys and bad values of one mapping."""
    yield from _walk(value, model, where)
    try:
        # Serve's validators write into what they are given.
        model.model_validate(copy.deepcopy(value))
    except ValidationError as error:
        yield from _reasons(error, value, where)


def _walk(value: Any, model: type[BaseModel], where: str) -> Iterator[str]:
    """Keys, at any depth, that the model has no field for, and values that Serve would take unchecked."""
    if not isinstance(value, dict):
        return
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    for key, inner in value.items():
        path = f"{where}.{key}" if where else str(key)
        if key not in fields:
            close = difflib.get_close_matches(str(key), fields, n=1, cutoff=0.5)
            hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(sorted(fields))}"
            yield f"{where or 'top level'}: unknown key '{key}'; {hint}"
        elif (nested := _nested(fields[key].annotation)) and isinstance(inner, list):
            for number, item in enumerate(inner):
                yield from _walk(item, nested, _place(f"{path}[{number}]", inner))
        elif nested and isinstance(inner, dict):
            # Where Serve's own model takes `dict | Model` it never looks inside the dict.
            yield from _check(inner, nested, path)


def _nested(annotation: Any) -> type[BaseModel] | None:
    """The model inside `Model`, `Model | None`, `dict | Model` or `list[Model]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _nested(inner))), None)


def _place(where: str, items: list[Any]) -> str:
    """`applications[2]` with the name that a reader would look for instead of the number."""
    head, _, number = where.rpartition("[")
    item = items[int(number.rstrip("]"))]
    name = item.get("name") if isinstance(item, dict) else None
    return f"{head}[{name}]" if isinstance(name, str) else where


def _reasons(error: ValidationError, raw: Any, where: str) -> Iterator[str]:
    """What pydantic found, each with its place in the file; unknown keys are `_walk`'s."""
    for fault in error.errors(include_url=False, include_context=False):
        if fault["type"] == "extra_forbidden":
            continue
        place, at = where, raw
        for part in fault["loc"]:
            if isinstance(part, int) and isinstance(at, list):
                place, at = _place(f"{place}[{part}]", at), at[part]
            elif isinstance(at, dict) and (part in at or fault["type"] == "missing"):
                place, at = f"{place}.{part}" if place else str(part), at.get(part)
            # Anything else is pydantic's name for one branch of a union.
        message = fault["msg"].removeprefix("Value error, ")
        yield f"{place}: {message}" if place else message


def main(argv: Sequence[str] | None = None) -> int:
    """Check Serve config files: unknown keys, bad values, arguments that the builders refuse."""
    parser = argparse.ArgumentParser(prog="python -m cluster.config", description=main.__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    status = 0
    for path in parser.parse_args(argv).files:
        try:
            load(path)
        except ConfigError as error:
            print(error, file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    raise SystemExit(main())
