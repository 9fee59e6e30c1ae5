//! One server of an import farm on real sockets: `serve web-service`.

mod keys;
mod settings;

use portcullis_net::{Host, TokioNet};
use portcullis_store::{OpenErrorKind, SqliteStore};
use portcullis_tls::{Endpoint, IdentityError, Tls};
use portcullis_web_service::config::Authentication;
use portcullis_web_service::{Databases, ImportFarm, Observer};

use super::state_directory::StateDirectory;
use super::{Exit, Signals, complain, say, words_of};

pub use keys::reference;
pub use settings::{FarmSettings, SharedDatabase};

/// Serves until a signal ends it.
pub(super) async fn serve(settings: FarmSettings) -> Exit {
    drop(settings);
    Exit::Usage
}
