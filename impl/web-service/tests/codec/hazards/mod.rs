//! What is sent that should not be: a defined answer to each, one line each.

mod carrier;
mod envelopes;
mod parameters;
mod xml;

use std::fmt::{Display, Write as _};

use portcullis_web_service::codec::SoapVersion;
use portcullis_web_service::config::Compat;

use crate::samples::{JOB, envelope, operation, verdict};

/// The table of what each document comes to.
fn table(rows: impl IntoIterator<Item = (impl Display, Vec<u8>)>) -> String {
    let mut table = String::new();
    for (name, document) in rows {
        let verdict = verdict(&document, Compat::Strict);
        writeln!(table, "{name}: {verdict}").unwrap();
    }
    table
}

/// An envelope with `RunJob` in it, its `jobId` as written.
fn run_job(parameters: &str) -> Vec<u8> {
    envelope(SoapVersion::V11, "", &operation("RunJob", parameters)).into_bytes()
}

fn good() -> String {
    String::from_utf8(run_job(&format!("<jobId>{JOB}</jobId>"))).unwrap()
}

/// `CreateJob` with `from` replaced by `to`.
fn create_job(from: &str, to: &str) -> Vec<u8> {
    let parameters = "<description>d</description>\
         <sourceId>be315bb7-e7be-4af4-a8bc-1cd369eb5220</sourceId>\
         <destinationServerUrl>http://destination</destinationServerUrl>\
         <destinationSiteCollection>/</destinationSiteCollection>\
         <includeSecurity>All</includeSecurity>\
         <includeUserInfoDateTime>None</includeUserInfoDateTime>\
         <enableEventReceivers>true</enableEventReceivers>\
         <fileCompression>false</fileCompression>";
    assert!(parameters.contains(from), "{from}");
    let parameters = parameters.replacen(from, to, 1);
    envelope(SoapVersion::V11, "", &operation("CreateJob", &parameters)).into_bytes()
}
