"""A Python client that is generated from the description of a running server imports, and does what it says."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from server import Server

HERE = pathlib.Path(__file__).resolve().parent
CLIENTS = HERE / "clients"


class GeneratedClient(unittest.TestCase):
    def run_in(self, folder: str, *command: str, **environment: str) -> str:
        # The generator lays its files out with a program that is installed beside it.
        path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(command, cwd=folder, env=os.environ | {"PATH": path} | environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_the_example_works(self) -> None:
        server = Server()
        self.addCleanup(server.stop)
        with tempfile.TemporaryDirectory() as folder:
            generate = ["generate", "--url", f"{server.url}/openapi.json", "--meta", "none", "--output-path", "flightdeck"]
            config = ["--config", str(CLIENTS / "openapi-python-client.yml"), "--fail-on-warning"]
            self.run_in(folder, "openapi-python-client", *generate, *config)
            # Whatever was generated imports, not only what the example uses.
            modules = "import pkgutil, flightdeck; [__import__(m.name) for m in pkgutil.walk_packages(flightdeck.__path__, 'flightdeck.')]"
            self.run_in(folder, sys.executable, "-c", modules)
            settings = {"PYTHONPATH": folder, "FLIGHTDECK_URL": server.url, "FLIGHTDECK_KEY": server.headers["X-API-Key"]}
            said = self.run_in(folder, sys.executable, str(CLIENTS / "example.py"), **settings)
        self.assertEqual(said, "1 assistant: I begin.\n2 operator: Go on.\n")

    def test_the_page_about_clients_shows_what_is_tested(self) -> None:
        page = (HERE.parent / "docs" / "clients.md").read_text()
        self.assertIn(f"```python\n{(CLIENTS / 'example.py').read_text()}```", page)
        self.assertIn(f"```yaml\n{(CLIENTS / 'openapi-python-client.yml').read_text()}```", page)


if __name__ == "__main__":
    unittest.main()
