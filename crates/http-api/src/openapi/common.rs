//! What applies to every route, in addition to what its handler describes.

use utoipa::Modify;
use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::schema::{KnownFormat, Schema, SchemaFormat, SchemaType, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Components, ObjectBuilder, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder};

use crate::handlers::telemetry::RpcStatus;
use crate::problem::Problem;

/// The content type of every error, except for the page of an expired login link.
const PROBLEM: &str = "application/problem+json";

/// Completes each operation.
pub(super) struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut OpenApi) {
        let OpenApi { paths, components, .. } = document;
        let components = components.get_or_insert_default();
        for (path, item) in &mut paths.paths {
            for operation in operations(item) {
                Route { path, operation, components }.complete();
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.delete].into_iter().flatten()
}

struct Route<'a> {
    path: &'a str,
    operation: &'a mut Operation,
    components: &'a Components,
}

impl Route<'_> {
    fn complete(mut self) {
        for parameter in self.operation.parameters.iter_mut().flatten() {
            if let RefOr::T(Parameter { schema: Some(schema), .. }) = parameter {
                // What stands in a path, a query or a header is there or it is not.
                without_null(schema);
            }
        }
        self.take_logins();
        self.complete_body();
        self.add_statuses();
        let replayed = self.has_header("Idempotency-Key");
        for (status, response) in &mut self.operation.responses.responses {
            if let RefOr::T(response) = response {
                complete_response(status, response, replayed);
                if self.path.starts_with("/v1/") {
                    complete_telemetry(status, response);
                }
            }
        }
    }

    fn is_secured(&self) -> bool {
        self.operation.security.is_some()
    }

    fn has_header(&self, name: &str) -> bool {
        let mut parameters = self.operation.parameters.iter().flatten();
        parameters.any(
            |parameter| matches!(parameter, RefOr::T(it) if it.parameter_in == ParameterIn::Header && it.name == name),
        )
    }

    /// Every way to show a key is equal; a login replaces a key everywhere except for making links.
    fn take_logins(&mut self) {
        if self.is_secured() {
            let names =
                if self.path == "/login-links" { &["apiKey", "bearer"][..] } else { &["apiKey", "bearer", "login"] };
            let all = names.iter().map(|name| SecurityRequirement::new::<_, _, &str>(*name, [])).collect();
            self.operation.security = Some(all);
        }
    }

    /// An optional body may be left out, which is not the same as `null`. Its example is that of its schema.
    fn complete_body(&mut self) {
        let Some(body) = &mut self.operation.request_body else { return };
        let RefOr::T(body) = body else { return };
        if body.required.is_none() {
            body.required = Some(Required::False);
        }
        for content in body.content.values_mut() {
            let RefOr::T(content) = content else { continue };
            if let Some(schema) = &mut content.schema {
                without_null(schema);
                if content.example.is_none() {
                    content.example = example(self.components, schema);
                }
            }
        }
    }

    fn add(&mut self, status: &str, description: &str) {
        let responses = &mut self.operation.responses.responses;
        responses
            .entry(status.to_owned())
            .or_insert_with(|| RefOr::T(ResponseBuilder::new().description(description).build()));
    }

    fn add_statuses(&mut self) {
        self.add("400", "a parameter, a header or the body is wrong; `errors` names what");
        self.add("421", "the request went to a host that is not this server's");
        self.add("500", "a defect of the server; its log has the cause under `requestId`");
        if self.is_secured() {
            self.add("401", "there is no key and no login, or none that is good");
            // Whoever is let in may ask who they are.
            if self.path != "/me" {
                self.add("403", "not for the role of this key, or not for the session that it is bound to");
            }
        }
        // Hooks are never refused for their bodies.
        if self.operation.request_body.is_some() && self.path != "/hooks/claude-code" {
            self.add("408", "the body did not arrive in time");
            self.add("413", "the body is larger than this route takes");
            self.add("415", "the body is of another content type");
        }
        if self.has_header("Idempotency-Key") {
            self.add("422", "the idempotency key was used for another call");
        }
        if !matches!(self.path, "/health/live" | "/openapi.json") {
            self.add("503", "the store is not available, or the server holds as much as it may; nothing was changed");
        }
    }
}

fn complete_response(status: &str, response: &mut Response, replayed: bool) {
    let is_error = status.starts_with(['4', '5']);
    if is_error && response.content.is_empty() {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
        response.content.insert(PROBLEM.to_owned(), RefOr::T(content));
    }
    let mut header = |name: &str, kind: Type, description: &str| {
        let schema = ObjectBuilder::new().schema_type(kind);
        let header = HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build();
        response.headers.insert(name.to_owned(), RefOr::T(header));
    };
    match status {
        "401" => header("WWW-Authenticate", Type::String, "`Bearer`"),
        "429" | "503" => header("Retry-After", Type::Integer, "after how many seconds to try again"),
        _ if replayed && !is_error => {
            header(
                "Idempotency-Replayed",
                Type::String,
                "`true` when the call was done before, and this is what came of it",
            );
        }
        _ => {}
    }
}

/// OTLP answers in the encoding of the request, and has a form of its own for what is wrong with a request.
fn complete_telemetry(status: &str, response: &mut Response) {
    if matches!(status, "400" | "408" | "413" | "415") {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(RpcStatus::name()))).build();
        response.content.insert("application/json".to_owned(), RefOr::T(content));
    }
    if status == "200" || response.content.contains_key("application/json") {
        let bytes =
            ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)));
        let content = ContentBuilder::new().schema(Some(bytes)).build();
        response.content.insert("application/x-protobuf".to_owned(), RefOr::T(content));
    }
}

/// Removes `null` from a schema.
fn without_null(schema: &mut RefOr<Schema>) {
    let is_null = |schema: &RefOr<Schema>| matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null));
    let single = |kind: &mut SchemaType| {
        let SchemaType::Array(kinds) = kind else { return };
        kinds.retain(|kind| *kind != Type::Null);
        if let [one] = kinds.as_slice() {
            *kind = SchemaType::Type(one.clone());
        }
    };
    match schema {
        RefOr::T(Schema::Object(object)) => single(&mut object.schema_type),
        RefOr::T(Schema::Array(array)) => single(&mut array.schema_type),
        RefOr::T(Schema::OneOf(one_of)) => {
            one_of.items.retain(|item| !is_null(item));
            if one_of.items.len() == 1
                && let Some(only) = one_of.items.pop()
            {
                *schema = only;
            }
        }
        _ => {}
    }
}

/// The example of a schema, or of the first schema that it is made of.
fn example(components: &Components, schema: &RefOr<Schema>) -> Option<serde_json::Value> {
    match schema {
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next()?;
            example(components, components.schemas.get(name)?)
        }
        RefOr::T(Schema::Object(object)) => object.example.clone(),
        RefOr::T(Schema::OneOf(one_of)) => one_of.items.first().and_then(|item| example(components, item)),
        RefOr::T(_) => None,
    }
}
