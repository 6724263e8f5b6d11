"""`make run`: the applications of serve_config.yaml on a private Ray cluster, one request, then serving."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import signal
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import httpx2
from rich.console import Console

from cluster.private_ray import STOP_SIGNALS, PrivateRay, StartError, private_ray
from cluster.startup import Startup
from controller.cli import ask
from controller.client import Service, ServiceError
from controller.render import printable

if TYPE_CHECKING:
    from ray.serve.schema import ServeDeploySchema

SAMPLE = "Read this, summarise it in one sentence and say it aloud."
SAMPLE_FILE = Path(__file__).parent.parent / "examples" / "invoice.png"

# A hub model may have to be downloaded first.
_START_TIMEOUT_S = 1800.0
_READY_TIMEOUT_S = 120.0
_POLL_S = 0.25


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 once stopped, 1 where the start or the one request failed, 130 if interrupted before."""
    args = _parser().parse_args(argv)
    console = Console(stderr=True, highlight=False)
    for number in STOP_SIGNALS:
        signal.signal(number, _interrupt)
    try:
        return _run(args, console)
    except StartError as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    except (KeyboardInterrupt, SystemExit):  # while Ray starts, its own handler turns SIGTERM into SystemExit
        return 130


def _run(args: argparse.Namespace, console: Console) -> int:
    text, files = _request(args)
    config = _config(args)
    host, port = config.http_options.host, config.http_options.port
    _check_port(host, port)
    url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104
    try:
        with Startup(console) as startup, private_ray() as ray:
            startup.update("Ray cluster", "ready", f"dashboard {ray.dashboard}")
            try:
                _deploy(config, ray, startup)
                _wait_until_ready(url, startup)
            except Exception as error:
                raise StartError(f"{error}\nlogs: {ray.folder}") from error
            startup.done()
            answered = _ask(Service(url), text, files, console)
            if args.once:
                return 0 if answered else 1
            return _serve(url, ray, console)
    finally:
        console.print("stopped")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cluster.local", description=__doc__)
    option = parser.add_argument
    option(
        "--config",
        type=Path,
        default=Path("serve_config.yaml"),
        metavar="FILE",
        help="what runs (%(default)s)",
    )
    option("--host", help="address to listen on, instead of the config's")
    option("--port", type=int, help="port to listen on, instead of the config's")
    # From make they come in the environment, where no shell reads them a second time.
    option(
        "--ask",
        default=os.environ.get("HUGGINGGPT_ASK"),
        metavar="TEXT",
        help="request instead of the sample",
    )
    files = shlex.split(os.environ.get("HUGGINGGPT_FILES", ""))
    option("--file", action="append", default=files, metavar="FILE", help="file for it; may be given again")
    option("--once", action="store_true", help="stop after the answer")
    return parser


def _request(args: argparse.Namespace) -> tuple[str, list[Path]]:
    """The request to send, with its files."""
    if not args.ask:
        return SAMPLE, [SAMPLE_FILE]
    files = [Path(name) for name in args.file]
    if missing := [str(path) for path in files if not path.is_file()]:
        raise StartError(f"no such file: {', '.join(missing)}")
    return args.ask, files


def _config(args: argparse.Namespace) -> ServeDeploySchema:
    # Imported here: it takes Ray with it, which takes its time.
    from cluster.config import ConfigError, load

    try:
        config = load(args.config)
    except ConfigError as error:
        raise StartError(str(error)) from error
    given = {"host": args.host, "port": args.port}
    update = {name: value for name, value in given.items() if value is not None}
    config.http_options = config.http_options.model_copy(update=update)
    return config


def _check_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        # As servers do: a port that was closed a moment ago is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = error.strerror or str(error)
            raise StartError(
                f"cannot listen on {host}:{port} ({reason}); another one: make run PORT=8001"
            ) from error


def _deploy(config: ServeDeploySchema, ray: PrivateRay, startup: Startup) -> None:
    """Deploy as `serve deploy` does, so that a changed config can replace it, and wait until all runs."""
    from ray import serve
    from ray.dashboard.modules.serve.sdk import ServeSubmissionClient

    for app in config.applications:
        startup.update(app.name, "waiting")
    client = ServeSubmissionClient(ray.dashboard)
    client.deploy_applications(config.model_dump(mode="json", exclude_unset=True))
    deadline = time.monotonic() + _START_TIMEOUT_S
    # Serve tells nobody when a status changes, so it is asked.
    while time.monotonic() < deadline:
        apps = serve.status().applications
        for name, state in apps.items():
            messages = [deployment.message for deployment in state.deployments.values()]
            reason = _reason("".join(messages) or state.message)
            if state.status in ("DEPLOY_FAILED", "UNHEALTHY"):
                startup.update(name, "failed")
                raise StartError(f"application '{name}' did not start: {reason}")
            if state.status == "RUNNING":
                startup.update(name, "ready")
            else:
                startup.update(name, "starting", reason)
        if apps and all(state.status == "RUNNING" for state in apps.values()):
            return
        time.sleep(_POLL_S)
    late = [name for name, state in apps.items() if state.status != "RUNNING"]
    raise StartError(f"not started within {_START_TIMEOUT_S:g} s: {', '.join(late)}")


def _reason(message: str) -> str:
    """The exception at the end of a traceback; other messages as they are."""
    exceptions = list(re.finditer(r"^[\w.]+(Error|Exception|Failure)\b", message, re.MULTILINE))
    return printable(message[exceptions[-1].start() :] if exceptions else message).strip()


def _wait_until_ready(url: str, startup: Startup) -> None:
    """Wait for GET /healthz to answer 200: that the service can plan and reach its experts."""
    startup.update("service", "starting")
    deadline = time.monotonic() + _READY_TIMEOUT_S
    told = ""
    with httpx2.Client(trust_env=False, timeout=_READY_TIMEOUT_S) as client:
        # The route appears some time after its application runs; nobody tells when.
        while time.monotonic() < deadline:
            try:
                reply = client.get(f"{url}/healthz")
            except httpx2.TransportError as error:
                told = str(error)
            else:
                if reply.status_code == httpx2.codes.OK:
                    startup.update("service", "ready", url)
                    return
                told = f"{reply.status_code} {reply.text}"
            time.sleep(_POLL_S)
    raise StartError(f"the service is not ready after {_READY_TIMEOUT_S:g} s: {told}")


def _ask(service: Service, text: str, files: Sequence[Path], console: Console) -> bool:
    """Send the request and show how it goes; False where it failed."""
    named = "".join(f" [{path.name}]" for path in files)
    console.print(f"\n{text}{named}", style="bold", markup=False, soft_wrap=True)
    try:
        ask(service, text, files, Path("out"))
    except (ServiceError, OSError) as error:
        console.print(f"The request failed: {error}", style="red", markup=False, soft_wrap=True)
        return False
    return True


def _serve(url: str, ray: PrivateRay, console: Console) -> int:
    console.print(f"\nServing on {url}; Ctrl-C stops it.", style="bold")
    console.print(
        f"Ray dashboard: {ray.dashboard}; it asks for the token in {ray.token}", style="dim", soft_wrap=True
    )
    try:
        ray.wait()
    except KeyboardInterrupt:
        return 0
    raise StartError(f"the Ray cluster has ended; its logs are in {ray.folder}")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main())
