//! What is not XML, or XML that SOAP does not have, and what is XML that real senders write.

use portcullis_web_service::codec::SoapVersion;
use portcullis_web_service::message::NAMESPACE;

use super::{good, run_job, table};
use crate::samples::JOB;

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
