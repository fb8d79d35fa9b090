"""Drives a headless Chromium through its DevTools pipe, with the standard library only."""

import base64
import fcntl
import json
import os
import select
import subprocess
import tempfile
import time


class Chromium:
    """One browser with one page, as a context manager."""

    def __init__(self, program="chromium", width=1400, height=1000):
        self.program, self.size = program, (width, height)
        self.events, self.last_id, self.buffer = [], 0, b""

    def __enter__(self):
        self.profile = tempfile.TemporaryDirectory(prefix="assay-browser-")
        to_browser, self.writer = os.pipe()
        self.reader, from_browser = os.pipe()
        # The pipe's ends are 3 and 4 in the browser; neither may be overwritten before it is copied.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (to_browser, from_browser)]

        def place():
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        self.process = subprocess.Popen(
            [self.program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-dev-shm-usage", "--disable-background-networking", "--hide-scrollbars",
             "--remote-debugging-pipe", f"--user-data-dir={self.profile.name}",
             f"--window-size={self.size[0]},{self.size[1]}", "about:blank"],
            preexec_fn=place, close_fds=False, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        for end in (to_browser, from_browser, *ends):
            os.close(end)
        target = self.send("Target.createTarget", {"url": "about:blank"}, page=False)["targetId"]
        self.session = self.send(
            "Target.attachToTarget", {"targetId": target, "flatten": True}, page=False)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.send(f"{domain}.enable")
        self.send("Emulation.setDeviceMetricsOverride", {
            "width": self.size[0], "height": self.size[1], "deviceScaleFactor": 1, "mobile": False})
        return self

    def __exit__(self, *_):
        try:
            self.send("Browser.close", page=False)
        except (EOFError, OSError, TimeoutError):
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.reader)
        os.close(self.writer)
        self.profile.cleanup()

    # Messages

    def send(self, method, params=None, page=True):
        """Sends a command and returns its result."""
        self.last_id += 1
        message = {"id": self.last_id, "method": method, "params": params or {}}
        if page:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.writer, data):]
        while True:
            answer = self.receive()
            if answer.get("id") == self.last_id:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def receive(self, timeout=60):
        deadline = time.monotonic() + timeout
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.reader], [], [], max(deadline - time.monotonic(), 0))
            if not ready:
                raise TimeoutError("the browser does not answer")
            part = os.read(self.reader, 1 << 20)
            if not part:
                raise EOFError("the browser has ended")
            self.buffer += part
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def wait(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.receive())

    # The page

    def media(self, scheme, medium="screen"):
        self.send("Emulation.setEmulatedMedia", {
            "media": medium, "features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def open(self, path):
        """Opens a file and waits until it is loaded; events of earlier pages are forgotten."""
        self.events = []
        self.send("Page.navigate", {"url": "file://" + os.path.abspath(path)})
        self.wait("Page.loadEventFired")

    def run(self, script):
        """Runs a JavaScript expression in the page and returns its value."""
        answer = self.send("Runtime.evaluate", {
            "expression": script, "returnByValue": True, "awaitPromise": True})
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def key(self, name):
        codes = {"ArrowDown": 40, "ArrowUp": 38, "ArrowLeft": 37, "ArrowRight": 39, "Enter": 13,
                 "Home": 36, "End": 35, "Tab": 9, " ": 32}
        key = {"key": name, "code": "Space" if name == " " else name,
               "windowsVirtualKeyCode": codes[name]}
        text = {"Enter": "\r", " ": " "}.get(name)
        self.send("Input.dispatchKeyEvent", {"type": "keyDown", **key, **({"text": text} if text else {})})
        self.send("Input.dispatchKeyEvent", {"type": "keyUp", **key})

    def type(self, text):
        self.send("Input.insertText", {"text": text})

    def names(self):
        """The accessible role and name of everything that a screen reader is told of."""
        nodes = self.send("Accessibility.getFullAXTree")["nodes"]
        return [(node.get("role", {}).get("value", ""), node.get("name", {}).get("value", ""))
                for node in nodes if not node.get("ignored")]

    def screenshot(self, path, selector=None):
        """Writes the whole page, or the box of one element, as PNG."""
        box = self.run(f"""(() => {{
          const r = ({f"document.querySelector({json.dumps(selector)})" if selector
                      else "document.documentElement"}).getBoundingClientRect();
          return {{x: r.x + scrollX, y: r.y + scrollY, width: r.width, height: Math.min(r.height, 6000)}};
        }})()""")
        answer = self.send("Page.captureScreenshot", {
            "captureBeyondViewport": True, "clip": {**box, "scale": 1}})
        with open(path, "wb") as file:
            file.write(base64.b64decode(answer["data"]))

    def problems(self):
        """Console errors, exceptions, and what the page tried to fetch."""
        found = []
        for event in self.events:
            method, params = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append("exception: " + json.dumps(params["exceptionDetails"])[:400])
            elif method == "Runtime.consoleAPICalled":
                found.append("console: " + json.dumps(params["args"])[:400])
            elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                found.append("log: " + params["entry"]["text"][:400])
            elif method == "Network.requestWillBeSent":
                url = params["request"]["url"]
                if params.get("type") != "Document" and not url.startswith("data:"):
                    found.append("request: " + url[:200])
        return found
