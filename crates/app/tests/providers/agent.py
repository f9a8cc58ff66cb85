"""An agent that speaks ACP, and notes in its folder what it was given as TOKEN, once for each session and prompt."""

import json
import os
import sys


def send(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


for line in sys.stdin:
    call = json.loads(line)
    method, number = call.get("method"), call.get("id")
    if method == "initialize":
        info = {"name": "noter", "version": "7"}
        send(id=number, result={"protocolVersion": 1, "agentInfo": info, "agentCapabilities": {"loadSession": True}})
    elif method == "session/new":
        send(id=number, result={"sessionId": f"s{os.getpid()}"})
    elif method == "session/prompt":
        text = call["params"]["prompt"][0]["text"]
        with open(text, "w") as file:
            file.write(f"{os.getpid()} {os.environ.get('TOKEN')}")
        send(id=number, result={"stopReason": "end_turn"})
