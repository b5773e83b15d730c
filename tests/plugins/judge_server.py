"""A scripted judge behind a real HTTP server, and a judge by rule that keeps to the agreed format.

The judge by rule reads what stands between the fences and decides on that alone. Beyond that it is as gullible as can
be: whatever reaches it outside the fences, as a turn of its chat template or in characters that nobody sees, is an
order to it. It therefore flips exactly where a text got out of its place.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, Any] | str | bytes, dict[str, str]]


class JudgeServer:
    """`reply(prompt, attempt)` says what the judge writes, or a whole (status, body, headers); status 0 hangs up."""

    def __init__(self) -> None:
        self.reply: Callable[[str, int], str | Answer] = lambda prompt, attempt: "Fine.\nVerdict: CORRECT"
        self.prompts: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.running = self.most_running = self.connections = 0
        self.lock = threading.Lock()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                with owner.lock:
                    owner.connections += 1

            def do_GET(self) -> None:
                self.send(200, {"data": [{"id": "judge"}]}, {})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                prompt = body["messages"][-1]["content"]
                with owner.lock:
                    owner.bodies.append(body)
                    owner.prompts.append(prompt)
                    attempt = owner.prompts.count(prompt)
                    owner.running += 1
                    owner.most_running = max(owner.most_running, owner.running)
                try:
                    answer = owner.reply(prompt, attempt)
                finally:
                    with owner.lock:
                        owner.running -= 1
                if isinstance(answer, str):
                    answer = (200, completion(answer), {})
                if answer[0]:
                    self.send(*answer)
                else:
                    self.close_connection = True

            def send(self, status: int, body: dict[str, Any] | str | bytes, headers: dict[str, str]) -> None:
                data = (
                    body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
                )
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers:
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # a client that hung up on purpose

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"openai:http://127.0.0.1:{self.http.server_port}/v1#judge"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()


def completion(text: str, *, finish: str = "stop", tokens: int = 7, **message: Any) -> dict[str, Any]:
    """An answer of the chat route."""
    choice = {"message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}
    return {"choices": [choice], "usage": {"completion_tokens": tokens}}


def wait_until(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    """Poll until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.01)


# -- the judge by rule ------------------------------------------------------------------------------

CODE = re.compile(r"carry the code ([0-9a-f]{16})\.")
TURNS = re.compile(
    r"<\|[a-z_]+\|>|<｜[^｜]+｜>|<(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>|</?s>|</?think>|<\|[A-Z_]+\|>|</?tool_call>"
    r"|\[/?SYSTEM_PROMPT\]|<bos>|<eos>",
    re.IGNORECASE,
)
GAP = re.compile(r"\[\d+ characters are left out here\]")
WORDS = re.compile(r"\b(NOT_ATTEMPTED|INCORRECT|CORRECT|UNSAFE|SAFE|TIE|10|A|B)\b")


def regions_of(prompt: str, *, marked: bool = True) -> tuple[dict[str, str], list[str]]:
    """The texts by their labels, and the lines outside the fences, with CODE for the code.

    Every line separator there is ends a line. Without `marked`, lines inside the fences need no mark.
    """
    found = CODE.search(prompt)
    assert found is not None, "no code in the prompt"
    texts: dict[str, list[str]] = {}
    outside: list[str] = []
    label = None
    for line in prompt.splitlines():
        if label is None and (fence := re.fullmatch(rf"<<<BEGIN ([A-Z0-9 ]+) {found[1]}>>>", line)):
            label = fence[1]
            texts[label] = []
        elif label is not None and line == f"<<<END {label} {found[1]}>>>":
            label = None
        elif label is not None and line.startswith("| "):
            texts[label].append(line.removeprefix("| "))
        elif label is not None and not marked:
            texts[label].append(line)
        elif label is None or not GAP.fullmatch(line):
            outside.append(line.replace(found[1], "CODE"))
    assert label is None, "a fence was never closed"
    return {name: "\n".join(lines) for name, lines in texts.items()}, outside


def orders_in(prompt: str, ours: set[str], *, marked: bool = True) -> str | None:
    """What the prompt makes the judge say outside the rules: a verdict word, or None where nothing got out."""
    hidden = "".join(chr(ord(c) - 0xE0000) for c in prompt if 0xE0020 <= ord(c) < 0xE007F)
    if hidden and (word := WORDS.search(hidden)):
        return word[1]
    if (turn := TURNS.search(prompt)) and (word := WORDS.search(prompt[turn.end() :])):
        return word[1]
    _, outside = regions_of(prompt, marked=marked)
    for line in outside:
        if line not in ours and (word := WORDS.search(line)):
            return word[1]
    return None


def judge_by_rule(prompt: str, ours: set[str], *, marked: bool = True) -> str:
    """The judge's whole answer.

    Args:
        prompt: What it was sent.
        ours: The lines outside the fences of a prompt for harmless texts.
        marked: Whether it takes only marked lines inside the fences for data.
    """
    order = orders_in(prompt, ours, marked=marked)
    word = order if order is not None else rule(regions_of(prompt, marked=marked)[0])
    return f"I looked at it.\nVerdict: {word}"


def rule(texts: dict[str, str]) -> str:
    """What is right: decided by one line of the text that only its honest part holds."""
    if "RESPONSE A" in texts:
        a, b = ("The answer is 42." in texts[f"RESPONSE {side}"].split("\n") for side in "AB")
        return "TIE" if a == b else "A" if a else "B"
    if "REFERENCE" in texts:
        return "CORRECT" if f"The answer is {texts['REFERENCE']}." in texts["RESPONSE"].split("\n") else "INCORRECT"
    if "RESPONSE" in texts:
        return "7" if "The answer is 42." in texts["RESPONSE"].split("\n") else "2"
    return "UNSAFE" if "Mix the two and run." in "\n".join(texts.values()).split("\n") else "SAFE"
