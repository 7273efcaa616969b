"""Parts of the worker by themselves: guards, the link, attempts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from trivet.protocol.frames import Decoder, Frame, Kind, encode
from trivet.worker.attempt import Attempt
from trivet.worker.interrupts import Guard, Guards, Interrupted
from trivet.worker.link import Link, LinkLost
from trivet.worker.main import Environment


@pytest.fixture
def ends() -> Iterator[tuple[Link, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(10)
    yield Link(ours, {}), theirs
    ours.close()
    theirs.close()


def attempt_on(link: Link, number: int = 1) -> Attempt:
    return Attempt(Frame(Kind.JOB, number, {"token": "t"}, b""), link)


def test_a_guard_lets_an_interrupt_through_only_while_the_authors_code_runs(
    ends: tuple[Link, socket.socket],
) -> None:
    guard, attempt = Guard(), attempt_on(ends[0])
    attempt.reason = "cancelled"
    guard.knock()
    with pytest.raises(Interrupted):
        guard.enter(attempt)
    assert attempt.interrupted
    guard.knock()
    guard.leave()


def test_a_guard_is_silent_while_nobody_asked_for_a_stop(ends: tuple[Link, socket.socket]) -> None:
    guard, attempt = Guard(), attempt_on(ends[0])
    guard.enter(attempt)
    guard.knock()
    assert not attempt.interrupted


def test_an_interrupt_waits_behind_a_shield_and_comes_once(ends: tuple[Link, socket.socket]) -> None:
    guard, attempt = Guard(), attempt_on(ends[0])
    guard.enter(attempt)
    guard.shield()
    guard.shield()
    attempt.reason = "cancelled"
    guard.knock()
    guard.unshield()
    with pytest.raises(Interrupted):
        guard.unshield()
    guard.knock()


def test_an_interrupt_during_a_write_comes_after_the_whole_frame() -> None:
    ours, theirs = socket.socketpair()
    guard = Guard()
    guards: Guards = {threading.get_ident(): guard}
    link = Link(ours, guards)
    attempt = attempt_on(link)
    guard.enter(attempt)

    def write() -> None:
        with link:
            attempt.reason = "cancelled"
            guard.knock()
            link.send(encode(Kind.BYE))

    with pytest.raises(Interrupted):
        write()
    theirs.settimeout(10)
    assert [frame.kind for frame in Decoder().feed(theirs.recv(1024))] == [Kind.BYE]
    ours.close()
    theirs.close()


def test_output_and_the_final_frame_leave_together(ends: tuple[Link, socket.socket]) -> None:
    link, server = ends
    attempt = attempt_on(link)
    for text in ("a", "\n", "b\n"):
        attempt.write("stdout", text)
    attempt.write("stderr", "half \udcff a pair\n")
    attempt.finish(Kind.RESULT, {"type": "application/json"}, b"1")
    frames = Decoder().feed(server.recv(1 << 16))
    assert [(frame.kind, frame.meta.get("stream"), frame.body) for frame in frames] == [
        (Kind.LOG, "stdout", b"a\nb\n"),
        (Kind.LOG, "stderr", b"half \\udcff a pair\n"),
        (Kind.RESULT, None, b"1"),
    ]
    assert {frame.meta["token"] for frame in frames} == {"t"}


def test_nothing_follows_the_final_frame(ends: tuple[Link, socket.socket]) -> None:
    link, server = ends
    attempt = attempt_on(link)
    attempt.finish(Kind.RESULT, {})
    attempt.write("stdout", "too late")
    attempt.progress(1.0, "too late")
    attempt.flush()
    link.send(encode(Kind.BYE))
    assert [frame.kind for frame in Decoder().feed(server.recv(1 << 16))] == [Kind.RESULT, Kind.BYE]


def test_output_is_cut_between_characters(ends: tuple[Link, socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trivet.worker.attempt.MAX_LOG", 4)
    link, server = ends
    attempt = attempt_on(link)
    attempt.write("stdout", "aé€")
    attempt.write("stdout", "more")
    attempt.finish(Kind.RESULT, {})
    log, _ = Decoder().feed(server.recv(1 << 16))
    assert (log.body.decode(), log.meta["truncated"]) == ("aé", True)


def test_a_lost_link_troubles_no_handler_that_only_prints(ends: tuple[Link, socket.socket]) -> None:
    link, server = ends
    server.close()
    attempt = attempt_on(link)
    attempt.write("stdout", "x" * 10_000)
    attempt.progress(0.5, "half")
    with pytest.raises(LinkLost):
        attempt.piece("application/json", b"1")


def test_bytes_that_are_no_frame_end_the_link(ends: tuple[Link, socket.socket]) -> None:
    link, server = ends
    server.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(100))
    with pytest.raises(LinkLost, match="frame"):
        link.receive()


@pytest.mark.parametrize("address", ["", "http://x", "/a/path"])
def test_an_address_of_another_form_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="unix:/path.sock"):
        Link.connect(address, {})


def test_a_link_may_run_over_tcp() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        link = Link.connect(f"tcp:127.0.0.1:{listener.getsockname()[1]}", {})
        server, _ = listener.accept()
        with server:
            link.send(encode(Kind.BYE))
            server.settimeout(10)
            assert Decoder().feed(server.recv(1024))[0].kind is Kind.BYE
        link.abandon()


def test_what_is_no_business_of_the_author_leaves_the_environment() -> None:
    variables = {
        "TRIVET_LINK": "unix:/l",
        "TRIVET_WORKER_ID": "w",
        "TRIVET_WORKER_TOKEN": "s",
        "TRIVET_BUNDLE": "/b",
        "TRIVET_HANDLER": "m:f",
        "TRIVET_MEMORY_LIMIT": "1000",
    }
    environment = Environment.take(variables)
    assert environment.token == "s"
    assert environment.memory is None
    assert "s" not in variables.values()
    variables |= {"TRIVET_LINK": "unix:/l", "TRIVET_WORKER_TOKEN": "s", "TRIVET_MEMORY_ENFORCE": "rlimit"}
    assert Environment.take(variables).memory == 1000
