//! Every route, in one place.

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource, middleware};

use crate::auth::authenticate;
use crate::console;
use crate::handlers::{
    agent_log, agents, approvals, audit, commands, control, events, fleet, health, hooks, inject, kill_all, login,
    messages, missions, operations, search, spawn, status, usage,
};
use crate::openapi::openapi;
use crate::problem::ApiError;
use crate::request::no_route;

/// A path with its methods; any other method is answered with those that are possible.
pub(crate) fn resource(path: &str, allowed: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move |request: HttpRequest| async move {
        Err::<HttpResponse, _>(ApiError::Method { method: request.method().to_string(), allowed })
    }))
}

pub(crate) fn configure(config: &mut ServiceConfig) {
    let document = web::Bytes::from(openapi().to_json().unwrap_or_default());
    let describe = move || {
        let document = document.clone();
        async move { HttpResponse::Ok().content_type("application/json").body(document) }
    };
    config
        .configure(console::configure)
        .service(resource("/health/live", "GET").route(web::get().to(health::live)))
        .service(resource("/health/ready", "GET").route(web::get().to(health::ready)))
        .service(resource("/login", "POST").route(web::post().to(login::login)))
        .service(resource("/login/{token}", "GET").route(web::get().to(login::open_link)))
        .service(resource("/openapi.json", "GET").route(web::get().to(describe)))
        .service(
            web::scope("")
                .wrap(middleware::from_fn(authenticate))
                .configure(whole_fleet)
                .configure(one_agent)
                .configure(permissions)
                .configure(budgets)
                .service(resource("/login-links", "POST").route(web::post().to(login::make_link)))
                .service(resource("/logout", "POST").route(web::post().to(login::logout)))
                .service(resource("/me", "GET").route(web::get().to(login::me)))
                .service(resource("/audit", "GET").route(web::get().to(audit::page)))
                .service(resource("/audit/export", "GET").route(web::get().to(audit::export)))
                .service(resource("/audit/checkpoint", "POST").route(web::post().to(audit::checkpoint)))
                .service(resource("/audit/verify", "GET").route(web::get().to(audit::verify)))
                .service(resource("/operations", "GET").route(web::get().to(operations::list)))
                .service(resource("/operations/{operationId}", "GET").route(web::get().to(operations::read)))
                .service(resource("/hooks/claude-code", "POST").route(web::post().to(hooks::claude_code)))
                .service(resource("/killswitch/release", "POST").route(web::post().to(kill_all::release)))
                .default_service(web::to(no_route)),
        );
}

fn whole_fleet(config: &mut ServiceConfig) {
    config
        .service(resource("/fleet", "GET").route(web::get().to(fleet::read)))
        .service(
            resource("/agents", "GET, POST").route(web::get().to(agents::list)).route(web::post().to(agents::register)),
        )
        .service(resource("/agents/spawn", "POST").route(web::post().to(spawn::spawn)))
        .service(resource("/agents/tree", "GET").route(web::get().to(agents::tree)))
        .service(resource("/agents/events", "GET").route(web::get().to(events::stream)))
        .service(resource("/agents/kill-all", "POST").route(web::post().to(kill_all::kill_all)));
}

fn one_agent(config: &mut ServiceConfig) {
    config
        .service(
            resource("/agents/{agentId}/status", "GET, POST")
                .route(web::get().to(status::read))
                .route(web::post().to(status::report)),
        )
        .service(resource("/agents/{agentId}/heartbeat", "POST").route(web::post().to(status::heartbeat)))
        .service(
            resource("/agents/{agentId}/messages", "GET, POST")
                .route(web::get().to(messages::history))
                .route(web::post().to(messages::append)),
        )
        .service(resource("/agents/{agentId}/messages/search", "GET").route(web::get().to(search::search)))
        .service(resource("/agents/{agentId}/messages/stream", "GET").route(web::get().to(messages::stream)))
        .service(resource("/agents/{agentId}/log", "GET").route(web::get().to(agent_log::read)))
        .service(resource("/agents/{agentId}/inject", "POST").route(web::post().to(inject::inject)))
        .service(resource("/agents/{agentId}/pause", "POST").route(web::post().to(control::pause)))
        .service(resource("/agents/{agentId}/resume", "POST").route(web::post().to(control::resume)))
        .service(resource("/agents/{agentId}/interrupt", "POST").route(web::post().to(control::interrupt)))
        .service(resource("/agents/{agentId}/commands/{seq}/cancel", "POST").route(web::post().to(commands::cancel)))
        .service(resource("/agents/{agentId}/kill", "POST").route(web::post().to(control::kill)))
        .service(resource("/agents/{agentId}/commands", "GET").route(web::get().to(commands::list)))
        .service(resource("/agents/{agentId}/commands/{seq}/ack", "POST").route(web::post().to(commands::acknowledge)));
}

fn budgets(config: &mut ServiceConfig) {
    config
        .service(resource("/agents/{agentId}/usage", "GET").route(web::get().to(usage::read)))
        .service(
            resource("/agents/{agentId}/budget", "DELETE, PUT")
                .route(web::put().to(usage::set))
                .route(web::delete().to(usage::remove)),
        )
        .service(resource("/missions", "GET").route(web::get().to(missions::list)))
        .service(resource("/missions/{missionId}", "GET").route(web::get().to(missions::read)))
        .service(
            resource("/missions/{missionId}/budget", "DELETE, PUT")
                .route(web::put().to(missions::set_budget))
                .route(web::delete().to(missions::remove_budget)),
        );
}

fn permissions(config: &mut ServiceConfig) {
    config
        .service(resource("/agents/{agentId}/approvals", "POST").route(web::post().to(approvals::ask)))
        .service(resource("/agents/{agentId}/approvals/{approvalId}", "GET").route(web::get().to(approvals::read)))
        .service(resource("/approvals", "GET").route(web::get().to(approvals::list)))
        .service(resource("/approvals/{approvalId}/decide", "POST").route(web::post().to(approvals::decide)))
        .service(resource("/approvals/{approvalId}/withdraw", "POST").route(web::post().to(approvals::withdraw)));
}
