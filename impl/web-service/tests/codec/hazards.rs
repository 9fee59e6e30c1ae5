//! What is sent that should not be: a defined answer to each, one line each.

use std::fmt::Write as _;

use portcullis_web_service::codec::{SoapVersion, read_request};
use portcullis_web_service::config::Compat;
use portcullis_web_service::message::NAMESPACE;

use crate::samples::{JOB, envelope, operation, said, verdict};

/// The table of what each document comes to.
fn table<'a>(rows: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> String {
    let mut table = String::new();
    for (name, document) in rows {
        let verdict = verdict(&document, Compat::Strict);
        writeln!(table, "{name}: {verdict}").unwrap();
    }
    table
}

/// An envelope with RunJob in it, its `jobId` as written.
fn run_job(parameters: &str) -> Vec<u8> {
    envelope(SoapVersion::V11, "", &operation("RunJob", parameters)).into_bytes()
}

fn good() -> String {
    String::from_utf8(run_job(&format!("<jobId>{JOB}</jobId>"))).unwrap()
}

/// CreateJob with `from` replaced by `to`.
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

#[test]
fn what_is_not_xml() {
    let document = good();
    let before = |prolog: &str| format!("{prolog}{document}").into_bytes();
    let with_job = |text: &str| run_job(&format!("<jobId>{text}</jobId>"));
    let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
    let attributes: String = (0..65).map(|n| format!(" a{n}=''")).collect();
    let declared: String = (0..33).map(|n| format!(" xmlns:p{n}='u'")).collect();
    insta::assert_snapshot!(table([
        ("nothing", Vec::new()),
        ("no XML", b"GET / HTTP/1.1".to_vec()),
        ("DTD", before("<!DOCTYPE a [<!ENTITY b 'c'>]>")),
        (
            "external entity",
            before("<!DOCTYPE a SYSTEM 'file:///etc/passwd'>")
        ),
        ("processing instruction", before("<?php x?>")),
        ("style sheet", before("<?xml-stylesheet href='x'?>")),
        ("instruction inside", with_job("<?x y?>")),
        ("undefined entity", with_job("&nbsp;")),
        ("illegal character", with_job("\0")),
        ("illegal reference", with_job("&#0;")),
        ("XML 1.1", before("<?xml version='1.1'?>")),
        (
            "declared latin",
            before("<?xml version='1.0' encoding='iso-8859-1'?>")
        ),
        ("not UTF-8", [document.as_bytes(), b"\xFF"].concat()),
        ("cut", document.as_bytes()[..100].to_vec()),
        ("second root", format!("{document}{document}").into_bytes()),
        ("end of a section in text", with_job("]]>")),
        ("comment not closed", before("<!-- ")),
        ("two hyphens in a comment", before("<!-- a -- b -->")),
        ("comment that ends in three", before("<!-- a --->")),
        ("comment of nothing", before("<!-->")),
        ("section outside the root", before("<![CDATA[x]]>")),
        ("section of another kind", with_job("<![INCLUDE[x]]>")),
        ("section not closed", with_job("<![CDATA[x")),
        ("too deep", run_job(&deep)),
        ("too many elements", run_job(&"<a/>".repeat(1_000))),
        (
            "too many attributes",
            run_job(&format!("<jobId{attributes}/>"))
        ),
        (
            "too many namespaces",
            run_job(&format!("<jobId{declared}/>"))
        ),
        ("long text", with_job(&"x".repeat((1 << 20) + 1))),
        ("long name", run_job(&format!("<{}/>", "n".repeat(257)))),
        (
            "long attribute",
            run_job(&format!("<jobId a='{}'/>", "v".repeat((16 << 10) + 1)))
        ),
        ("long document", with_job(&"<a/>".repeat(1 << 20))),
    ]));
}

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
fn parameters_are_as_the_schema_says() {
    let job = format!("<jobId>{JOB}</jobId>");
    let source = "<sourceId>be315bb7-e7be-4af4-a8bc-1cd369eb5220</sourceId>";
    let xsi = "xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'";
    insta::assert_snapshot!(table([
        ("missing", run_job("")),
        ("all of eight missing", create_job_of("")),
        ("one of eight missing", create_job(source, "")),
        (
            "text missing",
            create_job("<description>d</description>", "")
        ),
        ("repeated", run_job(&job.repeat(2))),
        ("unknown", run_job(&format!("{job}<colour>red</colour>"))),
        (
            "unknown and long",
            run_job(&format!("{job}<{}/>", "n".repeat(200)))
        ),
        (
            "unknown of another namespace",
            run_job(&format!("{job}<x xmlns='urn:x'/>"))
        ),
        ("of another operation", run_job(&format!("{job}{source}"))),
        ("in upper case", run_job(&format!("<JobId>{JOB}</JobId>"))),
        (
            "without namespace",
            run_job(&format!("<jobId xmlns=''>{JOB}</jobId>"))
        ),
        (
            "of another namespace",
            run_job(&format!("<jobId xmlns='urn:x'>{JOB}</jobId>"))
        ),
        (
            "out of place",
            create_job(source, "").replace_in(
                "<destinationSiteCollection>",
                &format!("{source}<destinationSiteCollection>"),
            )
        ),
        ("text among them", run_job(&format!("{job}x"))),
        (
            "where none are",
            envelope(
                SoapVersion::V11,
                "",
                &operation("GetVirtualServersInformation", &job),
            )
            .into_bytes()
        ),
        ("nil", run_job(&format!("<jobId {xsi} xsi:nil='true'/>"))),
        (
            "nil text",
            create_job("<description>", &format!("<description {xsi} xsi:nil='1'>"))
        ),
        (
            "not nil",
            run_job(&format!("<jobId {xsi} xsi:nil='false'>{JOB}</jobId>"))
        ),
        (
            "element inside",
            run_job(&format!("<jobId><b>{JOB}</b></jobId>"))
        ),
    ]));
}

fn create_job_of(parameters: &str) -> Vec<u8> {
    envelope(SoapVersion::V11, "", &operation("CreateJob", parameters)).into_bytes()
}

trait ReplaceIn {
    fn replace_in(self, from: &str, to: &str) -> Self;
}

impl ReplaceIn for Vec<u8> {
    fn replace_in(self, from: &str, to: &str) -> Self {
        let text = String::from_utf8(self).unwrap();
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1).into_bytes()
    }
}

#[test]
fn values_are_of_their_types() {
    let guid = |text: &str| run_job(&format!("<jobId>{text}</jobId>"));
    let security = |word: &str| create_job(">All<", &format!(">{word}<"));
    let dates = |word: &str| create_job(">None<", &format!(">{word}<"));
    let flag = |word: &str| create_job(">true<", &format!(">{word}<"));
    let text = |text: &str| create_job(">d<", &format!(">{text}<"));
    insta::assert_snapshot!(table([
        ("guid in upper case", guid(&JOB.to_uppercase())),
        ("guid in braces", guid(&format!("{{{JOB}}}"))),
        ("guid with space around", guid(&format!(" {JOB} "))),
        ("guid without hyphens", guid(&JOB.replace('-', ""))),
        ("guid empty", guid("")),
        ("guid too short", guid(&JOB[1..])),
        ("guid with a letter too many", guid(&format!("{JOB}0"))),
        ("guid with another letter", guid(&JOB.replace('b', "g"))),
        ("guid in a section", guid(&format!("<![CDATA[{JOB}]]>"))),
        (
            "guid with a comment inside",
            guid(&JOB.replacen('-', "<!-- x -->-", 1))
        ),
        ("guid of references", guid(&JOB.replacen('4', "&#x34;", 1))),
        ("word", security("WssOnly")),
        ("word of another enumeration", security("ImportAll")),
        ("word in lower case", security("all")),
        ("word with space around", security(" All ")),
        ("word by number", security("2")),
        ("no word", security("")),
        (
            "word of the other enumeration",
            dates("ReplaceUserWithSystemAccount")
        ),
        ("wrong word there", dates("WssOnly")),
        ("Canceled", dates("Canceled")),
        ("1", flag("1")),
        ("0 with space around", flag("\n 0\t")),
        ("True", flag("True")),
        ("yes", flag("yes")),
        ("no boolean", flag("")),
        ("empty text", text("")),
        ("text with space", text(" a\r\n b ")),
        ("text with a section", text("a<![CDATA[<b>&]]>c")),
        ("text around comments", text("a<!-- x -->b<!---->c")),
        ("text around an empty section", text("<![CDATA[]]>")),
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

#[test]
fn content_types_and_encodings() {
    let document = good();
    let utf16 = |unit: fn(u16) -> [u8; 2], text: &str| -> Vec<u8> {
        let text = format!("\u{FEFF}{text}");
        text.encode_utf16().flat_map(unit).collect()
    };
    let marked = format!("\u{FEFF}{document}").into_bytes();
    let declared =
        |encoding: &str| format!("<?xml version='1.0' encoding='{encoding}'?>{document}");
    let plain = document.clone().into_bytes();
    let big = utf16(u16::to_be_bytes, &document);
    let little = utf16(u16::to_le_bytes, &declared("UTF-16"));
    let odd = [little.as_slice(), b"\0"].concat();
    let unpaired = [little.as_slice(), b"\0\xD8"].concat();
    let mut rows = String::new();
    for (content_type, name, body) in [
        (None, "UTF-8", &plain),
        (Some(""), "UTF-8", &plain),
        (Some("text/plain"), "UTF-8", &plain),
        (Some("application/xml"), "UTF-8", &plain),
        (Some("text/xmlish"), "UTF-8", &plain),
        (
            Some("multipart/related; type=\"text/xml\""),
            "UTF-8",
            &plain,
        ),
        (Some("text/xml; charset"), "UTF-8", &plain),
        (Some("text/xml; charset=\"utf-8"), "UTF-8", &plain),
        (Some("TEXT/XML;charset=UTF-8"), "UTF-8", &plain),
        (
            Some("text/xml ; charset = \"utf-8\" ; x=\"a;\\\"b\""),
            "UTF-8",
            &plain,
        ),
        (
            Some("text/xml; charset=utf-8; charset=utf-8"),
            "UTF-8",
            &plain,
        ),
        (
            Some("text/xml; charset=utf-8; charset=utf-16"),
            "UTF-8",
            &plain,
        ),
        (Some("text/xml; charset=iso-8859-1"), "UTF-8", &plain),
        (Some("text/xml; charset=utf-16"), "UTF-8", &plain),
        (
            Some("application/soap+xml; charset=utf-16"),
            "UTF-8",
            &plain,
        ),
        (Some("application/soap+xml"), "UTF-8", &plain),
        (
            Some("text/xml; charset=utf-8"),
            "UTF-8 with a mark",
            &marked,
        ),
        (
            Some("text/xml"),
            "UTF-8 declared",
            &declared("Utf-8").into_bytes(),
        ),
        (
            Some("text/xml"),
            "UTF-8 declared UTF-16",
            &declared("utf-16").into_bytes(),
        ),
        (Some("text/xml"), "UTF-16 of one order", &big),
        (
            Some("text/xml; charset=utf-16"),
            "UTF-16 of one order",
            &big,
        ),
        (
            Some("text/xml; charset=utf-16"),
            "UTF-16 of the other, declared",
            &little,
        ),
        (Some("text/xml; charset=utf-8"), "UTF-16 of one order", &big),
        (
            Some("text/xml"),
            "UTF-16 without a mark",
            &big[2..].to_vec(),
        ),
        (
            Some("text/xml"),
            "UTF-16 declared UTF-8",
            &utf16(u16::to_be_bytes, &declared("utf-8")),
        ),
        (Some("text/xml"), "UTF-16 and one octet", &odd),
        (Some("text/xml"), "UTF-16 and half a letter", &unpaired),
        (
            Some("text/xml"),
            "a mark and nothing",
            &b"\xFF\xFE".to_vec(),
        ),
    ] {
        let read = read_request(content_type, None, body, Compat::Strict);
        let content_type = content_type.unwrap_or("none");
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

/// What common stacks put into envelopes is no fault.
#[test]
fn what_real_senders_write_is_read() {
    let declared: String = (0..28).map(|n| format!(" xmlns:p{n}='urn:p{n}'")).collect();
    let rows = table([
        (
            "many namespaces",
            good()
                .replacen("<e:Body>", &format!("<e:Body{declared}>"), 1)
                .into(),
        ),
        (
            "types and locations",
            run_job(&format!(
                "<jobId xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' \
             xmlns:s1='http://microsoft.com/wsdl/types/' xsi:type='s1:guid' xml:lang='en' \
             xsi:schemaLocation='urn:a a.xsd'>{JOB}</jobId>"
            )),
        ),
        (
            "encoding style",
            good()
                .replacen(
                    "<e:Body>",
                    "<e:Body e:encodingStyle='http://schemas.xmlsoap.org/soap/encoding/'>",
                    1,
                )
                .into(),
        ),
        (
            "comments everywhere",
            good()
                .replace('<', "<!-- c --><")
                .replace("<!-- c --></jobId>", "</jobId>")
                .into(),
        ),
        ("space between", good().replace("><", ">\r\n\t <").into()),
        (
            "prefix for the service",
            format!(
                "<e:Envelope xmlns:e='{}' xmlns:q='{NAMESPACE}'><e:Header/><e:Body><q:RunJob>\
             <q:jobId>{JOB}</q:jobId></q:RunJob></e:Body></e:Envelope>",
                SoapVersion::V12.envelope_namespace(),
            )
            .into(),
        ),
    ]);
    for line in rows.lines() {
        assert!(line.contains(" RunJob { job: "), "{line}");
    }
    assert_eq!(rows.lines().count(), 6);
}
