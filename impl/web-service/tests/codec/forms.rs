//! The form of every message, octet for octet.

use portcullis_web_service::codec::{
    SoapVersion, fault_status, write_fault, write_request, write_response,
};
use portcullis_web_service::config::Compat;
use portcullis_web_service::message::Fault;

use crate::samples::{requests, responses, violations};

fn lines(documents: impl Iterator<Item = String>) -> String {
    documents.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_form_of_every_request() {
    for version in SoapVersion::ALL {
        let written = requests()
            .into_iter()
            .map(|request| write_request(version, &request));
        insta::assert_snapshot!(format!("requests_{version:?}"), lines(written));
    }
}

#[test]
fn the_form_of_every_response() {
    for version in SoapVersion::ALL {
        let written = responses()
            .into_iter()
            .map(|response| write_response(version, &response));
        insta::assert_snapshot!(format!("responses_{version:?}"), lines(written));
    }
}

#[test]
fn the_form_of_every_fault() {
    for version in SoapVersion::ALL {
        let written = violations().into_iter().map(|violation| {
            let fault = Fault::new(violation);
            let status = fault_status(version, &fault, Compat::Strict);
            format!("{status} {}", write_fault(version, &fault))
        });
        insta::assert_snapshot!(format!("faults_{version:?}"), lines(written));
    }
}
