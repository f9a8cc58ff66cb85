//! The HTTP side of Flightdeck: routes, DTOs, authentication, throttling, streams, OpenAPI.
