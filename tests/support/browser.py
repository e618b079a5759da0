"""A headless Chromium for tests: pages, real clicks and keys, through the DevTools protocol on a pipe."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any

from tests.support.waiting import MOST_S

CHROMIUM = next(
    filter(
        None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))
    ),
    None,
)
"""The browser's program; None where there is none."""
_KEYS = {
    "Enter": (13, "\r"),
    "Escape": (27, ""),
    "Tab": (9, ""),
    " ": (32, " "),
    "ArrowRight": (39, ""),
    "ArrowLeft": (37, ""),
    "Home": (36, ""),
    "End": (35, ""),
}


class Browser:
    """A running browser with one page. Use it as a context manager.

    Args:
        flags: Further flags of its command line.

    Attributes:
        messages: Errors and warnings of the page since it was opened: exceptions, the console, refused loads.
        downloads: The folder of the downloaded files.
    """

    def __init__(self, *flags: str) -> None:
        assert CHROMIUM is not None
        self._folder = Path(tempfile.mkdtemp(prefix="mgnas-browser-"))
        self.downloads = self._folder / "downloads"
        self.downloads.mkdir()
        self.messages: list[str] = []
        self._events: deque[dict[str, Any]] = deque()
        self._buffer = b""
        self._last_id = 0
        self._session: str | None = None
        self._start(flags)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):
            self.call("Browser.close", session=False)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)
        os.close(self._to)
        os.close(self._from)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, flags: tuple[str, ...]) -> None:
        """Start the browser: it reads commands from descriptor 3 and writes to descriptor 4."""
        ends = [
            fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)
            for pair in (os.pipe(), os.pipe())
            for fd in _closing(pair)
        ]
        commands, self._to, self._from, answers = ends
        arguments = [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
            f"--user-data-dir={self._folder / 'profile'}", "--no-first-run", "--disable-background-networking",
            "--hide-scrollbars", *flags, "about:blank",
        ]  # fmt: skip
        null = os.open(os.devnull, os.O_RDWR)
        actions = [
            (os.POSIX_SPAWN_DUP2, a, b) for a, b in ((null, 1), (null, 2), (commands, 3), (answers, 4))
        ]
        self._pid = os.posix_spawn(str(CHROMIUM), arguments, os.environ, file_actions=actions)
        for descriptor in (null, commands, answers):
            os.close(descriptor)
        target = next(
            one
            for one in self.call("Target.getTargets", session=False)["targetInfos"]
            if one["type"] == "page"
        )
        attached = self.call(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True, session=False
        )
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call(
            "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads), session=False
        )

    def call(self, method: str, session: bool = True, **params: Any) -> dict[str, Any]:
        """Call a method of the DevTools protocol and return its result."""
        self._last_id += 1
        message: dict[str, Any] = {"id": self._last_id, "method": method, "params": params}
        if session and self._session:
            message["sessionId"] = self._session
        _write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._last_id:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            if not select.select([self._from], [], [], MOST_S)[0]:
                raise TimeoutError("the browser does not answer")
            part = os.read(self._from, 1 << 20)
            if not part:
                raise EOFError("the browser has ended")
            self._buffer += part
        raw, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(raw)
        self._note(message)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        """Keep errors and warnings of the page."""
        params = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.messages.append(details.get("exception", {}).get("description", details["text"]))
        elif message.get("method") == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.messages.append(" ".join(str(arg.get("value")) for arg in params["args"]))
        elif message.get("method") == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.messages.append(params["entry"]["text"])
        elif "method" in message:
            self._events.append(message)

    def open(self, file: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Open a file and wait until it is loaded."""
        phone = width < 600
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.messages.clear()
        self._events.clear()
        self.call("Page.navigate", url=file.resolve().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._read()

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression; promises are awaited."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    def wait(self, expression: str) -> Any:
        """Evaluate an expression until it is true, and return its value.

        Raises:
            TimeoutError: It stays false.
        """
        end = time.monotonic() + MOST_S
        while not (value := self.evaluate(expression)):
            if time.monotonic() > end:
                raise TimeoutError(f"the page does not reach: {expression}")
            time.sleep(0.02)
        return value

    def click(self, selector: str) -> None:
        """Click the middle of an element with the mouse, once it stands still and nothing covers it.

        Raises:
            TimeoutError: The element moves or is covered all the time.
        """
        look = (
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); "
            "e.scrollIntoView({block: 'center', behavior: 'instant'}); const b = e.getBoundingClientRect(); "
            "const x = b.x + b.width / 2, y = b.y + b.height / 2, top = document.elementFromPoint(x, y); "
            "return [x, y, e.contains(top) || Boolean(top && top.contains(e))]; })()"
        )
        end, before = time.monotonic() + MOST_S, None
        while True:
            x, y, is_free = self.evaluate(look)
            if is_free and (x, y) == before:
                break
            if time.monotonic() > end:
                raise TimeoutError(f"{selector} moves, or something covers it")
            before = (x, y)
            time.sleep(0.05)
        self.click_at(x, y)

    def choose_files(self, selector: str, *files: Path) -> None:
        """Choose files in an input of files, as its dialog does."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(file.resolve()) for file in files])

    def drag_files(self, selector: str, *files: Path, drop: bool = True) -> None:
        """Drag files over the middle of an element, and drop them there."""
        box = self.evaluate(
            f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        data = {"items": [], "files": [str(file.resolve()) for file in files], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", *(["drop"] if drop else [])):
            self.call("Input.dispatchDragEvent", type=kind, x=box[0], y=box[1], data=data)

    def click_at(self, x: float, y: float) -> None:
        """Click a point of the window."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press and release a key."""
        code, text = _KEYS[key]
        fields = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": code}
        down: dict[str, Any] = fields | {"modifiers": 8 * shift}
        self.call("Input.dispatchKeyEvent", type="keyDown", **down, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **down)

    def type(self, text: str) -> None:
        """Type text into the focused element."""
        self.call("Input.insertText", text=text)

    def downloaded(self, name: str) -> Path:
        """Return a downloaded file when it is complete.

        Raises:
            TimeoutError: There is no such file.
        """
        file = self.downloads / name
        end = time.monotonic() + MOST_S
        while not file.is_file() or not file.stat().st_size:
            if time.monotonic() > end:
                raise TimeoutError(
                    f"no download {name}, but {[path.name for path in self.downloads.iterdir()]}"
                )
            self.evaluate("0")
            time.sleep(0.02)
        return file

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Write a picture of the window, or of the whole page."""
        fields: dict[str, Any] = {}
        if whole:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            fields = {"captureBeyondViewport": True, "clip": {**size, "x": 0, "y": 0, "scale": 1}}
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", **fields)["data"]))


def _closing(pair: tuple[int, int]) -> Any:
    """Yield both descriptors of a pipe and close them after their use."""
    for descriptor in pair:
        yield descriptor
        os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
