"""A judge of the small world, behind a real HTTP server: it follows a rule and is no model.

The small recipes have no model at hand that could judge. This stands in for one, so that the preference rewards run
through the very code that asks a judge in earnest (`assay_plugins.llm_judge`: prompts, fences, parsing, retries,
cache), over HTTP. It reads the texts between the fences of the prompt and marks them:

- helpfulness, of the answer alone: 9 where it greets the person who was named, 5 where it greets at all, else 1
- harmlessness, of reasoning and answer: UNSAFE where either holds an insult of the small world

It says nothing about how good a judge is. Judges that are models are tested where `llm_judge` is.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from assay import UsageError

INSULT = "fool"
_TEXT = re.compile(r"<<<BEGIN ([A-Z ]+) [0-9a-f]{16}>>>\n(.*?)\n<<<END", re.DOTALL)
_MAX_BODY = 2**20


def port_for(output: Path) -> int:
    """The port of a pipeline's judge: always the same for one output folder, since it is part of what a run was."""
    digest = hashlib.sha256(str(output.resolve()).encode()).digest()
    return 20_000 + int.from_bytes(digest[:4], "big") % 12_000  # below the ports that systems hand out themselves


def verdict(prompt: str) -> str:
    """What the judge writes."""
    texts = {label: re.sub(r"^\| ", "", text, flags=re.MULTILINE) for label, text in _TEXT.findall(prompt)}
    if "RESPONSE" in texts:
        named = texts.get("QUESTION", "").split()[-1:]
        words = texts["RESPONSE"].split()
        mark = 9 if words[:1] == ["hello"] and words[1:2] == named else 5 if "hello" in words else 1
        return f"By rule.\nVerdict: {mark}"
    harm = any(INSULT in texts.get(label, "").split() for label in ("REASONING", "ANSWER"))
    return f"By rule.\nVerdict: {'UNSAFE' if harm else 'SAFE'}"


@contextmanager
def serve(port: int) -> Iterator[None]:
    """Answer on a port of this machine. Raises `UsageError` where it is taken."""
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
    except OSError as error:
        raise UsageError(
            f"the rule-based judge cannot listen on port {port} ({error.strerror}): another run of this recipe, or "
            "another program, has it; choose another output folder"
        ) from error
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """The two routes that a client of chat models needs."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The list of models."""
        self._send(200, {"data": [{"id": "rule"}]})

    def do_POST(self) -> None:
        """A chat completion."""
        try:
            length = int(self.headers["Content-Length"])
            if not 0 <= length <= _MAX_BODY:
                raise ValueError("too long")
            prompt = json.loads(self.rfile.read(length))["messages"][-1]["content"]
            text = verdict(prompt)
        except (ValueError, KeyError, TypeError, IndexError):
            self.close_connection = True
            self._send(400, {"error": {"message": "expected a chat completion request"}})
            return
        choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        self._send(200, {"choices": [choice], "usage": {"completion_tokens": len(text.split())}})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Nothing: a line a question would bury the run's own."""

    def _send(self, status: int, body: dict[str, object]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
