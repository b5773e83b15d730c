"""Whatever comes back from an agent that was overcome costs one worker and nothing else."""

from __future__ import annotations

import json
import os
import struct
import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import RunLimits, RunStatus, SandboxError
from assay.sandbox.agent.wire import HEADER, MAGIC, MAGIC_RUN, REASONS, RUN
from assay.sandbox.client import AgentSettings, Command, Worker, run_status
from assay.sandbox.protocol import Channel, PipeConnection
from assay.sandbox.syscalls import DENIED, deny_filter

LIMITS = RunLimits(output_bytes=1000)


def open_pipes() -> tuple[PipeConnection, int, int, list[str]]:
    """A connection whose other side is the test; what was done to it is noted."""
    from_agent, to_host = os.pipe()
    from_host, to_agent = os.pipe()
    notes: list[str] = []

    def kill() -> None:
        notes.append("killed")

    return PipeConnection(from_agent, to_agent, kill, lambda: "exit status 9"), to_host, from_host, notes


def answer_with(data: bytes) -> Channel:
    connection, to_host, _, _ = open_pipes()
    os.write(to_host, data)
    os.close(to_host)
    return Channel(connection)


def run_frame(*fields: object, payload: bytes = b"") -> bytes:
    body = RUN.pack(*fields)
    return HEADER.pack(MAGIC_RUN, len(body), len(payload)) + body + payload


GOOD = (0, 1, 0, -1, 0.1, 0.2, 1000, 3)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"ASY",
        b"GET / HTTP/1.1\r\n\r\n" * 4,
        HEADER.pack(MAGIC, 2, 0) + b"[]",
        HEADER.pack(MAGIC, 3, 0) + b"nan",
        HEADER.pack(MAGIC, 4, 0) + b"{}{}",
        HEADER.pack(MAGIC, 1 << 31, 0),
        HEADER.pack(MAGIC, 2, 1 << 60) + b"{}",
        HEADER.pack(MAGIC, 2, 10) + b"{}short",
        HEADER.pack(MAGIC, 20, 0) + b'{"error": "no space"',
        HEADER.pack(MAGIC, 21, 0) + b'{"error": "no space"}',
        run_frame(*GOOD, payload=b"abc"),
    ],
)
def test_what_is_no_reply_is_an_error_and_ends_the_channel(data: bytes) -> None:
    channel = answer_with(data)
    with pytest.raises(SandboxError):
        channel.receive(5, 5.0)
    assert channel.failed
    with pytest.raises(SandboxError, match="gone"):
        channel.receive(5, 5.0)


@pytest.mark.parametrize(
    "data",
    [
        run_frame(*GOOD[:-1], 4, payload=b"abc"),
        run_frame(len(REASONS), *GOOD[1:], payload=b"abc"),
        run_frame(*GOOD[:4], float("nan"), *GOOD[5:], payload=b"abc"),
        run_frame(*GOOD[:5], -1.0, *GOOD[6:], payload=b"abc"),
        run_frame(*GOOD[:5], float("inf"), *GOOD[6:], payload=b"abc"),
        run_frame(*GOOD[:2], 300, *GOOD[3:], payload=b"abc"),
        run_frame(*GOOD[:3], 2000, *GOOD[4:], payload=b"abc"),
        run_frame(*GOOD[:-1], 0, payload=b"e" * 17_000),
        run_frame(*GOOD[:-1], 900, payload=b"e" * 19_000),
        run_frame(REASONS.index("trouble"), *GOOD[1:-1], 0, payload=b"FileNotFoundError"),
        HEADER.pack(MAGIC_RUN, 5, 0) + b"12345",
        HEADER.pack(MAGIC, 2, 0) + b"{}",
    ],
)
def test_runs_that_cannot_be_are_refused(data: bytes) -> None:
    worker = object.__new__(Worker)
    worker._channel = answer_with(data)
    worker.stained = False
    with pytest.raises(SandboxError):
        worker.receive_run(LIMITS)


def test_a_good_run_is_read_and_an_unclean_one_stains() -> None:
    worker = object.__new__(Worker)
    worker._channel = answer_with(run_frame(*GOOD, payload=b"outerr") + run_frame(0, 0, *GOOD[2:], payload=b"out"))
    worker.stained = False
    run = worker.receive_run(LIMITS)
    assert (run.status, run.stdout, run.stderr, run.exit_code, run.signal) == (RunStatus.OK, b"out", b"err", 0, None)
    assert not worker.stained
    worker.receive_run(LIMITS)
    assert worker.stained


def _receive_all(worker: Worker) -> None:
    for _ in range(20):
        worker.receive_run(LIMITS)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    for prefix in (b"", MAGIC, MAGIC_RUN + struct.pack("<IQ", RUN.size, 3)):
        channel = answer_with(prefix + data)
        worker = object.__new__(Worker)
        worker._channel, worker.stained = channel, False
        with pytest.raises(SandboxError):
            _receive_all(worker)
        channel._connection.kill()


def test_a_silent_agent_is_given_up_in_time() -> None:
    connection, _, _, _ = open_pipes()
    started = time.monotonic()
    with pytest.raises(SandboxError, match=r"did not answer in time.*exit status 9"):
        Channel(connection).receive(5, 0.2)
    assert time.monotonic() - started < 5


def test_an_agent_that_reads_nothing_is_given_up_in_time() -> None:
    connection, _, _, _ = open_pipes()
    with pytest.raises(SandboxError, match="took nothing"):
        Channel(connection).send_raw(b"x" * (4 << 20), 0.2)


def test_an_endless_reply_is_not_kept() -> None:
    connection, to_host, _, _ = open_pipes()
    stop = threading.Event()

    def flood() -> None:
        os.set_blocking(to_host, False)
        while not stop.is_set():
            try:
                os.write(to_host, MAGIC + b"\xff" * 4096)
            except BlockingIOError:
                time.sleep(0.001)
            except BrokenPipeError:
                return

    thread = threading.Thread(target=flood)
    thread.start()
    channel = Channel(connection)
    with pytest.raises(SandboxError):
        channel.receive(1 << 20, 5.0)
    assert len(channel._buffer) < 4 << 20
    stop.set()
    thread.join()


@pytest.mark.parametrize(
    ("hello", "message"),
    [({"protocol": 99}, "protocol 99"), ({}, "protocol None"), ({"protocol": 1, "machine": "sparc"}, "sparc")],
)
def test_an_agent_of_another_kind_is_refused_and_killed(hello: dict[str, object], message: str) -> None:
    connection, to_host, from_host, notes = open_pipes()
    reader = threading.Thread(target=lambda: [None for _ in iter(lambda: os.read(from_host, 1 << 16), b"")])
    reader.start()
    body = json.dumps(hello).encode()
    os.write(to_host, HEADER.pack(MAGIC, len(body), 0) + body)
    with pytest.raises(SandboxError, match=message):
        Worker(connection, AgentSettings(strategy="uid"), start_seconds=20.0)
    assert notes == ["killed"]
    reader.join()


def test_killing_twice_is_killing_once_and_does_what_was_to_follow() -> None:
    connection, _, _, notes = open_pipes()
    follow: Callable[[], None] = lambda: notes.append("followed")  # noqa: E731
    connection.after_kill(follow)
    connection.kill()
    connection.kill()
    assert notes == ["killed", "followed"]


@pytest.mark.parametrize(
    ("reason", "exit_code", "signal", "peak", "stderr", "status"),
    [
        ("", 0, None, 10**9, b"MemoryError", RunStatus.OK),
        ("", 1, None, 0, b"...\nMemoryError\n", RunStatus.MEMORY_LIMIT),
        ("", 1, None, 0, b"MemoryError" + b"x" * 500, RunStatus.RUNTIME_ERROR),
        ("", None, 6, 0, b"what():  std::bad_alloc\n", RunStatus.MEMORY_LIMIT),
        ("", None, 9, 500 * 2**20, b"", RunStatus.MEMORY_LIMIT),
        ("", None, 9, 0, b"", RunStatus.RUNTIME_ERROR),
        ("", None, 11, 0, b"", RunStatus.RUNTIME_ERROR),
        ("", None, 24, 0, b"", RunStatus.TIME_LIMIT),
        ("", None, 25, 0, b"", RunStatus.OUTPUT_LIMIT),
        ("cpu", 0, None, 0, b"", RunStatus.TIME_LIMIT),
        ("wall", None, 9, 0, b"", RunStatus.TIME_LIMIT),
        ("output", 0, None, 0, b"", RunStatus.OUTPUT_LIMIT),
        ("memory", None, 9, 0, b"", RunStatus.MEMORY_LIMIT),
        ("killed", None, 9, 0, b"", RunStatus.RUNTIME_ERROR),
    ],
)
def test_statuses(
    reason: str, exit_code: int | None, signal: int | None, peak: int, stderr: bytes, status: RunStatus
) -> None:
    assert run_status(reason, exit_code, signal, peak, stderr, RunLimits()) is status


def test_requests_that_are_too_long_are_refused_here() -> None:
    with pytest.raises(SandboxError, match="1048576"):
        Channel.frame({"op": "run", "argv": ["x" * (2 << 20)]})
    worker = object.__new__(Worker)
    worker._channel = answer_with(b"")
    frame = worker.run_frame(Command(argv=["/bin/true"]), b"12", LIMITS, {"a": b"345"})
    assert HEADER.unpack_from(frame)[2] == 5


# ---- the system call filter, against a small interpreter of BPF and the kernel's own headers


def decide(program: bytes, arch: int, number: int, argument: int = 0) -> int:
    """What a filter returns for a call: classic BPF as in linux/filter.h, as far as it is used."""
    data = struct.pack("<IIQ6Q", number, arch, 0, argument, 0, 0, 0, 0, 0)
    accumulator = at = 0
    while True:
        code, yes, no, value = struct.unpack_from("<HBBI", program, 8 * at)
        at += 1
        if code == 0x20:
            accumulator = struct.unpack_from("<I", data, value)[0]
        elif code == 0x06:
            return int(value)
        else:
            taken = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
            at += yes if taken else no


ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


@pytest.mark.parametrize("machine", ARCH)
def test_the_filter_denies_the_table_and_nothing_else(machine: str) -> None:
    program = deny_filter(machine)
    assert len(program) // 8 <= 4096
    special = {"x86_64": {56: 0, 53: 1}, "aarch64": {220: 0, 199: 1}}[machine]
    denied = {
        number: call.error
        for call in DENIED
        if (number := call.x86_64 if machine == "x86_64" else call.aarch64) is not None
    }
    for number in range(700):
        expected = 0x50000 | denied[number] if number in denied else 0x7FFF0000
        assert decide(program, ARCH[machine], number, special.get(number, 0)) == expected, number
    clone, pair = special
    assert decide(program, ARCH[machine], clone, 0x10000000 | 17) == 0x50001
    assert decide(program, ARCH[machine], clone, 0x3D0F00) == 0x7FFF0000  # a thread
    assert decide(program, ARCH[machine], pair, 2) == 0x50001
    other = ARCH["aarch64" if machine == "x86_64" else "x86_64"]
    assert decide(program, other, 1) == 0x80000000
    assert decide(program, 0x40000003, 1) == 0x80000000  # i386
    if machine == "x86_64":
        assert decide(program, ARCH[machine], 0x40000000 + 1) == 0x80000000  # x32


@pytest.mark.parametrize(
    ("machine", "headers"),
    [
        ("x86_64", ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h",)),
        ("aarch64", ("/usr/include/asm-generic/unistd.h",)),
    ],
)
def test_numbers_are_those_of_the_kernel_headers(machine: str, headers: tuple[str, ...]) -> None:
    import re
    from pathlib import Path

    text = "".join(Path(name).read_text() for name in headers if Path(name).exists())
    if not text:
        pytest.skip("no kernel headers here")
    known = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}
    wrong = {
        call.name: (number, known[call.name])
        for call in DENIED
        if call.name in known and (number := call.x86_64 if machine == "x86_64" else call.aarch64) != known[call.name]
    }
    assert not wrong
    missing = [
        call.name
        for call in DENIED
        if call.name not in known and (number := call.x86_64 if machine == "x86_64" else call.aarch64) and number < 430
    ]
    assert not missing


def test_other_machines_are_refused() -> None:
    with pytest.raises(SandboxError, match="riscv64"):
        deny_filter("riscv64")
