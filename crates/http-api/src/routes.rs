//! Every route, in one place.

use actix_web::middleware;
use actix_web::web::{self, ServiceConfig};

use crate::auth::authenticate;
use crate::console;
use crate::docs;
use crate::handlers::{
    agent_log, agents, approvals, assignments, audit, changes, close, commands, configure, control, events, fleet,
    health, hooks, inject, keys, kill_all, login, messages, metrics, missions, operations, providers, push, rendered,
    retention, runners, search, sinks, spawn, status, telemetry, usage,
};
use crate::openapi;
use crate::request::no_route;
use crate::resource::resource;

pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .configure(console::configure)
        .configure(docs::configure)
        .service(resource("/health/live", "GET, HEAD").route(web::get().to(health::live)))
        .service(resource("/health/ready", "GET, HEAD").route(web::get().to(health::ready)))
        .service(resource("/login", "POST").route(web::post().to(login::login)))
        .service(resource("/login/{token}", "GET, HEAD").route(web::get().to(login::open_link)))
        .service(resource("/openapi.json", "GET, HEAD").route(web::get().to(openapi::describe)))
        .service(
            web::scope("")
                .wrap(middleware::from_fn(authenticate))
                .configure(all_agents)
                .configure(one_agent)
                .configure(whole_fleet)
                .configure(permissions)
                .configure(budgets)
                .configure(api_keys)
                .configure(to_outside)
                .service(resource("/login-links", "POST").route(web::post().to(login::make_link)))
                .service(resource("/logout", "POST").route(web::post().to(login::logout)))
                .service(resource("/metrics", "GET, HEAD").route(web::get().to(metrics::read)))
                .service(resource("/me", "GET, HEAD").route(web::get().to(login::me)))
                .service(resource("/audit", "GET, HEAD").route(web::get().to(audit::page)))
                .service(resource("/audit/export", "GET, HEAD").route(web::get().to(audit::export)))
                .service(resource("/audit/checkpoint", "POST").route(web::post().to(audit::checkpoint)))
                .service(resource("/audit/verify", "GET, HEAD").route(web::get().to(audit::verify)))
                .service(resource("/operations", "GET, HEAD").route(web::get().to(operations::list)))
                .service(resource("/operations/{operationId}", "GET, HEAD").route(web::get().to(operations::read)))
                .service(resource("/hooks/claude-code", "POST").route(web::post().to(hooks::claude_code)))
                .service(resource("/v1/traces", "POST").route(web::post().to(telemetry::traces)))
                .service(resource("/v1/logs", "POST").route(web::post().to(telemetry::logs)))
                .service(resource("/v1/metrics", "POST").route(web::post().to(telemetry::metrics)))
                .service(resource("/killswitch/release", "POST").route(web::post().to(kill_all::release)))
                .default_service(web::to(no_route)),
        );
}

fn api_keys(config: &mut ServiceConfig) {
    config
        .service(
            resource("/keys", "GET, HEAD, POST").route(web::get().to(keys::list)).route(web::post().to(keys::create)),
        )
        .service(resource("/keys/{keyId}", "DELETE").route(web::delete().to(keys::revoke)));
}

fn to_outside(config: &mut ServiceConfig) {
    config
        .service(
            resource("/retention", "GET, HEAD, PUT")
                .route(web::get().to(retention::read))
                .route(web::put().to(retention::set)),
        )
        .service(resource("/retention/plan", "POST").route(web::post().to(retention::plan)))
        .service(
            resource("/sinks", "GET, HEAD, POST")
                .route(web::get().to(sinks::list))
                .route(web::post().to(sinks::create)),
        )
        .service(
            resource("/sinks/{sink}", "DELETE, GET, HEAD, PUT")
                .route(web::get().to(sinks::read))
                .route(web::put().to(sinks::set))
                .route(web::delete().to(sinks::remove)),
        )
        .service(resource("/sinks/{sink}/test", "POST").route(web::post().to(sinks::test)))
        .service(resource("/sinks/{sink}/dead-letters", "GET, HEAD").route(web::get().to(sinks::dead_letters)))
        .service(resource("/sinks/{sink}/dead-letters/resend", "POST").route(web::post().to(sinks::resend)))
        .service(
            resource("/push/subscriptions", "DELETE, GET, HEAD, POST")
                .route(web::get().to(push::list))
                .route(web::post().to(push::create))
                .route(web::delete().to(push::remove)),
        );
}

fn whole_fleet(config: &mut ServiceConfig) {
    config
        .service(resource("/fleet", "GET, HEAD").route(web::get().to(fleet::read)))
        .service(resource("/fleet/usage", "GET, HEAD").route(web::get().to(fleet::usage)))
        .service(
            resource("/providers", "GET, HEAD, POST")
                .route(web::get().to(providers::list))
                .route(web::post().to(providers::create)),
        )
        .service(
            resource("/providers/{name}", "DELETE, GET, HEAD, PUT")
                .route(web::get().to(providers::read))
                .route(web::put().to(providers::set))
                .route(web::delete().to(providers::remove)),
        )
        .service(resource("/runners", "GET, HEAD").route(web::get().to(runners::list)))
        .service(resource("/waiting-agents", "GET, HEAD").route(web::get().to(runners::waiting)))
        .service(
            resource("/runners/{runner}", "DELETE, GET, HEAD, PUT")
                .route(web::get().to(runners::read))
                .route(web::put().to(assignments::join))
                .route(web::delete().to(runners::remove)),
        )
        .service(resource("/runners/{runner}/drain", "POST").route(web::post().to(runners::drain)))
        .service(resource("/runners/{runner}/undrain", "POST").route(web::post().to(runners::undrain)))
        .service(resource("/runners/{runner}/lease", "POST").route(web::post().to(assignments::lease)))
        .service(resource("/runners/{runner}/leave", "POST").route(web::post().to(assignments::leave)))
        .service(
            resource("/runners/{runner}/assignments/{agentId}/start", "POST").route(web::post().to(assignments::start)),
        )
        .service(resource("/providers/{name}/test", "POST").route(web::post().to(providers::test)));
}

/// They come first: what agents report is most of what is asked, and each path with a variable that is compared before costs as
/// much as a small request.
fn all_agents(config: &mut ServiceConfig) {
    config
        .service(
            resource("/agents", "GET, HEAD, POST")
                .route(web::get().to(agents::list))
                .route(web::post().to(agents::register)),
        )
        .service(resource("/agents/spawn", "POST").route(web::post().to(spawn::spawn)))
        .service(resource("/agents/tree", "GET, HEAD").route(web::get().to(agents::tree)))
        .service(resource("/agents/usage", "GET, HEAD").route(web::get().to(usage::read_many)))
        .service(resource("/agents/events", "GET, HEAD").route(web::get().to(events::stream)))
        .service(resource("/agents/kill-all", "POST").route(web::post().to(kill_all::kill_all)));
}

/// The routes are in a scope, so that a path is split once and then compared; the busiest routes come first.
fn one_agent(config: &mut ServiceConfig) {
    let agent = web::scope("/agents/{agentId}")
        .service(
            resource("/messages", "GET, HEAD, POST")
                .route(web::post().to(messages::append))
                .route(web::get().to(messages::history)),
        )
        .service(resource("/messages/stream", "GET, HEAD").route(web::get().to(messages::stream)))
        .service(resource("/messages/rendered", "GET, HEAD").route(web::get().to(rendered::list)))
        .service(resource("/messages/search", "GET, HEAD").route(web::get().to(search::search)))
        .service(resource("/commands", "GET, HEAD").route(web::get().to(commands::list)))
        .service(
            resource("/changes", "GET, HEAD, POST")
                .route(web::get().to(changes::read))
                .route(web::post().to(changes::report)),
        )
        .service(resource("/log", "GET, HEAD").route(web::get().to(agent_log::read)))
        .service(
            resource("/status", "GET, HEAD, POST")
                .route(web::get().to(status::read))
                .route(web::post().to(status::report)),
        )
        .service(resource("/heartbeat", "POST").route(web::post().to(status::heartbeat)))
        .service(resource("/inject", "POST").route(web::post().to(inject::inject)))
        .service(resource("/configure", "POST").route(web::post().to(configure::configure)))
        .service(resource("/pause", "POST").route(web::post().to(control::pause)))
        .service(resource("/resume", "POST").route(web::post().to(control::resume)))
        .service(resource("/interrupt", "POST").route(web::post().to(control::interrupt)))
        .service(resource("/kill", "POST").route(web::post().to(control::kill)))
        .service(resource("/close", "POST").route(web::post().to(close::close)))
        .service(resource("/approvals", "POST").route(web::post().to(approvals::ask)))
        .service(resource("/usage", "GET, HEAD").route(web::get().to(usage::read)))
        .service(
            resource("/budget", "DELETE, PUT").route(web::put().to(usage::set)).route(web::delete().to(usage::remove)),
        )
        .service(resource("/commands/{seq}", "GET, HEAD").route(web::get().to(commands::read)))
        .service(resource("/commands/{seq}/cancel", "POST").route(web::post().to(commands::cancel)))
        .service(resource("/commands/{seq}/ack", "POST").route(web::post().to(commands::acknowledge)))
        .service(resource("/approvals/{approvalId}", "GET, HEAD").route(web::get().to(approvals::read)))
        .default_service(web::to(no_route));
    config.service(agent);
}

fn budgets(config: &mut ServiceConfig) {
    config
        .service(resource("/missions", "GET, HEAD").route(web::get().to(missions::list)))
        .service(resource("/missions/{missionId}", "GET, HEAD").route(web::get().to(missions::read)))
        .service(
            resource("/missions/{missionId}/budget", "DELETE, PUT")
                .route(web::put().to(missions::set_budget))
                .route(web::delete().to(missions::remove_budget)),
        )
        .service(resource("/missions/{missionId}/guard", "PUT").route(web::put().to(missions::switch_guard)));
}

fn permissions(config: &mut ServiceConfig) {
    config
        .service(resource("/approvals", "GET, HEAD").route(web::get().to(approvals::list)))
        .service(resource("/approvals/{approvalId}/decide", "POST").route(web::post().to(approvals::decide)))
        .service(resource("/approvals/{approvalId}/withdraw", "POST").route(web::post().to(approvals::withdraw)));
}
