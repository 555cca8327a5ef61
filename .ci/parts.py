#!/usr/bin/env python3
"""Runs the parts of `make test`: two at a time where they do not need each other, and each one's output whole and in
the order of the list, as if they had run one after the other. Ends with a table of their times.

    .ci/parts.py          everything
    .ci/parts.py NAME...  these parts alone, and nothing that they come after

Each part is the make target of the same name, so `make NAME` runs it by itself. A part that fails does not stop the
others; the exit status is 1 when any failed.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

ROOT = Path(__file__).resolve().parent.parent
POLL_SECONDS = 0.1
READ_BYTES = 1 << 16


@dataclass(frozen=True)
class Part:
    """`after` names the parts that must have ended before it starts. `alone`: beside no other part, because it
    measures time itself and another part would slow it down."""

    name: str
    after: tuple[str, ...] = ()
    alone: bool = False


# `prepare` waits for the network while clippy compiles. What writes and reads sdk-js/dist is in one chain. Cargo lets
# one build into target/ at a time, so what only tests stands beside what compiles.
PARTS = (
    Part("lint-rust"),
    Part("prepare"),
    Part("lint-sdk", after=("prepare",)),
    Part("audit", after=("prepare",)),
    Part("test-sdk", after=("lint-sdk",)),
    Part("build-rust", after=("lint-rust",)),
    Part("test-infra", after=("test-sdk", "audit")),
    Part("test-rust", after=("build-rust",)),
    Part("test-deployed", after=("test-infra", "build-rust")),
    Part("test-api", after=("test-deployed",)),
    Part("test-csharp", after=("test-api",)),
    Part("test-browser", after=("test-rust", "test-csharp"), alone=True),
)


@dataclass
class Run:
    """One part while it runs and after. Times are in seconds of the monotonic clock."""

    part: Part
    process: subprocess.Popen
    log: BinaryIO
    started: float
    ended: float | None = None
    # How many bytes of the log were shown; None before its heading was.
    shown: int | None = None

    @property
    def passed(self) -> bool:
        return self.process.returncode == 0

    def look(self, now: float) -> None:
        if self.ended is None and self.process.poll() is not None:
            self.ended = now


@dataclass
class Runner:
    """`command` makes the command line of a part from its name; at most `width` parts run at once."""

    parts: tuple[Part, ...]
    command: Callable[[str], list[str]]
    out: BinaryIO
    width: int = 2
    runs: dict[str, Run] = field(default_factory=dict)
    shown: int = 0

    def run(self) -> bool:
        """Runs everything and shows it; whether all of it passed."""
        begun = time.monotonic()
        try:
            while self.shown < len(self.parts):
                self.start_what_can_start()
                time.sleep(POLL_SECONDS)
                for run in self.runs.values():
                    run.look(time.monotonic())
                self.show()
        finally:
            self.stop()
        self.write(table(list(self.runs.values()), begun))
        return all(run.passed for run in self.runs.values())

    def start_what_can_start(self) -> None:
        for part in self.parts:
            if part.name not in self.runs and self.may_start(part):
                self.start(part)

    def may_start(self, part: Part) -> bool:
        running = [run.part for run in self.runs.values() if run.ended is None]
        names = {each.name for each in self.parts}
        waits = any(name in names and not self.has_ended(name) for name in part.after)
        room = not running if part.alone else len(running) < self.width and not any(other.alone for other in running)
        return room and not waits

    def has_ended(self, name: str) -> bool:
        return name in self.runs and self.runs[name].ended is not None

    def start(self, part: Part) -> None:
        log = tempfile.TemporaryFile()
        # A session of its own, so that `stop` reaches everything that the part started.
        process = subprocess.Popen(
            self.command(part.name), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        self.runs[part.name] = Run(part, process, log, time.monotonic())

    def show(self) -> None:
        """Writes what is new of the first part that is not shown to its end, and goes on to the next when it ended."""
        while self.shown < len(self.parts):
            name = self.parts[self.shown].name
            run = self.runs.get(name)
            if run is None:
                return
            self.show_more(run)
            if run.ended is None:
                return
            self.shown += 1

    def show_more(self, run: Run) -> None:
        if run.shown is None:
            run.shown = 0
            self.write(f"\n== {run.part.name}\n")
        while new := os.pread(run.log.fileno(), READ_BYTES, run.shown):
            run.shown += len(new)
            self.write(new)

    def write(self, text: str | bytes) -> None:
        self.out.write(text.encode() if isinstance(text, str) else text)
        self.out.flush()

    def stop(self) -> None:
        """Ends what still runs, after Ctrl-C or an error of this program."""
        for run in self.runs.values():
            if run.process.poll() is None:
                os.killpg(run.process.pid, 15)


def table(runs: list[Run], begun: float) -> str:
    """One line a part: how it ended, when it started and how long it took, in minutes and seconds."""
    lines = [f"{'part':<16}{'ended':<9}{'from':>6}{'took':>7}"]
    for run in runs:
        ended = "well" if run.passed else "FAILED"
        lines.append(f"{run.part.name:<16}{ended:<9}{clock(run.started - begun):>6}{clock(run.ended - run.started):>7}")
    lines.append(f"{'all':<16}{'':<9}{'':>6}{clock(time.monotonic() - begun):>7}")
    return "\n" + "\n".join(lines) + "\n"


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def make(name: str) -> list[str]:
    return ["make", "--no-print-directory", name]


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in {part.name for part in PARTS}]
    if unknown:
        print(f"parts.py: no such part: {', '.join(unknown)}", file=sys.stderr)
        return 2
    chosen = tuple(part for part in PARTS if not names or part.name in names)
    return 0 if Runner(chosen, make, sys.stdout.buffer).run() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
