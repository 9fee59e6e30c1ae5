//! The examples of the specification are octet for octet what the codec writes.

use std::collections::BTreeSet;

use portcullis_web_service::codec::{SoapVersion, write_fault, write_request, write_response};
use portcullis_web_service::message::Fault;

use crate::samples::{requests, responses, violations};

const SPEC: &str = include_str!("../../SPEC.md");

/// The blocks of XML that stand under a line which begins with one of `headings`.
fn examples(headings: &[&str]) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    let mut heading = "";
    let mut lines = SPEC.lines();
    while let Some(line) = lines.next() {
        if line == "```xml" {
            let example = lines.next().expect("a block has a line");
            if headings.iter().any(|wanted| heading.starts_with(wanted)) {
                found.insert(example);
            }
        } else if !line.is_empty() {
            heading = line;
        }
    }
    found
}

fn written(version: SoapVersion) -> BTreeSet<String> {
    let requests = requests().into_iter();
    let requests = requests.map(|request| write_request(version, &request));
    let responses = responses().into_iter();
    let responses = responses.map(|response| write_response(version, &response));
    let faults = violations().into_iter();
    let faults = faults.map(|violation| write_fault(version, &Fault::new(violation)));
    requests.chain(responses).chain(faults).collect()
}

#[test]
fn every_example_is_what_the_codec_writes() {
    let mut all = written(SoapVersion::V11);
    all.extend(written(SoapVersion::V12));
    let examples = examples(&["Request", "Response", "Fault"]);
    assert!(examples.len() >= 27, "a request, response and fault each");
    for example in examples {
        assert!(all.contains(example), "{example}");
    }
}

#[test]
fn every_operation_has_its_examples() {
    let examples = examples(&["Request", "Response"]);
    for request in requests() {
        let operation = request.operation().name();
        let of_operation = |example: &&&str| example.contains(&format!("<{operation}"));
        assert!(
            examples.iter().filter(of_operation).count() >= 2,
            "{operation}: a request and a response"
        );
    }
}
