//! What the server gives to extractors and middlewares, as handlers get it by `Data`.

use actix_web::HttpRequest;
use actix_web::web::Data;

use crate::problem::ApiError;

/// A value that the server gives to every request.
///
/// # Errors
/// The server does not give it (`wiring`): a fault of the program.
pub(crate) fn wired<T: ?Sized + 'static>(request: &HttpRequest) -> Result<Data<T>, ApiError> {
    let missing = || ApiError::Internal(format!("the server gives no {}", std::any::type_name::<T>()).into());
    request.app_data::<Data<T>>().cloned().ok_or_else(missing)
}
