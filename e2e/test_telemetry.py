"""PyPI's OpenTelemetry SDK: what its exporter sends counts for the session of the key."""

import unittest
import uuid

import httpx
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from server import Server


class Telemetry(unittest.TestCase):
    def setUp(self) -> None:
        self.server = Server()
        self.addCleanup(self.server.stop)

    def call(self, method: str, path: str, body: object = None) -> dict:
        response = httpx.request(method, self.server.url + path, headers=self.server.headers, json=body)
        response.raise_for_status()
        return response.json()

    def test_spans_count_once_for_the_session_of_the_key(self) -> None:
        session = str(uuid.uuid4())
        key = self.call("POST", "/keys", {"name": "agent", "role": "agent", "sessionId": session})["key"]
        self.call("POST", "/agents", {"sessionId": session, "taskId": "FD-1", "agentType": "worker"})
        exporter = OTLPSpanExporter(
            endpoint=f"{self.server.url}/v1/traces", headers={"x-api-key": key}, compression=Compression.Gzip
        )
        provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        tracer = provider.get_tracer("test")
        with tracer.start_as_current_span("invoke_agent shop") as around:
            around.set_attributes({"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.output_tokens": 999})
            with tracer.start_as_current_span("chat gpt") as span:
                span.set_attributes(
                    {
                        "gen_ai.operation.name": "chat",
                        "gen_ai.request.model": "gpt",
                        "gen_ai.usage.input_tokens": 100,
                        "gen_ai.usage.output_tokens": 7,
                    }
                )
        provider.shutdown()
        own = self.call("GET", f"/agents/{session}/usage")["own"]
        self.assertEqual((own["inputTokens"], own["outputTokens"], own["reports"]), (100, 7, 1))


if __name__ == "__main__":
    unittest.main()
