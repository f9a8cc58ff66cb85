//! The HTTP side of Flightdeck.
//!
//! `routes` lists every route; each handler takes the request apart, calls one use case of the domain, and maps the
//! result (`dto`, `problem`). `auth` rejects requests without a key or a login, `throttle` limits the rate of callers,
//! `sse` turns the followers of [`flightdeck_live`] into streams, and `request` gives every request its id.
//!
//! A file of `handlers` declares what its handlers take: a use case, or a struct with the few use cases that they need.
//! `wiring` makes all of these from [`Api`], the parts of a deployment, which no handler sees. `housekeeping` has the
//! background jobs of the API.
//!
//! # What does not belong here
//! SQL, child processes, and rules: a handler decides nothing that the domain could decide.

mod api;
mod asset;
mod auth;
mod console;
mod counters;
mod docs;
mod dto;
mod epochs;
mod extract;
mod frames;
mod handlers;
mod head;
mod heavy;
mod host;
mod housekeeping;
mod line;
mod openapi;
mod options;
mod problem;
mod readiness;
mod rendered;
mod request;
mod request_spans;
mod resource;
mod routes;
mod server;
mod sse;
mod throttle;
mod throttles;
mod wiring;

pub use api::Api;
pub use counters::{Counters, Counts};
pub use epochs::CurrentEpoch;
pub use extract::BodyLimits;
pub use openapi::openapi;
pub use options::ApiOptions;
pub use problem::{ApiError, FieldFault, Problem};
pub use request_spans::RequestSpans;
pub use server::Listening;
pub use throttle::{Admission, ControlRoute, ControlThrottle, InvalidRate, Rate, Throttle};
