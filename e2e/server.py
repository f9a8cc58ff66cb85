"""The real server, to start, kill and start again on the same port."""

import os
import pathlib
import random
import signal
import socket
import subprocess
import tempfile

import httpx

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
BINARY = os.environ.get("FLIGHTDECK_BIN", str(REPOSITORY / "target" / "debug" / "flightdeck"))


def lasting_port() -> int:
    """A port below those that the system gives to outgoing connections: while the server is down, a client that tries
    to reconnect must not be given it."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


class Server:
    def __init__(self, *settings: str) -> None:
        self._settings = settings
        self._folder = tempfile.TemporaryDirectory(prefix="flightdeck-e2e-")
        self._data = pathlib.Path(self._folder.name) / "data"
        self._address = f"127.0.0.1:{lasting_port()}"
        self.url = f"http://{self._address}"
        self._run()
        self.headers = {"X-API-Key": (self._data / "admin.key").read_text().strip()}
        # Its connections do not outlive the server that they were made to.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.Client(base_url=self.url, headers=self.headers, limits=limits)

    def _run(self) -> None:
        arguments = ["--data-dir", str(self._data), "--listen", self._address, "--log", "warn", *self._settings]
        self._process = subprocess.Popen(
            [BINARY, *arguments],
            cwd=self._folder.name,
            env={},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        for line in self._process.stdout:
            if "listening on" in line:
                return
        raise RuntimeError("the server ended before it listened")

    def kill_and_restart(self) -> None:
        """Ends it as a crash would, and starts it again on the same data and port."""
        self._end(signal.SIGKILL)
        self._run()

    def stop(self) -> None:
        self._client.close()
        self._end(signal.SIGTERM)
        self._folder.cleanup()

    def _end(self, sign: signal.Signals) -> None:
        self._process.send_signal(sign)
        self._process.wait()
        self._process.stdout.close()

    def post(self, path: str, body: object) -> dict:
        response = self._client.post(path, json=body)
        response.raise_for_status()
        return response.json()

    def key(self, role: str, session: str | None = None) -> str:
        """Makes a key on the server's machine, as its administrator does."""
        bound = ["--session", session] if session else []
        arguments = ["keys", "create", "--role", role, "--name", role, *bound, "--data-dir", str(self._data)]
        made = subprocess.run([BINARY, *arguments], cwd=self._folder.name, env={}, check=True, capture_output=True, text=True)
        return next(word for word in made.stdout.split() if word.startswith("fd_"))

    def register(self) -> str:
        return self.post("/agents", {"taskId": "e2e", "agentType": "tester"})["agentId"]
