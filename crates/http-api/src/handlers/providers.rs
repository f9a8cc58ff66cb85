//! What runs agents.

use actix_web::web::{Data, Json};
use flightdeck_domain::use_cases::{Authorize, Providers};

use super::fleet::may_read;
use crate::auth::Caller;
use crate::dto::{ProviderView, ProvidersView};
use crate::extract::NoParams;
use crate::problem::ApiError;

/// The providers, and who may see them.
pub(crate) struct Offers {
    pub(crate) authorize: Authorize,
    pub(crate) providers: Providers,
}

/// The providers of this server: which agents they start, and what can be asked of these.
///
/// Replicas that are configured otherwise have others.
#[utoipa::path(get, path = "/providers", operation_id = "listProviders", tag = "agents", security(("apiKey" = [])),
    responses((status = 200, description = "all of them, sorted by name", body = ProvidersView)))]
pub(crate) async fn list(
    offers: Data<Offers>,
    caller: Caller,
    _none: NoParams,
) -> Result<Json<ProvidersView>, ApiError> {
    may_read(&offers.authorize, &caller)?;
    let providers = offers.providers.offers().into_iter().map(ProviderView::from).collect();
    Ok(Json(ProvidersView { providers }))
}
