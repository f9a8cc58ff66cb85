"""An agent that speaks ACP and tells its credentials in every way that it has.

It notes in a file that it has them: the prompt is the name of the file.
"""

import json
import os
import sys

TOKEN, OTHER = os.environ.get("TOKEN", ""), os.environ.get("OTHER", "")


def send(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def update(session, **update):
    send(method="session/update", params={"sessionId": session, "update": update})


def say(session, text, kind="agent_message_chunk"):
    for place in range(0, len(text), 5):
        update(session, sessionUpdate=kind, content={"type": "text", "text": text[place:place + 5]})


def tell(session):
    say(session, f"My key is {TOKEN}, the other {OTHER}.")
    say(session, f"I think of {TOKEN}.", "agent_thought_chunk")
    update(session, sessionUpdate="tool_call", toolCallId="1", title=f"curl -H {TOKEN}", rawInput={TOKEN: OTHER})
    update(session, sessionUpdate="tool_call_update", toolCallId="1", status="completed", rawOutput=TOKEN,
           content=[{"type": "content", "content": {"type": "text", "text": f"401 for {TOKEN}"}}])
    update(session, sessionUpdate="plan", entries=[{"content": TOKEN, "priority": "low", "status": "pending"}])
    update(session, sessionUpdate=f"unknown {TOKEN}", of=[TOKEN, json.dumps({"a": OTHER})])
    print(f"no protocol: {TOKEN}", flush=True)
    print(f"to the log: {TOKEN} {OTHER}", file=sys.stderr, flush=True)
    options = [{"optionId": "yes", "name": f"Yes {TOKEN}", "kind": "allow_once"}]
    call = {"toolCallId": "2", "title": f"push with {TOKEN}", "rawInput": {"command": f"push {OTHER}"}}
    send(id="p", method="session/request_permission", params={"sessionId": session, "toolCall": call, "options": options})


prompt = None
for line in sys.stdin:
    call = json.loads(line)
    method, number = call.get("method"), call.get("id")
    if method == "initialize":
        info = {"name": f"talker {TOKEN}", "version": "1"}
        send(id=number, result={"protocolVersion": 1, "agentInfo": info, "agentCapabilities": {}})
    elif method == "session/new":
        send(id=number, result={"sessionId": f"s{os.getpid()}"})
    elif method == "session/prompt":
        session, text = call["params"]["sessionId"], call["params"]["prompt"][0]["text"]
        if text == "fail":
            print(f"Error: the key {TOKEN} is wrong", file=sys.stderr, flush=True)
            sys.exit(3)
        if text == "refuse":
            send(id=number, error={"code": -32000, "message": f"the key {TOKEN} is wrong"})
            continue
        with open(text, "w") as file:
            file.write(f"{os.getpid()} {TOKEN} {OTHER}")
        prompt = number
        tell(session)
    elif number == "p":
        send(id=prompt, result={"stopReason": "end_turn"})
