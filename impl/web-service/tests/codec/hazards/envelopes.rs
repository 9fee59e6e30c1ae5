//! What is no envelope, and header blocks.

use std::fmt::Write as _;

use portcullis_web_service::codec::{SoapVersion, read_request};
use portcullis_web_service::config::Compat;

use super::{good, table};
use crate::samples::{JOB, envelope, operation, said};

#[test]
fn what_is_no_envelope() {
    let body = operation("RunJob", &format!("<jobId>{JOB}</jobId>"));
    let e = "xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'";
    let v12 = "xmlns:f='http://www.w3.org/2003/05/soap-envelope'";
    let inside = |content: &str| format!("<e:Envelope {e}>{content}</e:Envelope>").into_bytes();
    let in_body = |content: &str| inside(&format!("<e:Body>{content}</e:Body>"));
    insta::assert_snapshot!(table([
        ("another root", format!("<e:Body {e}/>").into_bytes()),
        ("no namespace", b"<Envelope/>".to_vec()),
        (
            "namespace of a draft",
            good()
                .replace(
                    "schemas.xmlsoap.org/soap/envelope/",
                    "www.w3.org/2001/12/soap-envelope",
                )
                .into_bytes()
        ),
        ("no body", inside("")),
        (
            "body of SOAP 1.2",
            inside(&format!("<f:Body {v12}>{body}</f:Body>"))
        ),
        (
            "body twice",
            inside(&format!("<e:Body>{body}</e:Body><e:Body/>"))
        ),
        (
            "header behind the body",
            inside(&format!("<e:Body>{body}</e:Body><e:Header/>"))
        ),
        (
            "header twice",
            inside(&format!("<e:Header/><e:Header/><e:Body>{body}</e:Body>"))
        ),
        (
            "trailer",
            inside(&format!("<e:Body>{body}</e:Body><x xmlns='urn:x'/>"))
        ),
        (
            "text beside the body",
            inside(&format!("x<e:Body>{body}</e:Body>"))
        ),
        ("text in the body", in_body(&format!("x{body}"))),
        ("empty body", in_body("")),
        ("two operations", in_body(&body.repeat(2))),
        ("unknown operation", in_body(&operation("RunJobs", ""))),
        ("operation in lower case", in_body(&operation("runJob", ""))),
        ("a response", in_body(&operation("RunJobResponse", ""))),
        (
            "operation without namespace",
            in_body(&format!("<RunJob><jobId>{JOB}</jobId></RunJob>"))
        ),
        (
            "operation of the https namespace",
            in_body(&body.replace("http://", "https://"))
        ),
        (
            "namespace without slash",
            in_body(&body.replace("soap/'", "soap'"))
        ),
        ("a fault", in_body("<e:Fault/>")),
    ]));
}

#[test]
fn headers_that_must_be_understood_are_not() {
    let next = "http://schemas.xmlsoap.org/soap/actor/next";
    let role = |name: &str| format!("http://www.w3.org/2003/05/soap-envelope/role/{name}");
    let body = operation("RunJob", &format!("<jobId>{JOB}</jobId>"));
    let mut rows = String::new();
    for version in SoapVersion::ALL {
        for attributes in [
            String::new(),
            "e:mustUnderstand='0'".into(),
            "e:mustUnderstand='1'".into(),
            "e:mustUnderstand=' 1 '".into(),
            "e:mustUnderstand='true'".into(),
            "e:mustUnderstand='false'".into(),
            "e:mustUnderstand='yes'".into(),
            "e:mustUnderstand=''".into(),
            "mustUnderstand='1'".into(),
            "e:mustUnderstand='1' e:actor=''".into(),
            format!("e:mustUnderstand='1' e:actor='{next}'"),
            "e:mustUnderstand='1' e:actor='urn:other'".into(),
            "e:mustUnderstand='1' e:role=''".into(),
            format!("e:mustUnderstand='1' e:role='{}'", role("next")),
            format!("e:mustUnderstand='1' e:role='{}'", role("ultimateReceiver")),
            format!("e:mustUnderstand='1' e:role='{}'", role("none")),
            "e:mustUnderstand='1' e:role='urn:other'".into(),
        ] {
            let headers = format!(
                "<h:First xmlns:h='urn:h'/><h:Second xmlns:h='urn:h' {attributes}>x</h:Second>"
            );
            let document = envelope(version, &headers, &body);
            let read = read_request(Some("text/xml"), None, document.as_bytes(), Compat::Strict);
            writeln!(rows, "{version:?} {attributes}: {}", said(&read)).unwrap();
        }
    }
    insta::assert_snapshot!(rows);
}
