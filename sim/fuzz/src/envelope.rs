//! Envelopes of either SOAP: what a service reads, what it answers, and what a caller reads.

use portcullis_web_service::codec::{
    Answer, Call, SoapVersion, Unread, fault_status, read_answer, read_request, write_fault,
    write_request, write_response,
};
use portcullis_web_service::config::Compat;
use portcullis_web_service::message::{Fault, FaultCode};

/// A request is read, or refused with a fault that its caller reads; what is read can be written
/// and read again; whatever the schema allows, ASP.NET's leniency allows, too. An answer likewise.
pub(crate) fn run(octets: &[u8]) {
    for version in SoapVersion::ALL {
        let content_type = version.content_type();
        let media_type = content_type.split(';').next();
        let read = |compat| read_request(media_type, None, octets, compat);
        let [strict, lenient] = [Compat::Strict, Compat::Aspnet].map(read);
        if strict.is_ok() {
            assert_eq!(strict, lenient);
        }
        for read in [strict, lenient] {
            match read {
                Ok(call) => assert_reads_again(&call),
                Err(Unread::MediaType) => panic!("{content_type} is one of SOAP's"),
                Err(Unread::Fault(version, fault)) => assert_says_so(version, &fault),
            }
        }
    }
    if let Ok((version, Answer::Response(response))) = read_answer(octets) {
        let written = write_response(version, &response);
        let again = read_answer(written.as_bytes()).expect("what we write is what we read");
        assert_eq!(again, (version, Answer::Response(response)));
    }
}

fn assert_reads_again(call: &Call) {
    let written = write_request(call.version, &call.request);
    let content_type = Some(call.version.content_type());
    let action = call.request.operation().soap_action();
    let again = read_request(
        content_type,
        Some(&action),
        written.as_bytes(),
        Compat::Strict,
    );
    assert_eq!(again.as_ref(), Ok(call));
}

/// The caller learns which rule was broken.
fn assert_says_so(version: SoapVersion, fault: &Fault) {
    let is_senders = (version, fault.code()) == (SoapVersion::V12, FaultCode::Client);
    let status = if is_senders { 400 } else { 500 };
    assert_eq!(fault_status(version, fault, Compat::Strict), status);
    assert_eq!(fault_status(version, fault, Compat::Aspnet), 500);
    let written = write_fault(version, fault);
    let (seen_in, answer) = read_answer(written.as_bytes()).expect("a fault can be read");
    let Answer::Fault(seen) = answer else {
        panic!("a fault is one: {written}");
    };
    assert_eq!(seen_in, version);
    assert_eq!(seen.text, fault.to_string());
    if let Some(rule) = seen.rule {
        assert_eq!(rule, fault.violation.name());
    }
}
