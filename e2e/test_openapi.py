"""The description of a running server is valid OpenAPI 3.1."""

import unittest

import httpx
from openapi_spec_validator import OpenAPIV31SpecValidator

from server import Server


class OpenApi(unittest.TestCase):
    def test_the_description_is_valid(self) -> None:
        server = Server()
        self.addCleanup(server.stop)
        document = httpx.get(f"{server.url}/openapi.json").json()
        self.assertEqual(document["openapi"], "3.1.0")
        self.assertEqual([error.message for error in OpenAPIV31SpecValidator(document).iter_errors()], [])
        broken = document | {"info": {}}
        self.assertTrue(list(OpenAPIV31SpecValidator(broken).iter_errors()), "the validator looks at nothing")


if __name__ == "__main__":
    unittest.main()
