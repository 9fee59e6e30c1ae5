//! The certificates of a configuration file.

use std::path::{Path, PathBuf};

use portcullis_agent::message::EnvironmentName;
use portcullis_tls::Identity;

use crate::scenario::{Problems, Table};
use crate::serve::secret;

/// Who this environment is to those who ask for a certificate.
pub(super) fn identity(
    table: &Table,
    base: &Path,
    own: &EnvironmentName,
    problems: &mut Problems,
) -> Option<Identity> {
    let table = table.table("tls")?;
    let file = |key| -> Option<PathBuf> { table.text(key).map(|file| base.join(file)) };
    let key = file("key")?;
    if let Err(error) = secret::check_rights(&key) {
        problems.report(
            table.span_of("key"),
            error.to_string(),
            "here",
            error.help(),
        );
        return None;
    }
    match Identity::from_pem_files(&file("certificate")?, &key, &file("authorities")?) {
        Ok(identity) if identity.names().iter().any(|name| name == own.as_str()) => Some(identity),
        Ok(identity) => {
            let names = identity.names().join(", ");
            let message = format!("the certificate is that of {names}, not of {own}");
            let help = "neighbours look for this environment's `name` among its DNS names";
            problems.report(table.span_of("certificate"), message, "here", help);
            None
        }
        Err(error) => {
            let span = table.span_of(match error.part {
                "certificate" => "certificate",
                "private key" => "key",
                _ => "authorities",
            });
            let help = "PEM files, relative to this one";
            problems.report(span, error.to_string(), "here", help);
            None
        }
    }
}
