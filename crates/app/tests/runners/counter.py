"""An agent that speaks ACP, keeps its conversations in its folder, and tells running totals of what each has used."""

import json
import os
import sys


def send(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


for line in sys.stdin:
    call = json.loads(line)
    method, number, params = call.get("method"), call.get("id"), call.get("params", {})
    if method == "initialize":
        send(id=number, result={"protocolVersion": 1, "agentCapabilities": {"loadSession": True}})
    elif method == "session/new":
        send(id=number, result={"sessionId": f"c{os.getpid()}"})
    elif method == "session/load":
        send(id=number, result={})
    elif method == "session/prompt":
        path = f"{params['sessionId']}.total"
        total = (int(open(path).read()) if os.path.exists(path) else 0) + 100
        with open(path, "w") as file:
            file.write(str(total))
        usage = {"inputTokens": total, "outputTokens": total // 10, "totalTokens": total + total // 10}
        send(id=number, result={"stopReason": "end_turn", "usage": usage})
