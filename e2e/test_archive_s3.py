"""PyPI's moto: an archive in S3."""

import os
import pathlib
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest

import httpx
from moto.server import ThreadedMotoServer

from server import BINARY, lasting_port

TEN_DAYS = 10 * 86_400 * 1_000_000


class ArchiveInS3(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="flightdeck-s3-")
        self.addCleanup(folder.cleanup)
        self.data = pathlib.Path(folder.name) / "data"
        self.moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.moto.start()
        self.addCleanup(self.moto.stop)
        host, port = self.moto.get_host_and_port()
        self.s3 = f"http://{host}:{port}"
        httpx.put(f"{self.s3}/deck").raise_for_status()
        self.environment = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "hush-of-s3",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.s3,
            "AWS_ALLOW_HTTP": "true",
            "FLIGHTDECK_ARCHIVE_URL": "s3://deck/prod/eu",
            "FLIGHTDECK_DATA_DIR": str(self.data),
        }
        self.address = f"127.0.0.1:{lasting_port()}"

    def start(self, every: str) -> subprocess.Popen:
        arguments = ["--listen", self.address, "--log", "warn", "--retention-interval", every, "--throttle-control", "off"]
        process = subprocess.Popen([BINARY, *arguments], env=self.environment, stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            if "listening on" in line:
                return process
        self.fail("the server ended before it listened")

    def stop(self, process: subprocess.Popen) -> None:
        process.send_signal(signal.SIGTERM)
        process.wait()
        process.stdout.close()

    def command(self, *words: str) -> str:
        done = subprocess.run([BINARY, *words], env=self.environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def client(self) -> httpx.Client:
        key = (self.data / "admin.key").read_text().strip()
        client = httpx.Client(base_url=f"http://{self.address}", headers={"X-API-Key": key}, timeout=60)
        self.addCleanup(client.close)
        return client

    def test_conversations_go_to_s3_and_are_read_there(self) -> None:
        process = self.start("off")
        client = self.client()
        sessions = []
        for _ in range(3):
            session = client.post("/agents", json={"taskId": "t", "agentType": "a"}).json()["agentId"]
            for batch in range(4):
                # Long enough for several parts of an upload.
                body = [{"role": "assistant", "content": f"{batch} {n} " + os.urandom(3_000).hex()} for n in range(500)]
                client.post(f"/agents/{session}/messages", json=body).raise_for_status()
            client.post(f"/agents/{session}/status", json={"status": "completed"}).raise_for_status()
            sessions.append(session)
        before = {session: self.conversation(client, session) for session in sessions}
        self.stop(process)
        with sqlite3.connect(self.data / "flightdeck.db") as database:
            database.execute(f"UPDATE sessions SET completed_at = completed_at - {TEN_DAYS}")
        database.close()
        self.command("retention", "set", "--sessions", "1")

        process = self.start("1s")
        client = self.client()
        deadline = time.monotonic() + 120
        while not all("archivedAt" in client.get(f"/agents/{session}/status").json() for session in sessions):
            self.assertLess(time.monotonic(), deadline, "not archived")
            time.sleep(0.2)
        while self.left():
            self.assertLess(time.monotonic(), deadline, "not removed")
            time.sleep(0.2)
        for session in sessions:
            self.assertEqual(self.conversation(client, session), before[session])
        page = client.get(f"/agents/{sessions[0]}/messages?before=1500&limit=2")
        self.assertEqual(page.headers["flightdeck-archived"], "true")
        self.assertIn("3 objects", self.command("archive", "verify"))

        self.moto.stop()
        answer = client.get(f"/agents/{sessions[1]}/messages?after=10")
        self.assertEqual((answer.status_code, answer.json()["type"]), (503, "urn:flightdeck:problem:archive-unavailable"))
        self.assertNotIn("hush-of-s3", answer.text)
        self.stop(process)

    def left(self) -> int:
        database = sqlite3.connect(self.data / "flightdeck.db")
        try:
            return database.execute("SELECT COUNT(*) FROM messages").fetchone()[0]
        finally:
            database.close()

    def conversation(self, client: httpx.Client, session: str) -> list[dict]:
        found: list[dict] = []
        while True:
            after = found[-1]["seq"] if found else 0
            answer = client.get(f"/agents/{session}/messages?after={after}&limit=1000")
            answer.raise_for_status()
            page = answer.json()["messages"]
            if not page:
                return found
            found += page


if __name__ == "__main__":
    unittest.main()
