"""An agent that speaks ACP and does as it is told: `run COMMAND` asks first, `busy` ends when it is cancelled.

Its argument is what it does instead: `declines` everything, `blocks` its commands itself, or `waits` with a command until the
file `go` is in its folder.
"""

import json
import os
import subprocess
import sys
import time

manner = sys.argv[1]
turn = None
asked = None


def send(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def update(what, /, **about):
    send(method="session/update", params={"sessionId": "s", "update": {"sessionUpdate": what, **about}})


def say(text):
    update("agent_message_chunk", content={"type": "text", "text": text})


def end(reason):
    global turn
    usage = {"inputTokens": 70, "cachedReadTokens": 30, "outputTokens": 4, "totalTokens": 104}
    send(id=turn, result={"stopReason": reason, "usage": usage})
    turn = None


def close(status, text):
    content = [{"type": "content", "content": {"type": "text", "text": text}}]
    update("tool_call_update", toolCallId="t", status=status, content=content)


def prompt(text):
    global asked
    if manner == "declines":
        say("I will not do that.")
        end("refusal")
    elif text == "busy":
        say("one")
    elif text.startswith("run "):
        command = text.removeprefix("run ")
        call = {"toolCallId": "t", "title": command, "kind": "execute", "status": "pending", "rawInput": {"command": command}}
        update("tool_call", **call)
        if manner == "blocks":
            close("completed", "Blocked")
            end("end_turn")
            return
        asked = command
        options = [{"optionId": kind, "name": kind, "kind": kind} for kind in ("allow_once", "reject_once")]
        send(id="ask", method="session/request_permission", params={"sessionId": "s", "toolCall": call, "options": options})
    else:
        say(f"You asked: {text}")
        end("end_turn")


def decided(outcome):
    global asked
    command, asked = asked, None
    if outcome.get("optionId") == "allow_once":
        while manner == "waits" and not os.path.exists("go"):
            time.sleep(0.02)
        close("completed", subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, text=True).stdout)
        end("end_turn")
    else:
        close("failed", "rejected")
        end("cancelled" if outcome["outcome"] == "cancelled" else "end_turn")


MODES = ["ask", "plan"]

for line in sys.stdin:
    message = json.loads(line)
    method = message.get("method")
    if method == "initialize":
        about = {"name": "robot", "version": "1"}
        send(id=message["id"], result={"protocolVersion": 1, "agentCapabilities": {"loadSession": True}, "agentInfo": about})
    elif method == "session/new":
        modes = [{"id": mode, "name": mode} for mode in MODES]
        send(id=message["id"], result={"sessionId": "s", "modes": {"currentModeId": MODES[0], "availableModes": modes}})
    elif method == "session/set_mode":
        if message["params"]["modeId"] in MODES:
            send(id=message["id"], result={})
        else:
            send(id=message["id"], error={"code": -32602, "message": "there is no such mode"})
    elif method == "session/load":
        send(id=message["id"], result={})
    elif method == "session/prompt":
        turn = message["id"]
        prompt(message["params"]["prompt"][0]["text"])
    elif method == "session/cancel" and turn is not None and asked is None:
        end("cancelled")
    elif message.get("id") == "ask":
        decided(message["result"]["outcome"])
