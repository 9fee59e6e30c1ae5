//! The decoder reads what is on the wire, however the octets come.

use portcullis_web_service::codec::{self, SoapVersion};
use portcullis_web_service::config::Account;
use portcullis_web_service::message::{Guid, Request, Response, SERVICE_PATH};
use proptest::prelude::*;

use super::*;
use crate::engine::{Flow, StreamDecoder};
use crate::protocols::content_deployment::setting::Server;

const OPENER: SocketAddrV4 = SocketAddrV4::new(std::net::Ipv4Addr::new(10, 0, 0, 1), 50000);
const ACCEPTOR: SocketAddrV4 = SocketAddrV4::new(std::net::Ipv4Addr::new(10, 0, 0, 2), 8080);

fn setting(account: Option<Account>) -> Setting {
    let server = Server {
        address: *ACCEPTOR.ip(),
        port: ACCEPTOR.port(),
        is_accepting: true,
        import_server: "target".to_owned(),
        databases: "target".to_owned(),
        account,
        timer_service: std::time::Duration::from_secs(1),
        is_tls: false,
    };
    Setting {
        servers: BTreeMap::from([("target".to_owned(), server)]),
        ..Setting::default()
    }
}

/// The decoders of both directions of a new connection.
fn both(setting: Setting) -> [Box<dyn StreamDecoder>; 2] {
    let choose = choice(setting);
    let flow = |source, destination, from_opener| Flow {
        source,
        destination,
        from_opener,
    };
    let forward = choose(flow(OPENER, ACCEPTOR, true)).expect("it is read");
    let backward = choose(flow(ACCEPTOR, OPENER, false)).expect("it is read");
    [forward, backward]
}

fn fed(decoder: &mut dyn StreamDecoder, octets: &[u8]) -> Vec<Decoded> {
    let mut messages = Vec::new();
    decoder.feed(octets, &mut messages);
    messages
}

/// A message in one line: its kind, and its fields but for digests.
fn line(message: &Decoded) -> String {
    let fields = message
        .fields
        .iter()
        .filter(|(name, _)| *name != field::DIGEST);
    let fields: Vec<_> = fields
        .map(|(name, value)| format!(" {name}={value}"))
        .collect();
    format!("{}{}", message.kind, fields.concat())
}

fn lines(messages: &[Decoded]) -> Vec<String> {
    messages.iter().map(line).collect()
}

fn soap(head: &str, envelope: &str) -> Vec<u8> {
    let length = envelope.len();
    let head = format!("{head}\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), envelope.as_bytes()].concat()
}

const JOB: &str = "49bebd7d-62d0-4d68-a1f0-9118b3ac4416";

fn call() -> Vec<u8> {
    call_about(JOB)
}

fn call_about(job: &str) -> Vec<u8> {
    let job: Guid = job.parse().expect("a guid");
    let envelope = codec::write_request(SoapVersion::V11, &Request::RunJob { job });
    soap(
        &format!("POST {SERVICE_PATH} HTTP/1.1\r\nHost: farm"),
        &envelope,
    )
}

fn upload(path: &str) -> Vec<u8> {
    let head = format!(
        "POST {path}?filename=a.cab&remoteJobId={JOB} HTTP/1.1\r\nHost: farm\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    );
    let body = "4\r\nfour\r\n3;name=value\r\n333\r\n0\r\nTrailer: x\r\n\r\n";
    [head, body.to_owned()].concat().into_bytes()
}

const UPLOAD_PATH: &str = "/_admin/Content%20Deployment/DeploymentUpload.aspx";

#[test]
fn a_call_and_an_upload_on_one_connection_are_told_with_their_answers() {
    let [mut forward, mut backward] = both(setting(None));
    let asked = fed(&mut *forward, &[call(), upload(UPLOAD_PATH)].concat());
    assert_eq!(
        lines(&asked),
        [
            format!("run-job job={JOB} soap=1.1"),
            format!("upload file=a.cab job={JOB} size=7"),
        ]
    );
    let response = codec::write_response(SoapVersion::V11, &Response::RunJob);
    let answers = [
        b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(),
        soap("HTTP/1.1 200 OK", &response),
        b"HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\nno".to_vec(),
    ];
    let answered = fed(&mut *backward, &answers.concat());
    assert_eq!(
        lines(&answered),
        [
            "http-interim http=100".to_owned(),
            format!("run-job-response answers=run-job http=200 job={JOB} soap=1.1"),
            format!("http-response answers=upload http=409 job={JOB}"),
        ]
    );
}

#[test]
fn an_answer_in_the_octets_of_the_one_before_is_told_in_the_light_of_its_own_request() {
    let jobs = [JOB, JOB, &JOB.replace('4', "5"), JOB];
    let [mut forward, mut backward] = both(setting(None));
    let asked = fed(&mut *forward, &jobs.map(call_about).concat());
    let told = jobs.map(|job| format!("run-job job={job} soap=1.1"));
    assert_eq!(lines(&asked), told);
    let response = codec::write_response(SoapVersion::V11, &Response::RunJob);
    let answers = jobs.map(|_| soap("HTTP/1.1 200 OK", &response));
    let answered = fed(&mut *backward, &answers.concat());
    let told =
        jobs.map(|job| format!("run-job-response answers=run-job http=200 job={job} soap=1.1"));
    assert_eq!(lines(&answered), told);
}

#[test]
fn paths_match_without_regard_to_case() {
    let [mut forward, _] = both(setting(None));
    let asked = fed(&mut *forward, &upload(&UPLOAD_PATH.to_lowercase()));
    assert_eq!(asked[0].kind, kind::UPLOAD);
}

#[test]
fn an_early_answer_belongs_to_the_request_that_has_begun() {
    let [mut forward, mut backward] = both(setting(None));
    let octets = upload(UPLOAD_PATH);
    assert_eq!(fed(&mut *forward, &octets[..octets.len() - 20]), []);
    let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let answered = fed(&mut *backward, answer);
    let told = format!("http-response answers=upload http=404 job={JOB}");
    assert_eq!(lines(&answered), [told]);
}

#[test]
fn a_head_request_has_an_answer_without_body() {
    let [mut forward, mut backward] = both(setting(None));
    fed(&mut *forward, b"HEAD / HTTP/1.1\r\nHost: farm\r\n\r\n");
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n";
    assert_eq!(fed(&mut *backward, answer).len(), 1);
}

#[test]
fn what_the_schema_does_not_have_is_told_as_unread() {
    let [mut forward, mut backward] = both(setting(None));
    let octets = call();
    let text = String::from_utf8(octets)
        .expect("it is text")
        .replace("jobId", "jobid");
    let asked = fed(&mut *forward, text.as_bytes());
    assert_eq!(
        lines(&asked),
        ["unread-call soap=1.1 violation=parameter-unknown"]
    );
    let answered = fed(&mut *backward, &soap("HTTP/1.1 200 OK", "<x/>"));
    assert_eq!(
        lines(&answered),
        ["unread-answer answers=unread-call http=200"]
    );
}

#[test]
fn octets_that_are_no_http_are_told_once() {
    let [mut forward, _] = both(setting(None));
    let asked = fed(&mut *forward, b"\x16\x03\x01\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    assert_eq!(lines(&asked), ["undecodable problem=request-head"]);
    assert_eq!(fed(&mut *forward, b"GET / HTTP/1.1\r\n\r\n"), []);
}

#[test]
fn a_head_without_end_is_given_up() {
    let [mut forward, _] = both(setting(None));
    let asked = fed(&mut *forward, &vec![b'x'; 200_000]);
    assert_eq!(lines(&asked), ["undecodable problem=head-too-long"]);
}

#[test]
fn who_has_the_password_is_authentic() {
    let account = Account {
        name: "anna".to_owned(),
        password: "secret".to_owned(),
    };
    for (shown, authentic) in [
        ("Authorization: Basic YW5uYTpzZWNyZXQ=\r\n", "true"),
        ("Authorization: Basic YW5uYTpzZWNyZXR=\r\n", "false"),
        ("", "false"),
    ] {
        let [mut forward, _] = both(setting(Some(account.clone())));
        let request = format!("GET / HTTP/1.1\r\n{shown}\r\n");
        let asked = fed(&mut *forward, request.as_bytes());
        assert_eq!(asked[0].fields[field::AUTHENTIC], authentic, "{shown}");
    }
}

#[test]
fn connections_to_other_ports_are_not_read() {
    let choose = choice(setting(None));
    let flow = Flow {
        source: OPENER,
        destination: SocketAddrV4::new(*ACCEPTOR.ip(), 1433),
        from_opener: true,
    };
    assert!(choose(flow).is_none());
}

proptest! {
    #[test]
    fn the_same_is_told_however_the_octets_are_cut(
        cuts in prop::collection::vec(1_usize..60, 1..80),
    ) {
        let octets = [b"\r\n".to_vec(), call(), upload(UPLOAD_PATH), call()].concat();
        let [mut whole, _] = both(setting(None));
        let expected = fed(&mut *whole, &octets);
        let [mut pieces, _] = both(setting(None));
        let (mut rest, mut told) = (octets.as_slice(), Vec::new());
        for cut in cuts.iter().cycle() {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            told.extend(fed(&mut *pieces, now));
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        let length: u64 = told.iter().map(|message| message.octets).sum();
        prop_assert_eq!(&told, &expected);
        prop_assert_eq!(usize::try_from(length).unwrap_or(0), octets.len());
    }

    #[test]
    fn any_octets_are_read_to_their_end(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        let [mut forward, mut backward] = both(setting(None));
        fed(&mut *forward, &octets);
        fed(&mut *backward, &octets);
    }
}
