"""The command line: `hugginggpt ask | plan | experts | eval`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from controller.client import DEFAULT_URL, Service, ServiceError
from controller.render import Board, printable, show_answer, show_experts, show_plan, show_steps
from controller.schema import Run


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0, 1 where the service failed the request, 2 for a command it does not understand."""
    argv = sys.argv[1:] if argv is None else argv
    parser = _parser(evaluation=argv[:1] == ["eval"])
    args = parser.parse_args(argv)
    unreadable = [str(path) for path in getattr(args, "file", ()) if not path.is_file()]
    if unreadable:
        parser.error(f"no such file: {', '.join(unreadable)}")
    try:
        return int(args.run(args))
    except (ServiceError, OSError) as error:
        print(f"hugginggpt: {printable(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def ask(service: Service, text: str, files: Sequence[Path], out: Path) -> Run:
    """Send a request; show its graph while it runs, then each step's result, the answer and the saved files.

    Progress goes to stderr, the answer to stdout. Raises ServiceError, OSError.
    """
    progress, stdout = Console(stderr=True, highlight=False), Console(highlight=False)
    run = None
    with Board(progress) as board:
        for update in service.ask(text, files):
            board.update(update)
            run = update.run
    assert run is not None  # the last update's
    show_steps(progress, run)
    show_answer(stdout, run.answer)
    for path in _save(service, run, out):
        stdout.print(f"saved {path}", markup=False, soft_wrap=True)
    return run


def _parser(evaluation: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hugginggpt", description="Ask a running HuggingGPT service.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    service = argparse.ArgumentParser(add_help=False)
    service.add_argument("--url", default=DEFAULT_URL, help="where the service runs (%(default)s)")
    request = argparse.ArgumentParser(add_help=False, parents=[service])
    request.add_argument("text", help="what to do, in plain language")
    file_help = "a file to send along; may be given again"
    request.add_argument("--file", action="append", default=[], type=Path, metavar="FILE", help=file_help)

    command = commands.add_parser("ask", parents=[request], help="have a request planned, run and answered")
    command.add_argument(
        "--out", type=Path, default=Path("out"), help="folder for produced files (%(default)s)"
    )
    command.add_argument("--json", action="store_true", help="print the answer and its record as JSON")
    command.set_defaults(run=_ask)
    command = commands.add_parser(
        "plan", parents=[request], help="show the plan of a request without running it"
    )
    command.set_defaults(run=_plan)
    command = commands.add_parser("experts", parents=[service], help="list the deployed experts")
    command.set_defaults(run=_experts)
    command = commands.add_parser("eval", help="measure how well requests are planned")
    if evaluation:
        # Only this command needs the planners and their data.
        from controller.evaluation.runner import add_arguments, evaluate

        add_arguments(command)
        command.set_defaults(run=evaluate)
    return parser


def _ask(args: argparse.Namespace) -> int:
    service = Service(args.url)
    if not args.json:
        ask(service, args.text, args.file, args.out)
        return 0
    *_, last = service.ask(args.text, args.file)
    assert last.run is not None
    files = [str(path) for path in _save(service, last.run, args.out)]
    record = last.run.model_dump(mode="json")
    json.dump({"answer": last.run.answer, "hugginggpt": record, "files": files}, sys.stdout, indent=2)
    print()
    return 0


def _plan(args: argparse.Namespace) -> int:
    show_plan(Console(highlight=False), Service(args.url).plan(args.text, args.file))
    return 0


def _experts(args: argparse.Namespace) -> int:
    show_experts(Console(highlight=False), Service(args.url).experts())
    return 0


def _save(service: Service, run: Run, out: Path) -> list[Path]:
    return [service.save(artifact, out) for step in run.steps for artifact in step.artifacts]
