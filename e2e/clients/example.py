import os

from flightdeck import AuthenticatedClient
from flightdeck.api.agents import get_agent, register_agent
from flightdeck.api.approvals import decide_approval, request_approval
from flightdeck.api.control import inject_message, kill_agent, pause_agent
from flightdeck.api.messages import append_messages
from flightdeck.models import (
    ApprovalOption,
    AskBody,
    ControlBody,
    DecideBody,
    Delivery,
    InjectBody,
    MessageBody,
    MessageView,
    RegisterBody,
    ReportedRole,
)
from httpx_sse import connect_sse

flightdeck = AuthenticatedClient(os.environ["FLIGHTDECK_URL"], token=os.environ["FLIGHTDECK_KEY"])

# An agent registers, and says something.
session = register_agent.sync(client=flightdeck, body=RegisterBody(task_id="FD-1", agent_type="worker"))
agent = session.agent_id
words = MessageBody(role=ReportedRole.ASSISTANT, content="I begin.")
append_messages.sync(agent, client=flightdeck, body=words)

# An operator says something to it, and reads the conversation as it grows.
injected = inject_message.sync(agent, client=flightdeck, body=InjectBody(message="Go on.", delivery=Delivery.QUEUE))
assert injected.receipt == "accepted"
said = []
with connect_sse(flightdeck.get_httpx_client(), "GET", f"/agents/{agent}/messages/stream") as stream:
    for event in stream.iter_sse():
        # The first event says how long to wait before a reconnect, and nothing else.
        if event.event == "message" and event.data:
            message = MessageView.from_dict(event.json())
            said.append(f"{message.seq} {message.role}: {message.content}")
        if len(said) == 2:
            break
assert said == ["1 assistant: I begin.", "2 operator: Go on."]

# The agent asks for permission, and the operator gives it.
asked = request_approval.sync(agent, client=flightdeck, body=AskBody(title="Run the tests"))
decided = decide_approval.sync(asked.id, client=flightdeck, body=DecideBody(option=ApprovalOption.ALLOW_ONCE))
assert decided.decision.allowed

# The operator pauses it and kills it. The agent has not obeyed yet, so neither is seen.
paused = pause_agent.sync_detailed(agent, client=flightdeck, body=ControlBody(reason="a look"), wait="0s")
assert (paused.status_code, paused.parsed.observed) == (202, False)
kill_agent.sync(agent, client=flightdeck, wait="0s")
assert get_agent.sync(agent, client=flightdeck).desired_status == "killed"

# An error has a type, a sentence, and the fields at fault.
wrong = register_agent.sync(client=flightdeck, body=RegisterBody(task_id="FD-1", agent_type=""))
assert wrong.errors[0].field == "/agentType"
print("\n".join(said))
