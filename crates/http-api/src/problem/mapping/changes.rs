//! Changes of folders.

use flightdeck_domain::changes::InvalidReport;
use flightdeck_domain::ports::{ChangesError, SaveReportError};
use flightdeck_domain::use_cases::{ReadChangesError, ReportChangesError};

use crate::problem::ApiError;

impl From<ReportChangesError> for ApiError {
    fn from(error: ReportChangesError) -> Self {
        let detail = error.to_string();
        match error {
            ReportChangesError::Invalid(InvalidReport { field, .. }) => Self::field(field, detail),
            ReportChangesError::NotSaved(SaveReportError::UnknownSession(id)) => Self::no_session(id),
            ReportChangesError::NotSaved(SaveReportError::Archived(_)) => Self::conflict("archived", detail),
            ReportChangesError::NotSaved(SaveReportError::Unavailable(error)) => error.into(),
        }
    }
}

impl From<ReadChangesError> for ApiError {
    fn from(error: ReadChangesError) -> Self {
        let detail = error.to_string();
        match error {
            ReadChangesError::UnknownSession(id) => Self::no_session(id),
            ReadChangesError::NotBegun(_) => Self::conflict("changes-not-begun", detail),
            ReadChangesError::Elsewhere { .. } => Self::conflict("changes-elsewhere", detail),
            ReadChangesError::Changes(error) => match error {
                ChangesError::UnknownSession(_) | ChangesError::Unkept(_) => Self::conflict("changes-not-kept", detail),
                ChangesError::UnknownTurn { .. } => Self::NotFound { kind: "unknown-turn", detail },
                ChangesError::UnknownFile(_) => Self::NotFound { kind: "unknown-file", detail },
                ChangesError::Unreported(_) => Self::conflict("changes-not-told", detail),
                ChangesError::Unreadable(_) => Self::conflict("changes-unreadable", detail),
            },
            ReadChangesError::Unavailable(error) => error.into(),
        }
    }
}
