//! The queries of an upload and of a status page.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::QueryProblem;
use crate::message::{FileName, Guid, UploadTarget};

/// The file's name (CD-40).
const FILE_NAME: &str = "filename";
/// The import job (CD-40).
const JOB: &str = "remoteJobId";

/// The name of a content deployment job.
const DEPLOYMENT: &str = "job";

/// What is written as `%XX`: all that RFC 3986 does not call unreserved.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// See [`read_upload_query`](super::read_upload_query).
pub(super) fn read(query: &str) -> Result<UploadTarget, QueryProblem> {
    let mut file = None;
    let mut job = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name).ok_or(QueryProblem::Unknown)?;
        // ASP.NET finds the values of a query without regard to case.
        let (name, place) = if name.eq_ignore_ascii_case(FILE_NAME) {
            (FILE_NAME, &mut file)
        } else if name.eq_ignore_ascii_case(JOB) {
            (JOB, &mut job)
        } else {
            return Err(QueryProblem::Unknown);
        };
        if place.is_some() {
            return Err(QueryProblem::Repeated(name));
        }
        *place = Some(decode(value).ok_or(QueryProblem::Invalid(name))?);
    }
    let file = file.ok_or(QueryProblem::Missing(FILE_NAME))?;
    let job = job.ok_or(QueryProblem::Missing(JOB))?;
    // CD-44: a `FileName` is never a path.
    let file = FileName::new(bare(&file)).map_err(|_| QueryProblem::Invalid(FILE_NAME))?;
    let job: Guid = bare(&job).parse().map_err(|_| QueryProblem::Invalid(JOB))?;
    Ok(UploadTarget { file, job })
}

/// See [`write_upload_query`](super::write_upload_query).
pub(super) fn write(target: &UploadTarget) -> String {
    let file = utf8_percent_encode(target.file.as_str(), ESCAPED);
    format!("{FILE_NAME}={file}&{JOB}={}", target.job)
}

/// See [`read_deployment_query`](super::read_deployment_query).
pub(super) fn read_deployment(query: &str) -> Result<String, QueryProblem> {
    let mut found = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name).ok_or(QueryProblem::Unknown)?;
        if !name.eq_ignore_ascii_case(DEPLOYMENT) {
            return Err(QueryProblem::Unknown);
        }
        let value = decode(value).ok_or(QueryProblem::Invalid(DEPLOYMENT))?;
        if found.replace(value).is_some() {
            return Err(QueryProblem::Repeated(DEPLOYMENT));
        }
    }
    found.ok_or(QueryProblem::Missing(DEPLOYMENT))
}

/// The query of a status page, percent-encoded.
pub(super) fn write_deployment(name: &str) -> String {
    format!("{DEPLOYMENT}={}", utf8_percent_encode(name, ESCAPED))
}

/// CD-42: the seed shows both values in double quotes.
fn bare(value: &str) -> &str {
    let inside = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inside.unwrap_or(value)
}

/// The text that is written as `text` in a query, `+` for a space as ASP.NET reads it; nothing when
/// a `%` begins no escape or the octets are not UTF-8.
fn decode(text: &str) -> Option<String> {
    let escapes = text.split('%').skip(1);
    for escape in escapes {
        let digits = escape.as_bytes().get(..2)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
    }
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8();
    decoded.ok().map(std::borrow::Cow::into_owned)
}
