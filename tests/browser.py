"""Chromium without a window, driven over the WebDriver protocol (w3.org/TR/webdriver2), which is JSON over HTTP."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DRIVER = shutil.which("chromedriver")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PHONE = {"width": 360, "height": 740, "pixelRatio": 2.0, "mobile": True, "touch": True}
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""Key of a reference to an element in what the protocol sends (w3.org/TR/webdriver2, section 12.2)."""


class Element:
    """An element of the page."""

    def __init__(self, browser: Browser, reference: dict[str, str]) -> None:
        self._browser = browser
        self._path = f"/element/{reference[ELEMENT]}"

    @property
    def text(self) -> str:
        """What it shows."""
        return str(self._browser.call("GET", f"{self._path}/text"))

    @property
    def value(self) -> str:
        """What was typed into it."""
        return str(self._browser.call("GET", f"{self._path}/property/value"))

    @property
    def is_enabled(self) -> bool:
        """Whether it can be used."""
        return bool(self._browser.call("GET", f"{self._path}/enabled"))

    @property
    def is_displayed(self) -> bool:
        """Whether it is seen."""
        return bool(self._browser.call("GET", f"{self._path}/displayed"))

    def attribute(self, name: str) -> str:
        """An attribute of its tag."""
        return str(self._browser.call("GET", f"{self._path}/attribute/{name}"))

    def click(self) -> None:
        """Clicks in its middle."""
        self._browser.call("POST", f"{self._path}/click")

    def clear(self) -> None:
        """Takes out what was typed into it."""
        self._browser.call("POST", f"{self._path}/clear")

    def type(self, text: str) -> None:
        """Types into it, or names the file that it uploads."""
        self._browser.call("POST", f"{self._path}/value", text=text)


class Browser:
    """One session with one window."""

    def __init__(self, address: str) -> None:
        self._address = address

    def call(self, method: str, path: str, **content: Any) -> Any:
        """The value of one command."""
        data = json.dumps(content).encode() if method == "POST" else None
        request = urllib.request.Request(
            f"{self._address}{path}", data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with _OPENER.open(request, timeout=120) as answer:
                return json.loads(answer.read())["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns in the page."""
        return self.call("POST", "/execute/sync", script=script, args=list(arguments))

    def run_async(self, script: str, *arguments: Any) -> Any:
        """What a script in the page gives to its last argument, a function."""
        return self.call("POST", "/execute/async", script=script, args=list(arguments))

    def open(self, address: str) -> None:
        """Opens a page."""
        self.call("POST", "/url", url=address)

    def find(self, selector: str) -> Element:
        """The first element that a CSS selector names."""
        return Element(self, self.call("POST", "/element", using="css selector", value=selector))

    def all(self, selector: str) -> list[Element]:
        """The elements that a CSS selector names."""
        found = self.call("POST", "/elements", using="css selector", value=selector)
        return [Element(self, reference) for reference in found]

    def press(self, key: str) -> None:
        """Presses a key, whatever has the keyboard."""
        strokes = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", actions=[{"type": "key", "id": "keyboard", "actions": strokes}])

    def focused(self) -> Element:
        """The element that has the keyboard."""
        return Element(self, self.call("GET", "/element/active"))

    def resize(self, width: int, height: int) -> None:
        """Gives the window a size in CSS pixels."""
        self.call("POST", "/window/rect", width=width, height=height)

    def prefer(self, name: str, value: str) -> None:
        """Answers a media query of CSS, such as prefers-color-scheme, with a value."""
        features = [{"name": name, "value": value}]
        self.call(
            "POST", "/goog/cdp/execute", cmd="Emulation.setEmulatedMedia", params={"features": features}
        )

    def log(self) -> list[dict[str, Any]]:
        """What the console was told since the last call, each with `level` and `message`."""
        entries: list[dict[str, Any]] = self.call("POST", "/se/log", type="browser")
        return entries

    def wait(self, script: str, seconds: float = 60.0) -> None:
        """Until a script returns something true."""
        deadline = time.monotonic() + seconds
        while not self.run(script):
            assert time.monotonic() < deadline, f"never came true: {script}"
            time.sleep(0.05)

    def screenshot(self, path: Path) -> None:
        """What is seen, as PNG."""
        path.write_bytes(base64.b64decode(self.call("GET", "/screenshot")))


@contextmanager
def browser(folder: Path, *, is_phone: bool = False) -> Iterator[Browser]:
    """A browser of its own, its window a desk's or a phone's; what it downloads and keeps is in `folder`."""
    assert DRIVER is not None and CHROMIUM is not None
    with subprocess.Popen(
        [DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as driver:
        assert driver.stdout is not None
        port = next(
            line.split()[-1].rstrip(".") for line in driver.stdout if "started successfully on port" in line
        )
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        flags += ["--autoplay-policy=no-user-gesture-required", f"--user-data-dir={folder / 'profile'}"]
        options = {
            "binary": CHROMIUM,
            "args": flags,
            "prefs": {"download.default_directory": str(folder)},
            **({"mobileEmulation": {"deviceMetrics": PHONE}} if is_phone else {}),
        }
        wanted = {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}
        try:
            session = Browser(f"http://127.0.0.1:{port}").call("POST", "/session", capabilities=wanted)
            page = Browser(f"http://127.0.0.1:{port}/session/{session['sessionId']}")
            yield page
            page.call("DELETE", "")
        finally:
            driver.terminate()
