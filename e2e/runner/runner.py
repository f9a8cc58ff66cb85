#!/usr/bin/env python3
"""A runner in Python, with the standard library alone: it joins a server, leases assignments and plays their agents.

Its agents are threads that play the script of their context (the steps of the provider `scripted`). It shows the whole
protocol of docs/runner-protocol.md; it keeps nothing over a restart, so it has a new instance each time.

    FLIGHTDECK_API_KEY=fd_... python3 runner.py http://127.0.0.1:7600 NAME [LABEL ...]
"""
import json, os, sys, threading, time, urllib.error, urllib.request, uuid
from datetime import datetime, timezone

SERVER, NAME, LABELS = sys.argv[1], sys.argv[2], sys.argv[3:]
KEY, INSTANCE, CAPACITY = os.environ["FLIGHTDECK_API_KEY"], str(uuid.uuid4()), 50
OVER = ("assignment-over", "assignment-fenced")


class Refused(Exception):
    """The server will never do it; `kind` says why."""

    def __init__(self, kind, detail):
        super().__init__(detail)
        self.kind = kind


class Killed(Exception):
    """The agent is to end."""


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


class Agent:
    """One agent: what it does, and what it is told meanwhile."""

    def __init__(self, session, token, script, below=()):
        self.id, self.assignment, self.script = session, token, script
        self.queue, self.told, self.killed, self.paused, self.below = [], threading.Condition(), False, False, list(below)
        self.seen, self.status, self.interrupts, self.unsaid = 0, "spawning", [], []

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

    def listen(self):
        """Waits for commands until the agent has ended."""
        while self.status not in ("completed", "failed", "killed"):
            try:
                path = f"/agents/{self.id}/commands?after={self.seen}&wait=10s"
                answer = call("GET", path, None, self.assignment)
            except Refused:
                answer = {"commands": [], "control": {"desiredStatus": "killed"}}
            with self.told:
                self.killed |= answer["control"]["desiredStatus"] == "killed"
                for command in answer["commands"]:
                    self.seen = max(self.seen, command["seq"])
                    is_now = command["kind"] == "interrupt" or command["delivery"] == "interrupt"
                    (self.interrupts if is_now else self.queue).append(command)
                self.told.notify_all()

    def take(self, *kinds):
        with self.told:
            found = next((it for it in self.queue if it["kind"] in kinds), None)
            if found:
                self.queue.remove(found)
            return found

    def obey(self):
        """Between two steps: a kill, a pause and its end, and what is to be said into the turn."""
        while True:
            if self.killed:
                raise Killed
            pause = self.take("pause", "resume")
            if pause and pause["kind"] == "pause" and not self.paused:
                self.paused, self.before = True, self.status
                self.report("paused")
            elif pause and pause["kind"] == "resume" and self.paused:
                self.paused = False
                self.report(self.before)
            if pause:
                self.ack(pause, "consumed")
                continue
            chosen = self.take("configure")
            if chosen:
                # A script says the same with any model and in any mode.
                self.say("system", "configured: " + " ".join(filter(None, (chosen.get("model"), chosen.get("mode")))))
                self.ack(chosen, "consumed")
                continue
            with self.told:
                if self.paused and not self.killed and not self.queue:
                    self.told.wait(1)
                    continue
                if self.paused:
                    continue
                steer = next((it for it in self.queue if it["delivery"] == "steer"), None)
                if steer:
                    self.queue.remove(steer)
            if not steer:
                return
            self.answer(steer)

    def rest(self, seconds):
        """Waits, and obeys meanwhile; comes back early for an interrupt."""
        if seconds:
            self.flush()
        until = time.monotonic() + seconds
        while not self.interrupts and time.monotonic() < until:
            self.obey()
            with self.told:
                if not self.killed and not self.queue and not self.interrupts:
                    self.told.wait(max(0, min(0.5, until - time.monotonic())))
        self.obey()

    def text(self, command):
        path = f"/agents/{self.id}/messages?after={command['messageSeq'] - 1}&limit=1"
        return call("GET", path, None, self.assignment)["messages"][0]["content"]

    def answer(self, command):
        self.ack(command, "delivered")
        self.say("assistant", f"You said: {self.text(command)}")
        self.ack(command, "consumed")

    def ask(self, wanted):
        approval = str(uuid.uuid4())
        self.post("approvals", {"id": approval, **wanted})
        self.status = "waiting"
        while not self.interrupts:
            request = call("GET", f"/agents/{self.id}/approvals/{approval}", None, self.assignment)
            if request["status"] != "open":
                self.report("running")
                decision = request["decision"]
                may = "I may" if decision and decision["allowed"] else "I may not"
                return self.say("assistant", f"{may} ({decision['option'] if decision else 'nobody decided'}).")
            self.rest(0.1)
        call("POST", f"/approvals/{approval}/withdraw", {}, self.assignment)
        self.report("running")

    def step(self, step):
        (kind, value), = step.items()
        if kind == "say":
            self.say("assistant", value)
        elif kind == "wait":
            self.rest(value["ms"] / 1000)
        elif kind == "ask":
            self.ask(value)
        elif kind == "spawn":
            child = str(uuid.uuid4())
            new = {"sessionId": child, "parentAgentId": self.id, "provider": "runner", "status": "spawning"}
            call("POST", "/agents", {**new, "agentType": value["agentType"], "taskId": value["taskId"]}, self.assignment)
            play(Agent(child, self.assignment, value))
        elif kind == "fail":
            raise RuntimeError(value)
        elif kind not in ("idle", "turn"):
            raise RuntimeError(f"there is no step {kind}")
        return kind

    def idle(self):
        """The turn is over: answers what comes, each with a turn of its own, until it is killed."""
        self.report("idle")
        while True:
            self.obey()
            command = self.take("inject") or (self.interrupts.pop(0) if self.interrupts else None)
            if command and command["kind"] == "interrupt":
                self.ack(command, "consumed")
            elif command:
                self.report("running")
                self.answer(command)
                self.report("idle")
            else:
                with self.told:
                    if not self.killed and not self.queue and not self.interrupts:
                        self.told.wait(1)

    def run(self, prompt):
        try:
            steps = self.script.get("script", [{"idle": True}])
            for step in steps:
                if next(iter(step)) not in ("say", "wait", "ask", "spawn", "fail", "idle", "turn"):
                    raise RuntimeError(f"there is no step {next(iter(step))}")
            if prompt:
                self.say("user", prompt)
            self.report("running")
            for step in steps * self.script.get("repeat", 1):
                self.obey()
                if self.interrupts or self.step(step) in ("idle", "turn"):
                    break
                self.rest(self.script.get("pace", 0) / 1000)
            if self.interrupts or self.queue or (steps and next(iter(steps[-1])) in ("idle", "turn")):
                self.idle()
            self.report("completed")
        except Killed:
            self.report("killed")
        except Exception as error:  # Whatever it is, the session does not live on without its agent.
            self.report("failed", str(error) or type(error).__name__)


AGENTS = set()


def play(agent, prompt=None):
    def live():
        threading.Thread(target=agent.listen, daemon=True).start()
        agent.run(prompt)
        AGENTS.discard(agent)

    AGENTS.add(agent)
    threading.Thread(target=live, daemon=True).start()


def main():
    runner = f"/runners/{NAME}"
    join = me(protocol=1, version="runner.py", offers=["scripted", "python"], labels=LABELS, capacity=CAPACITY)
    call("PUT", runner, join)
    print(f"runner {NAME} has joined", flush=True)
    while True:
        leased = call("POST", f"{runner}/lease", me(free=max(0, CAPACITY - len(AGENTS)), waitSecs=10))
        for lease in leased["assignments"]:
            session, token = lease["agentId"], lease["token"]
            try:
                start = call("POST", f"{runner}/assignments/{session}/start", {"token": token})
            except Refused:
                continue  # It is over, or somebody else's: it is not started here.
            play(Agent(session, f"{session}/{token}", start["context"]), start["prompt"])


if __name__ == "__main__":
    main()
