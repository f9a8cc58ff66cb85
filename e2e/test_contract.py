"""The server answers what its description says, whatever it is sent.

Schemathesis makes the requests from the server's own description, the same at every run, and holds the answers against it with
all of its checks. `python -m unittest test_contract`; CONTRACT_CASES=200 makes more of them.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import uuid
from concurrent.futures import ThreadPoolExecutor

from server import Server

HERE = pathlib.Path(__file__).resolve().parent
CASES = os.environ.get("CONTRACT_CASES", "6")
OFF = ["--throttle-control", "off", "--throttle-tree", "off", "--throttle-login", "off", "--throttle-stop", "off"]
STAND_INS = {name: str(uuid.uuid5(uuid.NAMESPACE_OID, name)) for name in ("AGENT", "APPROVAL", "OPERATION")}

SETTINGS = f"""
hooks = "contract_hooks.py"
seed = 7600
# More than one trips over a fault of CPython 3.11's parser.
workers = 1
continue-on-failure = true
suppress-health-check = ["all"]
# A stream has no end: its first event is looked at, or what came of it by then.
max-stream-events = 1
request-timeout = 60

[cache]
enabled = false

[generation]
deterministic = true
# The server counts bytes of UTF-8 and a JSON Schema counts characters. In ASCII they are the same.
codec = "ascii"

[parameters]
"path.agentId" = "{STAND_INS["AGENT"]}"
"path.approvalId" = "{STAND_INS["APPROVAL"]}"
"path.operationId" = "{STAND_INS["OPERATION"]}"
"path.missionId" = "contract"
"path.seq" = 1
# Nobody waits for what does not come.
"query.wait" = "0s"
"query.hold" = "0s"

[[operations]]
include-operation-id = ["followFleet", "followMessages"]
request-timeout = 0.3

[[operations]]
include-operation-id = "handleClaudeCodeHook"
# A hook is answered whatever its body: a refusal would let the agent go on (docs/security.md).
checks.negative_data_rejection.expected-statuses = ["200", "400", "401", "403", "404"]

[[operations]]
include-operation-id = "reportMetrics"
# Metrics are turned away unread, so that a program that sends them goes on.
checks.negative_data_rejection.expected-statuses = ["200", "400", "401", "403", "413", "415"]

[[operations]]
include-operation-id = "configureAgent"
# Each of model and mode may be missing, but not both.
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "404", "409", "422", "429"]

[[operations]]
include-operation-id = "createPushSubscription"
# Whether a text is a key of the curve, and an address one that the server sends to, no schema says.
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "404", "409", "429"]

[[operations]]
include-operation-id = ["setRetention", "planRetention"]
# No schema says what the name of a member may be, and a change names the revision that it is made to.
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "404", "409", "412", "428"]

[[operations]]
include-operation-id = ["createProvider", "setProvider", "removeProvider", "createSink", "setSink", "removeSink"]
# Which settings are allowed is said by the schema of their kind or form, and a change names the revision that it is made to.
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "404", "409", "412", "413", "428"]
"""


class Contract(unittest.TestCase):
    def check(self, role: str, *more: str, settings: str = SETTINGS) -> None:
        # A server for each: what one role did is not to hide what another can do.
        server = Server(*OFF)
        self.addCleanup(server.stop)
        session = server.register()
        key = server.key(role, session if role == "agent" else None)
        told = {f"CONTRACT_{name}": value for name, value in STAND_INS.items()}
        told |= {"CONTRACT_URL": server.url, "CONTRACT_TOP": session, "CONTRACT_ADMIN": server.headers["X-API-Key"]}
        with tempfile.TemporaryDirectory() as folder:
            config = pathlib.Path(folder) / "schemathesis.toml"
            config.write_text(settings)
            command = [
                *[sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"],
                *["--config-file", str(config), "run", f"{server.url}/openapi.json", "--header", f"X-API-Key: {key}"],
                *["--checks", "all", "--max-examples", CASES, "--no-color", *more],
            ]
            environment = os.environ | told | {"PYTHONPATH": str(HERE)}
            done = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True)
        if folder := os.environ.get("CONTRACT_LOG"):
            (pathlib.Path(folder) / f"{self._testMethodName}-{role}.log").write_text(done.stdout + done.stderr)
        # What failed comes first, then what was done at all.
        report = f"{done.stdout[:6_000]}\n…\n{done.stdout[-3_000:]}{done.stderr[-2_000:]}"
        self.assertEqual(done.returncode, 0, report)
        self.assertRegex(done.stdout, r"Tested: [1-9]\d", "hardly any route was tried")

    def test_each_role(self) -> None:
        with ThreadPoolExecutor() as pool:
            for role, done in [(role, pool.submit(self.check, role)) for role in ("viewer", "operator", "agent")]:
                with self.subTest(role):
                    done.result()

    def test_texts_in_all_scripts(self) -> None:
        """The same with texts whose bytes are more than their characters, which may so be too long for the server."""
        wide = SETTINGS.replace('codec = "ascii"', 'codec = "utf-8"')
        self.assertNotEqual(wide, SETTINGS)
        self.check("operator", "--phases", "fuzzing", "--exclude-checks", "positive_data_acceptance", settings=wide)


if __name__ == "__main__":
    unittest.main()
