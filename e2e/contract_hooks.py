"""What schemathesis is told of a fleet: ids of things that are there, and rules that a JSON Schema does not say.

It is loaded by schemathesis itself, for `test_contract.py`. Only requests that are meant to be valid are touched; those that
are meant to be refused go out as they were made.
"""

import itertools
import os
import threading

import httpx
import schemathesis
from schemathesis.generation import GenerationMode

URL = os.environ["CONTRACT_URL"]
ADMIN = {"X-API-Key": os.environ["CONTRACT_ADMIN"]}
TOP = os.environ["CONTRACT_TOP"]
# In the place of ids in paths; each stands for a thing that is there when the request goes out.
AGENT, APPROVAL, OPERATION = (os.environ[f"CONTRACT_{name}"] for name in ("AGENT", "APPROVAL", "OPERATION"))
ENDS_AN_AGENT = {"killAgent", "closeAgent", "reportStatus", "killAllAgents"}
CLOSES_A_REQUEST = {"decideApproval", "withdrawApproval"}


class Fleet:
    """A session, a permission request and an operation, made anew when a request has ended the one before."""

    def __init__(self) -> None:
        self._client = httpx.Client(base_url=URL, headers=ADMIN, timeout=30)
        self._lock = threading.Lock()
        self._agent = self._approval = None
        self._operation = self._ask("pause?wait=0s", {}, self._new_agent())["operationId"]

    def _post(self, path: str, body: object) -> dict:
        answer = self._client.post(path, json=body)
        answer.raise_for_status()
        return answer.json()

    def _new_agent(self) -> str:
        new = {"taskId": "contract", "agentType": "tester", "parentSessionId": TOP}
        agent = self._post("/agents", new)["agentId"]
        # The command with the seq 1, and a message.
        self._post(f"/agents/{agent}/inject", {"message": "hello"})
        return agent

    def _ask(self, what: str, body: object, agent: str) -> dict:
        return self._post(f"/agents/{agent}/{what}", body)

    def agent(self) -> str:
        with self._lock:
            self._agent = self._agent or self._new_agent()
            return self._agent

    def approval(self) -> str:
        agent = self.agent()
        with self._lock:
            self._approval = self._approval or self._ask("approvals", {"title": "contract"}, agent)["id"]
            return self._approval

    def operation(self) -> str:
        return self._operation

    def seen(self, operation: str) -> None:
        with self._lock:
            if operation in ENDS_AN_AGENT:
                self._agent = self._approval = None
            if operation in CLOSES_A_REQUEST:
                self._approval = None
            if operation == "killAllAgents":
                # So that a kill of all is tried like any other call, and what comes after it can register again.
                self._post("/killswitch/release", {})
                self._revive()

    def _revive(self) -> None:
        """A kill of all is a fence above everything that there was; sessions begin a tree of their own from here on."""
        global TOP
        TOP = self._post("/agents", {"taskId": "contract", "agentType": "tester"})["agentId"]


fleet = Fleet()
calls = itertools.count()


def one_of(body: dict, *names: str) -> None:
    """The names say the same: the first that is given stays."""
    for extra in [name for name in names if body.get(name) is not None][1:]:
        del body[extra]


def a_parent_that_is_there(body: dict) -> None:
    one_of(body, "parentSessionId", "parentAgentId")
    one_of(body, "sessionId", "agentId")
    for name in ("parentSessionId", "parentAgentId"):
        if body.get(name) is not None:
            body[name] = TOP


def a_provider_that_is_there(body: dict) -> None:
    a_parent_that_is_there(body)
    if body.get("provider") is not None:
        body["provider"] = "internal"


def a_limit(body: dict) -> None:
    if body.get("maxTokens") is None and body.get("maxCostUsd") is None:
        body["maxTokens"] = 1_000


def a_number(body: object) -> None:
    for message in body if isinstance(body, list) else [body]:
        usage = message.get("usage") if isinstance(message, dict) else None
        if usage is not None and not any(value is not None for name, value in usage.items() if name != "model"):
            usage["outputTokens"] = 1


def a_reason_for_a_refusal(body: dict) -> None:
    if body["state"] != "refused":
        body.pop("reason", None)
    elif body.get("reason") is None:
        body["reason"] = "contract"


def no_answer_without_a_form(body: dict) -> None:
    body.pop("answer", None)


def a_report_that_is_one(body: dict) -> None:
    """Each file and turn once, turns in their order, the later state after the earlier one."""
    body.pop("total", None)
    body["toAt"] = body["fromAt"]
    body["files"] = list({file["path"]: file for file in body["files"]}.values())
    for number, turn in enumerate(body.get("turns") or [], 1):
        turn["number"] = number


BODIES = {
    "reportAgentChanges": a_report_that_is_one,
    "registerAgent": a_parent_that_is_there,
    "spawnAgent": a_provider_that_is_there,
    "setAgentBudget": a_limit,
    "setMissionBudget": a_limit,
    "appendMessages": a_number,
    "acknowledgeCommand": a_reason_for_a_refusal,
    "decideApproval": no_answer_without_a_form,
}


def some_days(query: dict) -> None:
    """Days are for a breakdown alone, in the order of the calendar, and not too many."""
    if not query.get("by"):
        query.pop("from", None)
        query.pop("to", None)
    for name, day in (("from", "2026-11-01"), ("to", "2026-11-30")):
        if name in query:
            query[name] = day


def one_place(query: dict) -> None:
    one_of(query, "skip", "after", "before")


def a_place_that_is_there(query: dict) -> None:
    """A cursor is what the server gave; one beyond the end is refused."""
    if "after" in query:
        query["after"] = "0"


QUERIES = {
    "listMessages": one_place,
    "followMessages": a_place_that_is_there,
    "followFleet": a_place_that_is_there,
    "getFleetUsage": some_days,
    "getAgentUsage": some_days,
    "getMission": some_days,
}


def name(case: schemathesis.Case) -> str:
    return case.operation.definition.raw.get("operationId", "")


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict) -> None:
    path = case.path_parameters or {}
    for parameter, stand_in, real in [
        ("agentId", AGENT, fleet.agent),
        ("approvalId", APPROVAL, fleet.approval),
        ("operationId", OPERATION, fleet.operation),
    ]:
        if path.get(parameter) == stand_in:
            path[parameter] = real()
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    operation = name(case)
    if operation in BODIES and isinstance(case.body, dict | list):
        BODIES[operation](case.body)
    if operation in QUERIES and case.query:
        QUERIES[operation](case.query)
    headers = case.headers or {}
    if "Last-Event-ID" in headers:
        headers["Last-Event-ID"] = "0"
    if "Idempotency-Key" in headers:
        # One key names one call; the same with another body is a 422.
        headers["Idempotency-Key"] = f"contract-{next(calls)}"
    if operation == "appendMessages" and case.media_type == "application/json" and case.query:
        # Only lines are taken as they come.
        case.query.pop("stream", None)


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    """A header that a server does not know is to be ignored (RFC 9110, section 5.1), so none is refused for it."""
    return not any("unknown-property" in header for header in case.headers or {})


@schemathesis.hook
def after_call(context: schemathesis.HookContext, case: schemathesis.Case, response: schemathesis.Response) -> None:
    if response.status_code < 400:
        fleet.seen(name(case))
