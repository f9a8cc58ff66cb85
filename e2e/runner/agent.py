"""What the agents of runner.py do: they play the script of their context, the steps of the provider `scripted`."""
import time

STEPS = ("say", "wait", "ask", "spawn", "fail", "idle", "turn")


class Killed(Exception):
    """The agent is to end."""


class Agent:
    def __init__(self, session, script, play):
        self.session, self.script, self.play = session, script, play
        self.told, self.paused, self.before = session.told, False, None

    def take(self, *kinds):
        with self.told:
            found = next((it for it in self.session.queue if it["kind"] in kinds), None)
            if found:
                self.session.queue.remove(found)
            return found

    def obey(self):
        """Between two steps: a kill, a pause and its end, a choice, and what is to be said into the turn."""
        session = self.session
        while True:
            if session.killed:
                raise Killed
            pause = self.take("pause", "resume")
            if pause and pause["kind"] == "pause" and not self.paused:
                self.paused, self.before = True, session.status
                session.report("paused")
            elif pause and pause["kind"] == "resume" and self.paused:
                self.paused = False
                session.report(self.before)
            if pause:
                session.ack(pause, "consumed")
                continue
            chosen = self.take("configure")
            if chosen:
                # A script says the same with any model and in any mode.
                names = " ".join(filter(None, (chosen.get("model"), chosen.get("mode"))))
                session.say("system", f"configured: {names}")
                session.ack(chosen, "consumed")
                continue
            with self.told:
                if self.paused and not session.killed and not session.queue:
                    self.told.wait(1)
                    continue
                if self.paused:
                    continue
                steer = next((it for it in session.queue if it["delivery"] == "steer"), None)
                if steer:
                    session.queue.remove(steer)
            if not steer:
                return
            self.answer(steer)

    def rest(self, seconds):
        """Waits, and obeys meanwhile; comes back early for an interrupt."""
        session = self.session
        if seconds:
            session.flush()
        until = time.monotonic() + seconds
        while not session.interrupts and time.monotonic() < until:
            self.obey()
            with self.told:
                if not session.killed and not session.queue and not session.interrupts:
                    self.told.wait(max(0, min(0.5, until - time.monotonic())))
        self.obey()

    def answer(self, command):
        self.session.ack(command, "delivered")
        self.session.say("assistant", f"You said: {self.session.text(command)}")
        self.session.ack(command, "consumed")

    def ask(self, wanted):
        look, withdraw = self.session.ask(wanted)
        while not self.session.interrupts:
            request = look()
            if request["status"] != "open":
                self.session.report("running")
                decision = request["decision"]
                may = "I may" if decision and decision["allowed"] else "I may not"
                option = decision["option"] if decision else "nobody decided"
                return self.session.say("assistant", f"{may} ({option}).")
            self.rest(0.1)
        withdraw()
        self.session.report("running")

    def step(self, step):
        (kind, value), = step.items()
        if kind == "say":
            self.session.say("assistant", value)
        elif kind == "wait":
            self.rest(value["ms"] / 1000)
        elif kind == "ask":
            self.ask(value)
        elif kind == "spawn":
            self.play(self.session.below(value["agentType"], value["taskId"]), value)
        elif kind == "fail":
            raise RuntimeError(value)
        return kind

    def idle(self):
        """The turn is over: answers what comes, each with a turn of its own, until it is killed."""
        session = self.session
        session.report("idle")
        while True:
            self.obey()
            command = self.take("inject") or (session.interrupts.pop(0) if session.interrupts else None)
            if command and command["kind"] == "interrupt":
                session.ack(command, "consumed")
            elif command:
                session.report("running")
                self.answer(command)
                session.report("idle")
            else:
                with self.told:
                    if not session.killed and not session.queue and not session.interrupts:
                        self.told.wait(1)

    def run(self, prompt):
        session, script = self.session, self.script
        try:
            steps = script.get("script", [{"idle": True}])
            for step in steps:
                if next(iter(step)) not in STEPS:
                    raise RuntimeError(f"there is no step {next(iter(step))}")
            if prompt:
                session.say("user", prompt)
            session.report("running")
            for step in steps * script.get("repeat", 1):
                self.obey()
                if session.interrupts or self.step(step) in ("idle", "turn"):
                    break
                self.rest(script.get("pace", 0) / 1000)
            if session.interrupts or session.queue or (steps and next(iter(steps[-1])) in ("idle", "turn")):
                self.idle()
            session.report("completed")
        except Killed:
            session.report("killed")
        except Exception as error:  # Whatever it is, the session does not live on without its agent.
            session.report("failed", str(error) or type(error).__name__)
