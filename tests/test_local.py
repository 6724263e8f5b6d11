import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import uuid
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from ports import free_port

ROOT = Path(__file__).parent.parent
STAND_IN = """
from fastapi import FastAPI, HTTPException
from ray import serve

app = FastAPI()

@serve.deployment(ray_actor_options={"num_cpus": 0})
@serve.ingress(app)
class StandIn:
    @app.get("/healthz")
    def healthz(self):
        return {}

    @app.post("/v1/chat/completions")
    def chat(self):
        raise HTTPException(422, "not today")

@serve.deployment
class Broken:
    def __init__(self):
        raise ValueError("the weights are missing")

def build(args):
    return (Broken if args.get("broken") else StandIn).bind()
"""


class Runner:
    """Runs `python -m cluster.local` in a folder of its own and finds what it leaves behind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Every process that is started below inherits it.
        self._mark = uuid.uuid4().hex
        self.port = free_port()
        (folder / "stand_in.py").write_text(STAND_IN)

    def start(self, *args: str, **env: str) -> "subprocess.Popen[str]":
        own = {"HOME": str(self._folder), "PYTHONPATH": str(self._folder), "HUGGINGGPT_TEST": self._mark}
        return subprocess.Popen(
            [sys.executable, "-m", "cluster.local", "--port", str(self.port), *args],
            cwd=self._folder,
            env={**os.environ, **own, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *args: str, **env: str) -> tuple[int, str]:
        """Exit status and output."""
        process = self.start(*args, **env)
        output, _ = process.communicate(timeout=300)
        return process.returncode, output

    def config(self, **args: Any) -> Path:
        """A config with one small application instead of the real ones."""
        path = self._folder / "config.yaml"
        path.write_text(f"applications: [{{name: stand_in, import_path: 'stand_in:build', args: {args}}}]\n")
        return path

    def left(self) -> list[str]:
        """Processes that still run."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("HUGGINGGPT_TEST") == self._mark:
                    found.append(" ".join(process.cmdline()))
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found


def read_until(process: "subprocess.Popen[str]", pattern: str) -> str:
    """The output up to the first line that matches."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if re.search(pattern, line):
            return "".join(lines)
    raise AssertionError(f"ended without {pattern}:\n{''.join(lines)}")


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    runner = Runner(tmp_path)
    yield runner
    assert runner.left() == []


@pytest.mark.ray
def test_taken_port_is_told(runner: Runner) -> None:
    """Where the port is taken, one line says so and nothing is started."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", runner.port))
        other.listen()
        status, output = runner.run("--config", str(ROOT / "serve_config.yaml"))
    assert status == 1
    assert output.splitlines() == [
        f"cannot listen on 127.0.0.1:{runner.port} (Address already in use); another one: make run PORT=8001"
    ]


def test_missing_file_is_told(runner: Runner) -> None:
    """A missing file is named before anything starts; make's FILES are split as a shell would."""
    (runner.config().parent / "my sign.png").write_bytes(b"")
    status, output = runner.run(HUGGINGGPT_ASK="read them", HUGGINGGPT_FILES="'my sign.png' gone.png")
    assert status == 1
    assert output.splitlines()[0] == "no such file: gone.png"


@pytest.mark.ray
def test_faulty_config_is_told(runner: Runner) -> None:
    """A config with unknown keys starts nothing and every fault is told."""
    config = runner.config()
    config.write_text(config.read_text() + "http_option: {}\n")
    status, output = runner.run("--config", str(config))
    assert status == 1
    assert "unknown key 'http_option'; did you mean 'http_options'?" in output


@pytest.mark.ray
def test_failed_application_is_told_and_everything_stops(runner: Runner) -> None:
    """An application that does not start ends the run with its own reason; the logs are kept and named."""
    status, output = runner.run("--config", str(runner.config(broken=True)))
    assert status == 1
    assert "application 'stand_in' did not start: ValueError: the weights are missing" in output
    logs = re.search(r"^logs: (/tmp/hugginggpt-\S+)$", output, re.MULTILINE)
    assert logs is not None
    assert (Path(logs[1]) / "session_latest").is_dir()
    shutil.rmtree(logs[1])


@pytest.mark.ray
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_start_leaves_nothing(runner: Runner, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM while Ray is starting stop what was started."""
    process = runner.start("--config", str(runner.config()))
    read_until(process, "Ray cluster starting")
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert output.splitlines()[-1] == "stopped"


@pytest.mark.ray
def test_serves_until_interrupted(runner: Runner) -> None:
    """A failed request is told and the service goes on; Ctrl-C, even twice, stops it with status 0."""
    process = runner.start("--config", str(runner.config()))
    output = read_until(process, "Serving on")
    assert "The request failed: Error code: 422" in output
    assert httpx2.get(f"http://127.0.0.1:{runner.port}/healthz").status_code == 200
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.ray
@pytest.mark.model
def test_sample_request_is_answered(runner: Runner, tmp_path: Path) -> None:
    """The sample picture is read, summed up and spoken by the experts of the shipped config."""
    status, output = runner.run("--once", "--config", str(ROOT / "serve_config.yaml"))
    assert status == 0, output
    for expert in ("image-to-text by rapidocr", "by minilm", "by espeak"):
        assert expert in output
    assert "Please pay 754.00 EUR" in output
    (speech,) = (tmp_path / "out").glob("*.wav")
    with wave.open(str(speech)) as sound:
        assert sound.getnframes() / sound.getframerate() > 1


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the Makefile and an environment that seems installed; its python is the test's."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements.lock", "pyproject.toml", "cluster/install.sh", ".venv/installed"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".venv" / "bin").mkdir()
    return tmp_path


def outside_make() -> dict[str, str]:
    """The environment without what a make that runs these tests has put there."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}


def fake_python(project: Path, script: str) -> None:
    python = project / ".venv" / "bin" / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)


def test_make_passes_the_request_as_it_was_typed(project: Path) -> None:
    """Quotes, dollars and backquotes in ASK and FILES reach the program; nothing in them runs."""
    fake_python(project, """printf '%s\\n' "$HUGGINGGPT_ASK" "$HUGGINGGPT_FILES" "$*" """)
    text = r"""what's "5$" $(shell touch ran) `touch ran` ${HOME} $$ \n #?"""
    files = "'my sign.png' b.wav"
    done = subprocess.run(
        ["make", "run", f"ASK={text}", f"FILES={files}", "PORT=8001"],
        cwd=project,
        env=outside_make(),
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == [text, files, "-m cluster.local --port 8001"]
    assert not (project / "ran").exists()


def test_stopping_make_stops_the_service(project: Path) -> None:
    """A SIGTERM to make reaches the program itself, not a shell in between."""
    fake_python(project, "echo started; exec sleep 60")
    process = subprocess.Popen(
        ["make", "run", "PORT=8001"], cwd=project, env=outside_make(), stdout=subprocess.PIPE, text=True
    )
    read_until(process, "started")
    (program,) = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    process.communicate(timeout=10)
    gone, _ = psutil.wait_procs([program], timeout=10)
    assert gone == [program]


def test_missing_python_is_told(project: Path) -> None:
    """Where there is no Python 3.11, one line says so."""
    (project / ".venv" / "installed").unlink()
    shutil.copy(ROOT / "cluster" / "install.sh", project / "cluster" / "install.sh")
    tools = project / "tools"
    tools.mkdir()
    for name in ("make", "bash", "sh"):
        (tools / name).symlink_to(str(shutil.which(name)))
    (tools / "python3").symlink_to("/bin/false")
    done = subprocess.run(
        ["make", "test"], cwd=project, env={"PATH": str(tools)}, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert done.stderr.splitlines()[0] == (
        "make: Python 3.11 is needed and was not found (tried python3.11, python3 and python)"
    )
