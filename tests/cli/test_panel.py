# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
import tty
from typing import TYPE_CHECKING

import pytest
from support.terminal import Terminal

from inferspan.cli._panel import Panel

if TYPE_CHECKING:
    from collections.abc import Iterator


class Screen:
    """A pseudo-terminal with a screen, a program's output and a panel."""

    def __init__(self) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.terminal = Terminal(columns=40, rows=10)
        self.resize(rows=10)
        self.panel = Panel(self._slave)

    def resize(self, *, rows: int) -> None:
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 40, 0, 0))

    def program_writes(self, text: str) -> None:
        os.write(self._slave, text.replace("\n", "\r\n").encode())

    def show(self) -> list[str]:
        try:
            while data := os.read(self._master, 65536):
                self.terminal.feed(data.decode())
        except BlockingIOError:
            pass
        return self.terminal.screen

    def close(self) -> None:
        os.close(self._slave)
        os.close(self._master)


@pytest.fixture
def screen() -> Iterator[Screen]:
    made = Screen()
    yield made
    made.close()


def lines(count: int) -> list[str]:
    return [f"panel {number}" for number in range(count)]


def test_program_scrolls_above_the_panel(screen: Screen) -> None:
    screen.panel.draw(lines(3))
    for number in range(20):
        screen.program_writes(f"line {number}\n")
        screen.panel.draw(lines(3))
    assert screen.show() == [
        *(f"line {number}" for number in range(14, 20)),
        "",
        "panel 0",
        "panel 1",
        "panel 2",
    ]
    assert screen.terminal.history == [f"line {number}" for number in range(14)]


def test_room_is_made_under_what_is_there(screen: Screen) -> None:
    for number in range(30):
        screen.program_writes(f"line {number}\n")
    screen.program_writes("prompt> ")
    screen.panel.draw(lines(4))
    screen.program_writes("answer")
    shown = screen.show()
    assert shown[-5:] == ["prompt> answer", *lines(4)]
    assert [*screen.terminal.history, *shown[:5]] == [f"line {number}" for number in range(30)]


def test_a_short_program_keeps_its_place_at_the_top(screen: Screen) -> None:
    screen.program_writes("first\n")
    screen.panel.draw(lines(2))
    screen.program_writes("second\n")
    assert screen.show()[:3] == ["first", "second", ""]
    assert screen.terminal.history == []


def test_panel_grows_and_does_not_shrink(screen: Screen) -> None:
    screen.program_writes("".join(f"line {number}\n" for number in range(9)))
    screen.panel.draw(lines(1))
    screen.panel.draw(lines(4))
    screen.panel.draw(["only one"])
    screen.program_writes("last\n")
    shown = screen.show()
    assert shown[6:] == ["only one", "", "", ""]
    assert [*screen.terminal.history, *shown[:5]] == [*(f"line {number}" for number in range(9)), "last"]


def test_removed_panel_leaves_the_whole_screen(screen: Screen) -> None:
    screen.program_writes("before\n")
    screen.panel.draw(lines(3))
    screen.panel.remove()
    screen.program_writes("after\n")
    assert screen.show() == ["before", "after", *[""] * 8]
    assert screen.terminal.region == (0, 9)
    screen.panel.remove()
    assert screen.show()[:2] == ["before", "after"]


def test_panel_leaves_two_rows_at_least(screen: Screen) -> None:
    screen.panel.draw(lines(50))
    assert screen.terminal.region == (0, 9)
    assert screen.show()[2:] == lines(8)
    assert screen.terminal.region == (0, 1)


def test_panel_follows_the_size(screen: Screen) -> None:
    screen.program_writes("".join(f"line {number}\n" for number in range(4)))
    screen.panel.draw(lines(3))
    screen.show()
    screen.resize(rows=8)
    screen.terminal.rows = 8
    screen.panel.draw(lines(3))
    screen.program_writes("more\n")
    assert screen.show()[:8] == ["line 1", "line 2", "line 3", "more", "", *lines(3)]
    assert screen.terminal.history == ["line 0"]


def test_a_terminal_that_has_gone_does_no_harm() -> None:
    reading, writing = os.openpty()
    os.close(reading)
    panel = Panel(writing)
    panel.draw(lines(3))
    panel.remove()
    os.close(writing)
