//! What a caller makes of what a service answers, ours or another.

use portcullis_web_service::codec::{
    Answer, SeenFault, SoapVersion, read_answer, write_fault, write_response,
};
use portcullis_web_service::message::{Fault, JobStatus, NAMESPACE, Response};
use portcullis_xml::XmlErrorKind;

use crate::samples::{JOB, envelope, job, operation, responses, violations};

fn read(document: &str) -> Result<Answer, XmlErrorKind> {
    let read = read_answer(document.as_bytes());
    read.map(|(_, answer)| answer).map_err(|error| error.kind)
}

fn response(name: &str, content: &str) -> String {
    envelope(SoapVersion::V11, "", &operation(name, content))
}

#[test]
fn every_fault_that_is_written_is_read() {
    for version in SoapVersion::ALL {
        for violation in violations() {
            let fault = Fault::new(violation);
            let document = write_fault(version, &fault);
            let (seen_in, answer) = read_answer(document.as_bytes()).unwrap();
            let Answer::Fault(seen) = answer else {
                panic!("{document}");
            };
            assert_eq!(seen_in, version);
            assert_eq!(seen.text, fault.to_string());
            match seen.rule {
                Some(rule) => assert_eq!(rule, fault.violation.name()),
                // Where the code says all there is to say.
                None => assert!(["VersionMismatch", "MustUnderstand"].contains(&&*seen.code)),
            }
        }
    }
}

#[test]
fn the_fault_of_a_stranger_is_read() {
    let asp_net = "<soap:Fault xmlns:soap='http://schemas.xmlsoap.org/soap/envelope/'>\
         <faultcode>soap:Server</faultcode><faultstring>Exception of type 'X' was thrown.\
         </faultstring><detail><errorstring xmlns='urn:x'>No.</errorstring></detail></soap:Fault>";
    let seen = SeenFault {
        code: "Server".into(),
        text: "Exception of type 'X' was thrown.".into(),
        rule: None,
    };
    let document = envelope(SoapVersion::V11, "<t:Trace xmlns:t='urn:t'/>", asp_net);
    assert_eq!(read(&document), Ok(Answer::Fault(seen)));

    let many = "<e:Fault><e:Code><e:Value>e:Receiver</e:Value><e:Subcode><e:Value>x</e:Value>\
         </e:Subcode></e:Code><e:Reason><e:Text xml:lang='de'>Nein.</e:Text>\
         <e:Text xml:lang='en-GB'>No.</e:Text></e:Reason><e:Node>urn:n</e:Node></e:Fault>";
    let seen = SeenFault {
        code: "Receiver".into(),
        text: "No.".into(),
        rule: None,
    };
    let document = envelope(SoapVersion::V12, "", many);
    assert_eq!(read(&document), Ok(Answer::Fault(seen)));
}

#[test]
fn prefixes_headers_comments_and_space_make_no_difference() {
    let document = format!(
        "\u{FEFF}<?xml version='1.0'?>\n<!-- hello -->\n<S:Envelope \
         xmlns:S='http://schemas.xmlsoap.org/soap/envelope/' xmlns:n='{NAMESPACE}'>\n <S:Header>\
         <h xmlns='urn:h' S:mustUnderstand='1' S:actor='urn:other'/></S:Header>\n <S:Body>\n  \
         <n:CreateJobResponse>\n   <n:CreateJobResult><![CDATA[{JOB}]]></n:CreateJobResult>\n  \
         </n:CreateJobResponse>\n </S:Body>\n</S:Envelope>\n"
    );
    let created = Answer::Response(Response::CreateJob(job()));
    assert_eq!(read(&document), Ok(created));
}

#[test]
fn there_are_seven_statuses_and_no_other() {
    let of = |word: &str| {
        let members = format!("<GetJobStatusResult><Status>{word}</Status></GetJobStatusResult>");
        read(&response("GetJobStatusResponse", &members))
    };
    for status in JobStatus::ALL {
        match of(status.name()) {
            Ok(Answer::Response(Response::GetJobStatus(read))) => assert_eq!(read.status, *status),
            other => panic!("{other:?}"),
        }
    }
    // CD-12: what only a source has, and what is not quite the word.
    for word in [
        "NotAvailable",
        "Preparing",
        "ExportInProgress",
        "TransferInProgress",
        "TestSuccess",
        "TestFailure",
        "TestExporting",
        "Canceled",
        "success",
        "",
        " Success",
    ] {
        assert_eq!(of(word), Err(XmlErrorKind::InvalidValue), "{word}");
    }
}

#[test]
fn the_members_of_a_status_that_nobody_could_read_are_not_insisted_upon() {
    let members = "<GetJobStatusResult><Percent>3</Percent><Status>Failure</Status>\
                   <ErrorCount>2</ErrorCount></GetJobStatusResult>";
    match read(&response("GetJobStatusResponse", members)) {
        Ok(Answer::Response(Response::GetJobStatus(read))) => {
            assert_eq!((read.status, read.error_count), (JobStatus::Failure, 2));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn answers_that_are_none_are_refused() {
    use XmlErrorKind::{InvalidValue, MissingElement, UnexpectedElement, UnexpectedText};
    let result = format!("<CreateJobResult>{JOB}</CreateJobResult>");
    for (document, kind) in [
        (response("CreateJobResponse", ""), MissingElement),
        (
            response("CreateJobResponse", &result.repeat(2)),
            UnexpectedElement,
        ),
        (
            response("CreateJobResponse", "<CreateJobResult/>"),
            InvalidValue,
        ),
        (
            response("CreateJobResponse", "<GetJobStatusResult/>"),
            UnexpectedElement,
        ),
        (
            response("CreateJobResponse", &format!("x{result}")),
            UnexpectedText,
        ),
        (response("CreateJob", ""), UnexpectedElement),
        (
            response("RunJobResponse", "<RunJobResult/>"),
            UnexpectedElement,
        ),
        (
            response("GetJobStatusResponse", "<GetJobStatusResult/>"),
            MissingElement,
        ),
        (
            response("GetSiteCollectionNamesResponse", ""),
            MissingElement,
        ),
        (
            envelope(SoapVersion::V11, "", "<RunJobResponse xmlns='urn:x'/>"),
            UnexpectedElement,
        ),
        (envelope(SoapVersion::V11, "", ""), MissingElement),
        (envelope(SoapVersion::V11, "", "<e:Fault/>"), MissingElement),
        (envelope(SoapVersion::V12, "", "<e:Fault/>"), MissingElement),
        ("<html/>".into(), UnexpectedElement),
    ] {
        assert_eq!(read(&document), Err(kind), "{document}");
    }
    let both = format!(
        "{}{}",
        operation("RunJobResponse", ""),
        operation("RunJobResponse", "")
    );
    let document = envelope(SoapVersion::V11, "", &both);
    assert_eq!(read(&document), Err(UnexpectedElement));
}

#[test]
fn what_xml_cannot_say_is_replaced_and_the_rest_arrives() {
    let document = write_response(
        SoapVersion::V11,
        &Response::GetRemoteAdminServerUrl("a\0\u{FFFF}b\r\n<\u{1F}".into()),
    );
    let arrived = Response::GetRemoteAdminServerUrl("a\u{FFFD}\u{FFFD}b\r\n<\u{FFFD}".into());
    assert_eq!(read(&document), Ok(Answer::Response(arrived)));
    assert_eq!(responses().len(), 9);
}
