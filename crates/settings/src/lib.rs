//! The settings of Flightdeck: what can be set, once, as a table; the layers of file, environment and flags that lie over one
//! another; and the values that commands need to find a deployment on this machine.
//!
//! A value comes out of [`Settings::value`] with a reader that says what is wrong with it; the error names where the value was
//! set. Values that only a server understands (rates, hosts, agents) are read where the server is wired, in `crates/app`.
//!
//! # What does not belong here
//! Whatever needs a database, HTTP or a runtime.

mod duration;
mod error;
mod flags;
mod given;
mod layers;
mod local;
mod storage;
mod table;
mod values;

pub use duration::parse as parse_duration;
pub use error::SettingsError;
pub use flags::Flags;
pub use layers::{Settings, environment, unknown_variables};
pub use local::{ADMIN_KEY_FILE, SERVER_URL_FILE, admin_key, local_url, published_url};
pub use storage::{ReadSettings, StorageSettings};
pub use table::ORDER;
pub use values::{DatabaseUrl, address, database, path, switch};
