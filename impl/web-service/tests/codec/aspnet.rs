//! `compat = "aspnet"`, line for line beside the strict reading: the table of what a real `.asmx`
//! does, and what is not forgiven even there.

use std::fmt::Write as _;

use portcullis_web_service::codec::{SoapVersion, fault_status, read_request};
use portcullis_web_service::config::Compat;
use portcullis_web_service::message::{Fault, FaultCode, NAMESPACE};

use crate::samples::{JOB, envelope, operation, said, violations};

const ALL_EIGHT: [&str; 8] = [
    "<description>d</description>",
    "<sourceId>be315bb7-e7be-4af4-a8bc-1cd369eb5220</sourceId>",
    "<destinationServerUrl>http://destination</destinationServerUrl>",
    "<destinationSiteCollection>/</destinationSiteCollection>",
    "<includeSecurity>All</includeSecurity>",
    "<includeUserInfoDateTime>ImportAll</includeUserInfoDateTime>",
    "<enableEventReceivers>1</enableEventReceivers>",
    "<fileCompression>false</fileCompression>",
];

/// A name, an action and the content of the body.
type Row = (&'static str, Option<String>, String);

/// How the operation is found.
fn operations() -> Vec<Row> {
    let action = |name: &str| Some(format!("\"{NAMESPACE}{name}\""));
    let job = format!("<jobId>{JOB}</jobId>");
    let run = |parameters: &str| operation("RunJob", parameters);
    vec![
        ("without action", None, run(&job)),
        ("with action", action("RunJob"), run(&job)),
        (
            "action of another operation",
            action("DeleteJob"),
            run(&job),
        ),
        ("action of no operation", action("Nothing"), run(&job)),
        (
            "body namespace wrong, action right",
            action("RunJob"),
            format!("<RunJob xmlns='urn:x'>{job}</RunJob>"),
        ),
        (
            "body namespace wrong, no action",
            None,
            format!("<RunJob xmlns='urn:x'>{job}</RunJob>"),
        ),
        ("two operations", None, run(&job).repeat(2)),
        (
            "two operations, action of the second",
            action("DeleteJob"),
            run(&job) + &operation("DeleteJob", &job),
        ),
        ("no operation", None, String::new()),
        ("no operation, action", action("RunJob"), String::new()),
    ]
}

/// How its parameters are read.
fn parameters() -> Vec<Row> {
    let job = format!("<jobId>{JOB}</jobId>");
    let run = |parameters: &str| operation("RunJob", parameters);
    let all: Vec<&str> = ALL_EIGHT.to_vec();
    let reordered: Vec<&str> = ALL_EIGHT.iter().rev().copied().collect();
    let misspelt = all.concat().replace(">All<", ">Everything<");
    let xsi = "xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:nil='true'";
    vec![
        ("parameters missing", None, operation("CreateJob", "")),
        (
            "parameters reordered",
            None,
            operation("CreateJob", &reordered.concat()),
        ),
        ("enumeration", None, operation("CreateJob", &misspelt)),
        (
            "guid in braces, upper case",
            None,
            run(&format!("<jobId>{{{}}}</jobId>", JOB.to_uppercase())),
        ),
        (
            "guid in parentheses, with space around",
            None,
            run(&format!("<jobId> ({JOB}) </jobId>")),
        ),
        (
            "guid without hyphens",
            None,
            run(&format!("<jobId>{}</jobId>", JOB.replace('-', ""))),
        ),
        ("guid malformed", None, run("<jobId>12</jobId>")),
        ("guid empty", None, run("<jobId/>")),
        (
            "parameter twice",
            None,
            run(&format!("{job}<jobId>12</jobId>")),
        ),
        ("parameter unknown", None, run(&format!("{job}<colour/>"))),
        (
            "parameter of another namespace",
            None,
            run(&format!("<jobId xmlns='urn:x'>{JOB}</jobId>")),
        ),
        ("text among parameters", None, run(&format!("x{job}"))),
        (
            "text nil",
            None,
            operation(
                "GetRemoteAdminServerUrl",
                &format!("<clientVersion {xsi}/>"),
            ),
        ),
    ]
}

#[test]
fn what_aspnet_forgives_stands_beside_what_the_schema_says() {
    let mut table = String::new();
    for (name, action, body) in operations().into_iter().chain(parameters()) {
        let document = envelope(SoapVersion::V11, "", &body);
        writeln!(table, "{name}").unwrap();
        for compat in [Compat::Strict, Compat::Aspnet] {
            let action = action.as_deref();
            let read = read_request(Some("text/xml"), action, document.as_bytes(), compat);
            writeln!(table, "  {compat:?}: {}", said(&read)).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn aspnet_takes_words_where_soap_has_digits() {
    let header = |word: &str| format!("<h xmlns='urn:h' e:mustUnderstand='{word}'/>");
    let body = operation("RunJob", &format!("<jobId>{JOB}</jobId>"));
    for (word, strict, aspnet) in [
        ("0", "RunJob", "RunJob"),
        ("1", "MustUnderstand", "MustUnderstand"),
        ("false", "envelope-malformed", "RunJob"),
        ("true", "envelope-malformed", "MustUnderstand"),
        ("yes", "envelope-malformed", "envelope-malformed"),
    ] {
        let document = envelope(SoapVersion::V11, &header(word), &body);
        for (compat, verdict) in [(Compat::Strict, strict), (Compat::Aspnet, aspnet)] {
            let read = read_request(Some("text/xml"), None, document.as_bytes(), compat);
            let said = said(&read);
            assert!(said.contains(verdict), "{compat:?} {word}: {said}");
        }
    }
}

#[test]
fn aspnet_has_one_status_for_all_faults_where_soap_1_2_has_two() {
    for fault in violations().into_iter().map(Fault::new) {
        let is_senders = fault.code() == FaultCode::Client;
        for (version, compat, status) in [
            (SoapVersion::V11, Compat::Strict, 500),
            (SoapVersion::V11, Compat::Aspnet, 500),
            (
                SoapVersion::V12,
                Compat::Strict,
                if is_senders { 400 } else { 500 },
            ),
            (SoapVersion::V12, Compat::Aspnet, 500),
        ] {
            let found = fault_status(version, &fault, compat);
            assert_eq!(found, status, "{version:?} {compat:?} {fault}");
        }
    }
}
