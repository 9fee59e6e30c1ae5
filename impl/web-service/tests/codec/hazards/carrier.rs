//! What HTTP says of a request: its content type, its encoding, its action.

use std::fmt::Write as _;

use portcullis_web_service::codec::read_request;
use portcullis_web_service::config::Compat;
use portcullis_web_service::message::NAMESPACE;

use super::good;
use crate::samples::said;

#[test]
fn content_types() {
    let document = good();
    let mut rows = String::new();
    for content_type in [
        "",
        "text/plain",
        "application/xml",
        "text/xmlish",
        "multipart/related; type=\"text/xml\"",
        "text/xml; charset",
        "text/xml; charset=\"utf-8",
        "text/xml; charset=\"utf-8\" x",
        "TEXT/XML;charset=UTF-8",
        "text/xml ; charset = \"utf-8\" ; x=\"a;\\\"b\"",
        "text/xml; charset=utf-8; charset=utf-8",
        "text/xml; charset=utf-8; charset=utf-16",
        "text/xml; charset=iso-8859-1",
        "text/xml; charset=utf-16",
        "application/soap+xml; charset=utf-16",
        "application/soap+xml",
    ] {
        let read = read_request(
            Some(content_type),
            None,
            document.as_bytes(),
            Compat::Strict,
        );
        writeln!(rows, "{content_type}: {}", said(&read)).unwrap();
    }
    let read = read_request(None, None, document.as_bytes(), Compat::Strict);
    writeln!(rows, "none at all: {}", said(&read)).unwrap();
    insta::assert_snapshot!(rows);
}

/// The text with a mark before it, in units of 16 bits.
fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let marked = format!("\u{FEFF}{text}");
    marked.encode_utf16().flat_map(unit).collect()
}

#[test]
fn encodings() {
    let document = good();
    let declared =
        |encoding: &str| format!("<?xml version='1.0' encoding='{encoding}'?>{document}");
    let marked = format!("\u{FEFF}{document}").into_bytes();
    let big = utf16(&document, u16::to_be_bytes);
    let little = utf16(&declared("UTF-16"), u16::to_le_bytes);
    let odd = [little.as_slice(), b"\0"].concat();
    let unpaired = [little.as_slice(), b"\0\xD8"].concat();
    let contradicted = utf16(&declared("utf-8"), u16::to_be_bytes);
    let utf8 = "text/xml; charset=utf-8";
    let sixteen = "text/xml; charset=utf-16";
    let unsaid = "text/xml";
    let mut rows = String::new();
    for (content_type, name, body) in [
        (utf8, "UTF-8 with a mark", &marked),
        (sixteen, "UTF-8 with a mark", &marked),
        (unsaid, "UTF-8 declared", &declared("Utf-8").into_bytes()),
        (
            unsaid,
            "UTF-8 declared UTF-16",
            &declared("utf-16").into_bytes(),
        ),
        (unsaid, "UTF-16 of one order", &big),
        (sixteen, "UTF-16 of one order", &big),
        (sixteen, "UTF-16 of the other, declared", &little),
        (utf8, "UTF-16 of one order", &big),
        (unsaid, "UTF-16 without a mark", &big[2..].to_vec()),
        (sixteen, "UTF-16 without a mark", &big[2..].to_vec()),
        (unsaid, "UTF-16 declared UTF-8", &contradicted),
        (unsaid, "UTF-16 and one octet", &odd),
        (unsaid, "UTF-16 and half a letter", &unpaired),
        (unsaid, "a mark and nothing", &b"\xFF\xFE".to_vec()),
    ] {
        let read = read_request(Some(content_type), None, body, Compat::Strict);
        writeln!(rows, "{content_type} | {name}: {}", said(&read)).unwrap();
    }
    insta::assert_snapshot!(rows);
}

#[test]
fn an_action_names_the_operation_or_nothing() {
    let mut rows = String::new();
    let run = format!("{NAMESPACE}RunJob");
    let delete = format!("{NAMESPACE}DeleteJob");
    for (content_type, action) in [
        ("text/xml".to_owned(), None),
        ("text/xml".to_owned(), Some(String::new())),
        ("text/xml".to_owned(), Some("\"\"".to_owned())),
        ("text/xml".to_owned(), Some(run.clone())),
        ("text/xml".to_owned(), Some(format!(" \"{run}\" "))),
        ("text/xml".to_owned(), Some(format!("\"{run}"))),
        ("text/xml".to_owned(), Some(delete.clone())),
        ("text/xml".to_owned(), Some("RunJob".to_owned())),
        ("text/xml".to_owned(), Some(run.replace("http:", "https:"))),
        (format!("text/xml; action=\"{delete}\""), None),
        (format!("application/soap+xml; action=\"{run}\""), None),
        (
            format!("application/soap+xml; action=\"{run}\""),
            Some(run.clone()),
        ),
        (format!("application/soap+xml; action={run}"), None),
        (format!("application/soap+xml; action=\"{delete}\""), None),
        (
            format!("application/soap+xml; action=\"{run}\""),
            Some(delete.clone()),
        ),
        ("application/soap+xml; action=\"\"".to_owned(), None),
    ] {
        let document = good();
        let read = read_request(
            Some(&content_type),
            action.as_deref(),
            document.as_bytes(),
            Compat::Strict,
        );
        writeln!(rows, "{content_type} | {action:?}: {}", said(&read)).unwrap();
    }
    insta::assert_snapshot!(rows);
}
