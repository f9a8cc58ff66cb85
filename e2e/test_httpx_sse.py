"""PyPI's httpx-sse: it has no reconnect of its own, so this follows its documentation's advice: remember the last event's
id and the server's retry, wait, and come back with Last-Event-ID."""

import threading
import time
import unittest

import httpx
import httpx_sse

from server import Server

PER_STEP = 40


class Follower(threading.Thread):
    """Follows a session until the server says that there is nothing to come back for."""

    def __init__(self, server: Server, session: str) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._path = f"/agents/{session}/messages/stream"
        self.seqs: list[int] = []
        self.ends: list[int] = []
        self.statuses: list[int] = []

    def run(self) -> None:
        last_id, delay = "", 0.0
        with httpx.Client(headers=self._server.headers, timeout=20) as client:
            while True:
                time.sleep(delay)
                headers = {"Last-Event-ID": last_id} if last_id else {}
                try:
                    url = self._server.url + self._path
                    with httpx_sse.connect_sse(client, "GET", url, headers=headers) as source:
                        self.statuses.append(source.response.status_code)
                        if source.response.status_code == 204:
                            return
                        source.response.raise_for_status()
                        for event in source.iter_sse():
                            last_id = event.id
                            delay = delay if event.retry is None else event.retry / 1_000
                            self._take(event)
                except httpx.TransportError:
                    # The server is down, or went away in the middle.
                    delay = max(delay, 0.1)

    def _take(self, event: httpx_sse.ServerSentEvent) -> None:
        if event.event == "end":
            self.ends.append(event.json()["lastSeq"])
        elif event.event == "message" and event.data:
            assert event.json()["seq"] == int(event.id)
            self.seqs.append(int(event.id))


class HttpxSse(unittest.TestCase):
    def setUp(self) -> None:
        self.server = Server()
        self.addCleanup(self.server.stop)
        self.session = self.server.register()
        self.appended = 0

    def append(self, count: int) -> None:
        for _ in range(count):
            self.appended += 1
            message = {"role": "assistant", "content": f"message {self.appended}"}
            reply = self.server.post(f"/agents/{self.session}/messages", message)
            self.assertEqual(reply["messages"][0]["seq"], self.appended)

    def until_seen(self, follower: Follower, count: int) -> None:
        deadline = time.monotonic() + 20
        while len(follower.seqs) < count:
            self.assertTrue(follower.is_alive() and time.monotonic() < deadline, "waited in vain for messages")
            time.sleep(0.02)

    def test_it_follows_over_a_restart_and_stops_at_the_end(self) -> None:
        follower = Follower(self.server, self.session)
        self.append(PER_STEP)
        follower.start()
        self.until_seen(follower, 1)
        self.append(PER_STEP)
        self.server.kill_and_restart()
        # These come while the client still waits before it reconnects.
        self.append(PER_STEP)
        self.until_seen(follower, self.appended)
        self.append(PER_STEP)
        self.until_seen(follower, self.appended)
        self.assertEqual(follower.seqs, list(range(1, self.appended + 1)), "once and in order, over the restart")

        self.server.post(f"/agents/{self.session}/status", {"status": "completed"})
        self.appended += 1  # the change is told in the conversation
        follower.join(timeout=20)
        self.assertFalse(follower.is_alive(), "the follower was not sent away")
        self.assertEqual(follower.seqs, list(range(1, self.appended + 1)))
        self.assertEqual(follower.ends, [self.appended], "the end is told once")
        self.assertEqual(follower.statuses[-2:], [200, 204])


if __name__ == "__main__":
    unittest.main()
