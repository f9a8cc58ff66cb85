"""PyPI's standardwebhooks: the official way to verify a webhook in Python."""

import base64
import http.server
import json
import threading
import time
import unittest

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from server import Server


def secret(letter: str) -> str:
    return "whsec_" + base64.b64encode(letter.encode() * 32).decode()


SECRET, PREVIOUS, FOREIGN = secret("n"), secret("o"), secret("x")


class Receiver(http.server.ThreadingHTTPServer):
    def __init__(self) -> None:
        self.got: list[tuple[bytes, dict[str, str]]] = []
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/hook"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((body, {name.lower(): value for name, value in self.headers.items()}))
        # Now and then it does not accept what it has seen.
        self.send_response(500 if len(self.server.got) % 3 == 0 else 204)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Webhooks(unittest.TestCase):
    def test_what_a_sink_sends_is_verified_with_each_of_two_secrets_over_a_restart(self) -> None:
        receiver, server = Receiver(), Server("--sinks-allow-private", "on")
        self.addCleanup(receiver.shutdown)
        self.addCleanup(server.stop)
        sink = {"name": "ops", "form": "webhook", "settings": {"url": receiver.url}, "from": "start"}
        server.post("/sinks", {**sink, "credentials": {"secret": SECRET, "previous_secret": PREVIOUS}})
        for _ in range(3):
            server.register()
        server.kill_and_restart()
        for _ in range(2):
            server.register()
        deadline = time.monotonic() + 60
        while len({headers["webhook-id"] for _, headers in receiver.got}) < 5:
            self.assertLess(time.monotonic(), deadline, "not all events came")
            time.sleep(0.05)
        for body, headers in receiver.got:
            for known in (SECRET, PREVIOUS):
                self.assertEqual(Webhook(known).verify(body, headers)["type"], "session.spawned")
            for wrong, forged in ((FOREIGN, body), (SECRET, body + b" ")):
                with self.assertRaises(WebhookVerificationError):
                    Webhook(wrong).verify(forged, headers)
        places = [json.loads(body)["data"]["event"]["position"] for body, _ in receiver.got]
        self.assertEqual(list(dict.fromkeys(places)), [1, 2, 3, 4, 5], "each event, for the first time in order")


if __name__ == "__main__":
    unittest.main()
