import base64
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from controller.cli import main
from controller.client import Service, Update, file_name
from controller.render import Board, printable, show_answer, show_experts

PLAN = [
    {"task": "image-to-text", "id": 0, "dep": [-1], "args": {"image": "sign.png"}},
    {"task": "text-to-speech", "id": 1, "dep": [0], "args": {"text": "<GENERATED>-0"}},
    {"task": "object-detection", "id": 2, "dep": [-1], "args": {"image": "sign.png"}},
]
RUN = {
    "request_id": "r1",
    "planner": "embedded",
    "plan": [{**step, "dep": [i for i in step["dep"] if i >= 0]} for step in PLAN],
    "steps": [
        {
            "task": "image-to-text",
            "id": 0,
            "dep": [],
            "args": {"image": "sign.png"},
            "request_id": "r1",
            "status": "ok",
            "expert": "rapidocr",
            "reason": "the only expert for it",
            "started": 0.1,
            "finished": 0.6,
            "text": "MIND THE \x1b[31mGAP",
        },
        {
            "task": "text-to-speech",
            "id": 1,
            "dep": [0],
            "args": {"text": "<GENERATED>-0"},
            "request_id": "r1",
            "status": "ok",
            "expert": "espeak",
            "started": 0.6,
            "finished": 0.7,
            "artifacts": [
                {
                    "id": "file-1",
                    "name": "../speech 1.wav",
                    "kind": "audio",
                    "media_type": "audio/wav",
                    "bytes": 4,
                    "url": "http://elsewhere.invalid/file-1",
                }
            ],
        },
        {
            "task": "object-detection",
            "id": 2,
            "dep": [],
            "args": {"image": "sign.png"},
            "request_id": "r1",
            "status": "failed",
            "error": {"code": "no_expert", "message": "no expert for object-detection is deployed"},
        },
    ],
    "timings": {"plan": 0.1, "select": 0.0, "execute": 0.6, "respond": 0.0, "total": 0.7},
    "answer": "The sign says **MIND THE GAP**.",
}
EXPERT: dict[str, Any] = {
    "name": "rapidocr",
    "identity": {"tasks": ["image-to-text"], "model": "PP-OCR", "revision": None},
    "health": "healthy",
    "message": "",
    "replicas": 1,
    "nodes": ["127.0.0.1"],
    "where": "warm",
}


class Server(ThreadingHTTPServer):
    """Speaks the service's protocol on a free port and keeps what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.received: list[tuple[str, Any]] = []
        self.plan = PLAN
        # What /v1/chat/completions answers: the chunks of a stream, or an error's status and body.
        self.chunks: list[dict[str, Any]] = []
        self.error: tuple[int, bytes] | None = None


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.received.append((self.path, None))
        if self.path == "/v1/experts":
            self._reply(200, json.dumps({"object": "list", "data": [EXPERT]}).encode())
        elif self.path == "/v1/files/file-1/content":
            self._reply(200, b"RIFF", "audio/wav")
        else:
            self._reply(404, b"Not Found", "text/plain")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.received.append((self.path, body))
        if self.server.error:
            self._reply(*self.server.error)
        elif self.path == "/tasks":
            self._reply(200, json.dumps(self.server.plan).encode(), note="no instruction found")
        else:
            events = [f"data: {json.dumps(chunk)}\n\n" for chunk in self.server.chunks]
            self._reply(200, "".join([*events, "data: [DONE]\n\n"]).encode(), "text/event-stream")

    def _reply(self, status: int, body: bytes, media_type: str = "application/json", note: str = "") -> None:
        self.send_response(status)
        self.send_header("X-HuggingGPT-Note", note)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def chunk(delta: dict[str, Any], finish: str | None = None, **extension: Any) -> dict[str, Any]:
    """A chat completion chunk in OpenAI's shape, with the service's extension fields."""
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "hugginggpt",
        "choices": choices,
        **extension,
    }


def step_event(number: int, status: str, **more: Any) -> dict[str, Any]:
    return {"type": "step", "step": {"id": number, "task": PLAN[number]["task"], "status": status, **more}}


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.chunks = [
        chunk({"role": "assistant"}),
        chunk({"reasoning_content": "Plan: 3 steps\n"}, hugginggpt_event={"type": "plan", "plan": PLAN}),
        chunk(
            {"reasoning_content": "0 image-to-text starts\n"},
            hugginggpt_event=step_event(0, "running", expert="rapidocr"),
        ),
        chunk({"content": RUN["answer"]}),
        chunk({}, "stop", hugginggpt=RUN),
    ]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def sign(tmp_path: Path) -> Path:
    path = tmp_path / "sign.png"
    path.write_bytes(b"\x89PNG bytes")
    return path


def test_ask_shows_progress_results_answer_and_files(
    server: Server, sign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a terminal, progress and steps go to stderr, the answer and saved files to stdout."""
    out = tmp_path / "out"
    assert main(["ask", "read it aloud", "--file", str(sign), "--out", str(out), "--url", server.url]) == 0
    stdout, stderr = capsys.readouterr()
    assert stdout == f"The sign says **MIND THE GAP**.\nsaved {out / 'speech_1.wav'}\n"
    assert "Plan: 3 steps" in stderr
    assert "0 image-to-text by rapidocr (the only expert for it) 0.50 s" in stderr
    assert "MIND THE [31mGAP" in stderr
    assert "no expert for object-detection is deployed" in stderr
    assert "\x1b" not in stdout + stderr


def test_ask_sends_files_under_their_names(server: Server, sign: Path, tmp_path: Path) -> None:
    """A file travels as a `file` part with its name, media type and bytes; the text as it was typed."""
    text = 'what\'s in "it" for $5? `now`'
    main(["ask", text, "--file", str(sign), "--out", str(tmp_path / "out"), "--url", server.url])
    path, body = server.received[0]
    assert path == "/v1/chat/completions"
    assert (body["model"], body["stream"]) == ("hugginggpt", True)
    words, file = body["messages"][0]["content"]
    assert words == {"type": "text", "text": text}
    assert file["file"]["filename"] == "sign.png"
    head, _, data = file["file"]["file_data"].partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(data) == sign.read_bytes()


def test_produced_files_come_by_id_and_overwrite_nothing(server: Server, tmp_path: Path) -> None:
    """A file is fetched from the service by its id, never from a link, and saved beside an older one."""
    (tmp_path / "speech_1.wav").write_bytes(b"mine")
    assert main(["ask", "say it", "--out", str(tmp_path), "--url", server.url]) == 0
    assert (tmp_path / "speech_1.wav").read_bytes() == b"mine"
    assert (tmp_path / "speech_1-1.wav").read_bytes() == b"RIFF"
    assert server.received[-1][0] == "/v1/files/file-1/content"


def test_ask_json_prints_json_alone(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--json` prints answer, record and saved files as one JSON document and nothing else."""
    assert main(["ask", "read it", "--json", "--out", str(tmp_path), "--url", server.url]) == 0
    stdout, stderr = capsys.readouterr()
    reply = json.loads(stdout)
    assert reply["answer"] == RUN["answer"]
    assert [step["status"] for step in reply["hugginggpt"]["steps"]] == ["ok", "ok", "failed"]
    assert reply["files"] == [str(tmp_path / "speech_1.wav")]
    assert stderr == ""


def test_plan_prints_the_steps(server: Server, sign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`plan` asks POST /tasks and prints a line per step with what it needs."""
    assert main(["plan", "read it aloud", "--file", str(sign), "--url", server.url]) == 0
    assert server.received[0][0] == "/tasks"
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["0\timage-to-text\t\timage: sign.png", "1\ttext-to-speech\t0\ttext: <GENERATED>-0"]


def test_plan_says_why_there_is_none(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """A request that cannot be planned fails the command with the planner's reason."""
    server.plan = []
    assert main(["plan", "hm", "--url", server.url]) == 1
    assert capsys.readouterr().err == "hugginggpt: no instruction found\n"


def test_empty_plan_is_shown_as_an_answer_alone(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Small talk has a plan without steps and an answer."""
    run = {**RUN, "plan": [], "steps": [], "answer": "Hello."}
    server.chunks = [
        chunk({"reasoning_content": "plan: nothing to run\n"}, hugginggpt_event={"type": "plan", "plan": []}),
        chunk({}, "stop", hugginggpt=run),
    ]
    assert main(["ask", "hi", "--out", str(tmp_path / "out"), "--url", server.url]) == 0
    assert capsys.readouterr().out == "Hello.\n"
    assert not (tmp_path / "out").exists()


def test_experts_lists_them(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """`experts` prints a line per deployed expert with its tasks, model and state."""
    assert main(["experts", "--url", server.url]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split("\t") == ["rapidocr", "image-to-text", "PP-OCR", "", "warm, 127.0.0.1", "1", "healthy"]


@pytest.mark.parametrize("command", [["ask", "hello"], ["plan", "hello"], ["experts"]])
def test_unreachable_service_is_one_line(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Where no service listens, every command fails with one line that says how to start it."""
    stopped = Server()
    stopped.server_close()
    assert main([*command, "--url", stopped.url]) == 1
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    (line,) = stderr.splitlines()
    assert line.startswith(f"hugginggpt: cannot reach {stopped.url}")
    assert "make run" in line


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            (422, b'{"error": {"message": "the image is broken", "type": "t", "param": null, "code": "c"}}'),
            "hugginggpt: the image is broken",
        ),
        ((503, b"Service Unavailable"), "hugginggpt: Error code: 503"),
        ((200, b"<html>another server</html>"), "did not answer as a HuggingGPT service does"),
    ],
)
def test_refusal_is_one_line(
    server: Server, error: tuple[int, bytes], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error of the service, in OpenAI's shape or not, fails the command with its message on one line."""
    server.error = error
    assert main(["ask", "hello", "--url", server.url]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line


def test_error_in_the_stream_fails_the_command(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """An error that arrives after progress fails the command with its message, and nothing is sent again."""
    server.chunks = [
        server.chunks[1],
        {"error": {"message": "no step gave a result", "code": "all_steps_failed"}},
    ]
    assert main(["ask", "hello", "--url", server.url]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "hugginggpt: no step gave a result"
    assert len(server.received) == 1


def test_stream_without_record_fails(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """A stream that ends before the record is a failure, not an empty answer."""
    server.chunks.pop()
    assert main(["ask", "hello", "--url", server.url]) == 1
    assert "did not answer as" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv", [[], ["ask"], ["ask", "x", "--file", "none.png"], ["dance"], ["ask", "x", "--loud"]]
)
def test_usage_error_is_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A command line that makes no sense, or names a missing file, exits 2 before anything is sent."""
    with pytest.raises(SystemExit) as exit:
        main(argv)
    assert exit.value.code == 2
    assert capsys.readouterr().err.startswith("usage: hugginggpt")


def test_board_follows_the_graph_in_a_terminal() -> None:
    """In a terminal each step is a row whose mark, expert and result change as news arrives, in any order."""
    terminal = Console(file=io.StringIO(), force_terminal=True, width=120, color_system=None)
    board = Board(terminal)

    def rows() -> list[str]:
        with terminal.capture() as drawn:
            terminal.print(board)
        return [line.rstrip() for line in drawn.get().splitlines() if line.strip()]

    assert "planning" in rows()[0]
    board.update(Update(event=step_event(0, "running", expert="rapidocr")))
    board.update(Update(event={"type": "plan", "plan": PLAN}))
    *_, first, second, _third = rows()
    assert "image-to-text" in first and "rapidocr" in first
    assert second.split() == ["·", "1", "text-to-speech", "0"]
    board.update(Update(event=step_event(0, "ok", text="MIND\nTHE GAP", started=0.0, finished=1.5)))
    assert next(line for line in rows() if "rapidocr" in line).split() == [
        "✔", "0", "image-to-text", "rapidocr", "1.50", "s", "MIND", "THE", "GAP",
    ]  # fmt: skip


def test_answer_is_markdown_in_a_terminal_and_plain_elsewhere() -> None:
    """Markdown is rendered for a person and left as it is for a pipe."""
    for is_terminal, expected in ((True, "bold text"), (False, "**bold** text")):
        drawn = io.StringIO()
        show_answer(
            Console(file=drawn, force_terminal=is_terminal, width=80, color_system=None), "**bold** text"
        )
        assert drawn.getvalue().strip() == expected


def test_table_of_experts_is_free_of_markup() -> None:
    """What experts say of themselves is shown as it is, never read as the terminal library's markup."""
    console = Console(file=io.StringIO(), force_terminal=True, width=160, color_system=None)
    with console.capture() as drawn:
        show_experts(console, [{**EXPERT, "message": "[red]x[/red]"}])
    assert "[red]x[/red]" in drawn.get()


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("speech.wav", "speech.wav"),
        ("../../etc/passwd", "passwd"),
        ("..\\evil.exe", "evil.exe"),
        (".bashrc", "bashrc"),
        ("-rf", "rf"),
        ("a b$(x).png", "a_b_x_.png"),
        ("été.png", "été.png"),
        ("/", "file"),
        ("..", "file"),
        ("", "file"),
    ],
)
def test_file_name_is_safe(name: str, safe: str) -> None:
    """A produced file's name cannot leave its folder, hide, or be read as an option."""
    assert file_name(name) == safe


def test_printable_keeps_words_and_drops_controls() -> None:
    """Escape sequences lose their escape; line breaks, tabs and every script stay."""
    assert printable("a\x1b]0;owned\x07\x9b2Jb\n\tçà") == "a]0;owned2Jb\n\tçà"


def test_closing_a_request_ends_it(server: Server) -> None:
    """A request can be given up in the middle without an error."""
    updates = Service(server.url).ask("hello", [])
    next(updates)
    updates.close()  # type: ignore[attr-defined]
