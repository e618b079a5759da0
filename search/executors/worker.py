"""A worker: a process that loads the images onto its device once, then trains one job after another.

The local executor starts it as a process. It reads jobs from standard input and writes events to standard output. It
ends when standard input closes or, on Linux, when its driver dies: no worker outlives its driver.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from functools import partial
from typing import TextIO

from search.executors.message_lines import decode, encode
from search.executors.messages import Beat, Event, Fatal, Job, Ready, Setup
from search.executors.parent_death import end_with_parent
from search.executors.run_job import run_job
from search.executors.workplace import EventSink, Heart, open_workplace
from space.core.errors import MgnasError


def main() -> None:
    """Serve jobs until standard input closes."""
    end_with_parent()
    # libraries may print to standard output: send that to the log, away from the events
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read_lines, args=(lines,), daemon=True).start()
    tell = partial(_send, events)
    heart = Heart()
    threading.Thread(target=_beat, args=(tell, heart), daemon=True).start()
    try:
        place = open_workplace(decode(lines.get(), Setup), tell, heart)
    except MgnasError as error:
        tell(Fatal(str(error)))
        return
    heart.rest()
    tell(Ready())
    while True:
        run_job(decode(lines.get(), Job), place, tell)


def _read_lines(lines: queue.Queue[str]) -> None:
    try:
        for line in sys.stdin:
            lines.put(line)
    finally:
        os._exit(0)  # the driver is gone: exit at once, even during a training


BEAT_S = 5.0
_sending = threading.Lock()


def _beat(tell: EventSink, heart: Heart) -> None:
    while True:
        tell(Beat(heart.work()))
        time.sleep(BEAT_S)


def _send(events: TextIO, event: Event) -> None:
    try:
        with _sending:
            events.write(encode(event) + "\n")
            events.flush()
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    main()
