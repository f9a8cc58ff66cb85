#!/usr/bin/env python3
"""A runner in Python, with the standard library alone: it joins a server, leases assignments and plays their agents.

It shows the whole protocol of docs/runner-protocol.md. What its agents do is in agent.py, which knows nothing of the
protocol. It keeps nothing over a restart, so it has a new instance each time.

    FLIGHTDECK_API_KEY=fd_... python3 runner.py http://127.0.0.1:7600 NAME [LABEL ...]
"""
import json, os, sys, threading, time, urllib.error, urllib.request, uuid
from datetime import datetime, timezone

from agent import Agent, Killed

SERVER, NAME, LABELS = sys.argv[1], sys.argv[2], sys.argv[3:]
KEY, INSTANCE, CAPACITY = os.environ["FLIGHTDECK_API_KEY"], str(uuid.uuid4()), 50
OVER = ("assignment-over", "assignment-fenced")
AT_WORK = set()


class Refused(Exception):
    """The server will never do it; `kind` says why."""

    def __init__(self, kind, detail):
        super().__init__(detail)
        self.kind = kind


def call(method, path, body=None, assignment=None):
    """One call, made again until the server has answered it: a report that carries an id counts once."""
    headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
    if assignment:
        headers["Flightdeck-Assignment"] = assignment
    data, pause = None if body is None else json.dumps(body).encode(), 0.1
    while True:
        try:
            request = urllib.request.Request(SERVER + path, data, headers, method=method)
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 429 and error.code < 500:
                problem = json.load(error)
                raise Refused(problem["type"].rsplit(":", 1)[-1], problem.get("detail"))
        except OSError:
            pass  # The server is away.
        time.sleep(pause)
        pause = min(pause * 2, 3)


def me(**more):
    return {"instance": INSTANCE, "now": datetime.now(timezone.utc).isoformat().replace("+00:00", "Z"), **more}


class Session:
    """One session of an assignment: what its agent reports, and what it is told."""

    def __init__(self, session, assignment):
        self.id, self.assignment, self.told = session, assignment, threading.Condition()
        self.queue, self.interrupts, self.killed, self.seen = [], [], False, 0
        self.status, self.unsaid = "spawning", []

    def post(self, path, body):
        """A report, behind all that was said before it."""
        self.flush()
        return self.send(path, body)

    def send(self, path, body):
        try:
            return call("POST", f"/agents/{self.id}/{path}", body, self.assignment)
        except Refused as refused:
            if refused.kind in OVER:
                raise Killed from None
            return {}

    def say(self, role, content, **metadata):
        self.unsaid.append({"id": str(uuid.uuid4()), "role": role, "content": content, "metadata": metadata})
        if len(self.unsaid) >= 200:
            self.flush()

    def flush(self):
        if self.unsaid:
            self.unsaid, messages = [], self.unsaid
            self.send("messages", messages)

    def report(self, status, reason=None):
        self.status = status
        self.post("status", {"status": status, "reason": reason} if reason else {"status": status})

    def ack(self, command, state):
        self.post(f"commands/{command['seq']}/ack", {"state": state})

    def text(self, command):
        """What an operator says with an inject."""
        path = f"/agents/{self.id}/messages?after={command['messageSeq'] - 1}&limit=1"
        return call("GET", path, None, self.assignment)["messages"][0]["content"]

    def ask(self, wanted):
        """Opens a permission request, and gives how it is looked at and how it is withdrawn."""
        approval = str(uuid.uuid4())
        self.post("approvals", {"id": approval, **wanted})
        self.status = "waiting"
        look = lambda: call("GET", f"/agents/{self.id}/approvals/{approval}", None, self.assignment)
        return look, lambda: call("POST", f"/approvals/{approval}/withdraw", {}, self.assignment)

    def below(self, agent_type, task):
        """A session for an agent that works within this one."""
        new = {"sessionId": str(uuid.uuid4()), "parentAgentId": self.id, "provider": "runner", "status": "spawning"}
        call("POST", "/agents", {**new, "agentType": agent_type, "taskId": task}, self.assignment)
        return Session(new["sessionId"], self.assignment)

    def listen(self):
        """Waits for commands until the agent has ended."""
        while self.status not in ("completed", "failed", "killed"):
            try:
                answer = call("GET", f"/agents/{self.id}/commands?after={self.seen}&wait=10s", None, self.assignment)
            except Refused:
                answer = {"commands": [], "control": {"desiredStatus": "killed"}}
            with self.told:
                self.killed |= answer["control"]["desiredStatus"] == "killed"
                for command in answer["commands"]:
                    self.seen = max(self.seen, command["seq"])
                    is_now = command["kind"] == "interrupt" or command["delivery"] == "interrupt"
                    (self.interrupts if is_now else self.queue).append(command)
                self.told.notify_all()


def play(session, script, prompt=None):
    """Plays an agent, and obeys meanwhile."""

    def live():
        threading.Thread(target=session.listen, daemon=True).start()
        Agent(session, script, play).run(prompt)
        AT_WORK.discard(session)

    AT_WORK.add(session)
    threading.Thread(target=live, daemon=True).start()


def main():
    runner = f"/runners/{NAME}"
    join = me(protocol=1, version="runner.py", offers=["scripted", "python"], labels=LABELS, capacity=CAPACITY)
    call("PUT", runner, join)
    print(f"runner {NAME} has joined", flush=True)
    while True:
        leased = call("POST", f"{runner}/lease", me(free=max(0, CAPACITY - len(AT_WORK)), waitSecs=10))
        for lease in leased["assignments"]:
            session, token = lease["agentId"], lease["token"]
            try:
                start = call("POST", f"{runner}/assignments/{session}/start", {"token": token})
            except Refused:
                continue  # It is over, or somebody else's: it is not started here.
            play(Session(session, f"{session}/{token}"), start["context"], start["prompt"])


if __name__ == "__main__":
    main()
