"""Whatever the described routes are sent, the server neither fails nor forgets to ask for a key.

Schemathesis makes the requests from the server's own description, the same at every run. `python -m unittest test_contract`;
CONTRACT_CASES=200 makes more of them.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from server import Server

CASES = os.environ.get("CONTRACT_CASES", "8")
# These answer for as long as somebody listens.
STREAMS = "/stream$|/events$"
OFF = ["--throttle-control", "off", "--throttle-tree", "off", "--throttle-login", "off", "--throttle-stop", "off"]


class Contract(unittest.TestCase):
    def check(self, role: str) -> None:
        # A server for each: what one role did (killed all, say) is not to hide what another can do.
        server = Server(*OFF)
        self.addCleanup(server.stop)
        session = server.register()
        key = server.key(role, session if role == "agent" else None)
        with tempfile.TemporaryDirectory() as folder:
            settings = pathlib.Path(folder) / "schemathesis.toml"
            # So that requests reach a session that is there.
            settings.write_text(f'[parameters]\n"path.agentId" = "{session}"\n')
            command = [
                *[sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"],
                *["--config-file", str(settings), "run", f"{server.url}/openapi.json", "--header", f"X-API-Key: {key}"],
                *["--checks", "not_a_server_error,ignored_auth", "--phases", "examples,coverage,fuzzing"],
                *["--generation-deterministic", "--max-examples", CASES],
                *["--exclude-path-regex", STREAMS, "--suppress-health-check", "all"],
                *["--request-timeout", "120", "--workers", "2", "--no-color"],
            ]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        # What failed comes first, then what was done at all.
        told = f"{done.stdout[:6_000]}\n…\n{done.stdout[-2_000:]}{done.stderr[-2_000:]}"
        self.assertEqual(done.returncode, 0, told)
        self.assertRegex(done.stdout, r"Tested: [1-9]\d", "hardly any route was tried")

    def test_an_admin(self) -> None:
        self.check("admin")

    def test_an_agent(self) -> None:
        self.check("agent")

    def test_a_viewer(self) -> None:
        self.check("viewer")


if __name__ == "__main__":
    unittest.main()
