//! What is no parameter, or no value of its type.

use portcullis_web_service::codec::SoapVersion;

use super::{create_job, run_job, table};
use crate::samples::{JOB, envelope, operation};

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
