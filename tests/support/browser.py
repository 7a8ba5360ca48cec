"""A headless browser for tests: one that is installed, else the Chromium of an npm package, driven over a pipe."""

import base64
import fcntl
import io
import json
import os
import platform
import select
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import brotli

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "node_modules" / "@sparticuz" / "chromium"
INSTALLED = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome-headless-shell")
MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
OPTIONS = (
    "--remote-debugging-pipe",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--font-render-hinting=none",
)
FONTS = '<fontconfig><dir>{fonts}</dir><cachedir prefix="xdg">fontconfig</cachedir></fontconfig>'
# Chrome reads commands from descriptor 3 and answers on 4, which Popen cannot assign.
LAUNCHER = "import os,sys; os.dup2(int(sys.argv[1]),3); os.dup2(int(sys.argv[2]),4); os.execv(sys.argv[3],sys.argv[3:])"


class NoBrowserError(Exception):
    """Says why there is no browser on this machine."""


@dataclass(frozen=True)
class Program:
    """A browser: its executable, and what its environment needs, such as where its shared libraries are."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)


def find() -> Program:
    """Return a browser; raise NoBrowserError where there is none and none can be unpacked."""
    for name in INSTALLED:
        if found := shutil.which(name):
            return Program(Path(found))
    if MACOS.exists():
        return Program(MACOS)
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise NoBrowserError(f"no browser on {sys.platform} {platform.machine()}: install Chrome or Chromium")
    if not (PACKAGE / "package.json").exists():
        raise NoBrowserError("no Chromium in node_modules: run `make setup`")
    return _unpacked()


def _unpacked() -> Program:
    """Unpack the npm package's Chromium once, into .cache; it appears there whole or not at all."""
    version = json.loads((PACKAGE / "package.json").read_text(encoding="utf-8"))["version"]
    target = ROOT / ".cache" / "chromium" / version
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=target.parent))
        (partial / "chromium").write_bytes(brotli.decompress((PACKAGE / "bin/chromium.br").read_bytes()))
        (partial / "chromium").chmod(0o755)
        for archive in ("al2023", "fonts"):  # a bare machine has neither the libraries nor a single font
            packed = brotli.decompress((PACKAGE / f"bin/{archive}.tar.br").read_bytes())
            with tarfile.open(fileobj=io.BytesIO(packed)) as files:
                files.extractall(partial, filter="data")
        (partial / "fonts.conf").write_text(FONTS.format(fonts=target / "fonts"), encoding="utf-8")
        _take_place(partial, target)
    return Program(
        target / "chromium", {"LD_LIBRARY_PATH": str(target / "lib"), "FONTCONFIG_FILE": str(target / "fonts.conf")}
    )


def _take_place(partial: Path, target: Path) -> None:
    try:
        partial.rename(target)
    except OSError:  # another test process was first
        shutil.rmtree(partial)


@dataclass
class Page:
    """An open page: `evaluate` runs JavaScript in it; `complaints` are console errors, exceptions and failed loads."""

    browser: "Browser"
    session: str
    complaints: list[str] = field(default_factory=list)

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401 - any JSON value
        """Return the value of a JavaScript expression."""
        answer = self.command("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def resize(self, width: int, height: int = 900, *, dark: bool = False) -> None:
        """Show the page in a window of this size in CSS pixels, in light or dark mode."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.command("Emulation.setEmulatedMedia", features=[scheme])
        size = {"width": width, "height": height}
        self.command("Emulation.setDeviceMetricsOverride", **size, deviceScaleFactor=1, mobile=False)

    def screenshot(self, path: Path) -> None:
        """Save the whole page as PNG."""
        taken = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever the protocol takes
        """Send a command of the Chrome DevTools Protocol to this page and return its result."""
        return self.browser.command(method, parameters, self)


class Browser:
    """A running browser; `page` opens a URL."""

    def __init__(self, send: int, receive: int) -> None:
        """Talk through two descriptors."""
        self._send, self._receive = send, receive
        self._buffer = b""
        self._count = 0
        self._loaded = False

    def page(self, url: str, seconds: float = 30) -> Page:
        """Open a URL and wait until it has loaded."""
        target = self.command("Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = self.command("Target.attachToTarget", {"targetId": target, "flatten": True})
        page = Page(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.command(f"{domain}.enable")
        self._loaded = False
        page.command("Page.navigate", url=url)
        deadline = time.monotonic() + seconds
        while not self._loaded:
            self._note(self._read(deadline), page)
        return page

    def command(self, method: str, parameters: dict[str, Any], page: Page | None = None) -> dict[str, Any]:
        """Send a command and return its result; what happens meanwhile is noted in the page."""
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": parameters}
        if page:
            message["sessionId"] = page.session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 30
        while (answer := self._read(deadline)).get("id") != self._count:
            self._note(answer, page)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return dict(answer["result"])

    def _note(self, event: dict[str, Any], page: Page | None) -> None:
        method, said = event.get("method"), event.get("params", {})
        self._loaded |= method == "Page.loadEventFired"
        failed = (
            method in ("Runtime.exceptionThrown", "Network.loadingFailed")
            or (method == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"))
            or (method == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning", "assert"))
        )
        if page and failed:
            page.complaints.append(json.dumps(said))

    def _read(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._receive], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError("the browser does not answer")
            data = os.read(self._receive, 1 << 20)
            if not data:
                raise ConnectionError("the browser has ended")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(line))


@contextmanager
def started(program: Program) -> Iterator[Browser]:
    """Run a browser with a profile of its own, both gone afterwards."""
    to_browser, from_browser = os.pipe(), os.pipe()
    ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in (to_browser[0], from_browser[1])]
    # A cleanup error is a helper process of the browser that still writes into the profile while it ends.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        start = [sys.executable, "-c", LAUNCHER, *map(str, ends), str(program.path)]
        process = subprocess.Popen(
            [*start, *OPTIONS, f"--user-data-dir={profile}"],
            pass_fds=ends,
            env=os.environ | program.environment | {"HOME": profile},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (*ends, to_browser[0], from_browser[1]):
            os.close(end)
        try:
            yield Browser(to_browser[1], from_browser[0])
        finally:
            _stop(process)
            os.close(to_browser[1])
            os.close(from_browser[0])


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
