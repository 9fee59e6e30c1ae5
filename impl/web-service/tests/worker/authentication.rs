//! Who is asked who he is, and when.

use portcullis_web_service::FarmEvent;

use crate::raw::{body, field, status};
use crate::world::{World, anna, target};

const SERVICE: &str = "/_vti_adm/ContentDeploymentRemoteImport.asmx";

/// `anna:pass:word`
const ANNA: &str = "Authorization: Basic YW5uYTpwYXNzOndvcmQ=\r\n";

async fn closed() -> World {
    World::with(|config| config.authentication.accounts = vec![anna()]).await
}

#[tokio::test]
async fn a_stranger_is_asked_before_he_sends_the_body() {
    let world = closed().await;
    let mut client = world.connect().await;
    let target = target("a.cab");
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    );
    client.send(head).await;
    let answer = client.rest().await;
    assert_eq!(status(&answer), "HTTP/1.1 401 Unauthorized");
    assert!(
        field(&answer, "www-authenticate")
            .unwrap()
            .starts_with("Basic realm=")
    );
    assert_eq!(field(&answer, "connection"), Some("close"));
    assert_eq!(body(&answer), "");
    let announced = FarmEvent::Answered {
        what: "upload",
        status: 401,
        violation: Some("not-authenticated"),
    };
    assert_eq!(world.event().await, announced);
}

#[tokio::test]
async fn a_stranger_who_sends_at_once_reads_the_status_and_no_reset() {
    let world = closed().await;
    let body = vec![7; 64 << 20];
    for place in [target("a.cab"), SERVICE.to_owned()] {
        let mut client = world.connect().await;
        let length = body.len();
        let head = format!("POST {place} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        client.send(head).await;
        client.send(&body).await;
        assert_eq!(status(&client.rest().await), "HTTP/1.1 401 Unauthorized");
    }
    assert_eq!(world.file_count(), 0);
}

#[tokio::test]
async fn every_place_but_nowhere_is_behind_the_gate() {
    let world = closed().await;
    let target = target("a.cab");
    for (line, stranger, known) in [
        (format!("GET {SERVICE}"), "401", "200"),
        (format!("GET {SERVICE}?wsdl"), "401", "200"),
        (format!("PUT {SERVICE}"), "401", "405"),
        (format!("GET {target}"), "401", "405"),
        (format!("POST {target}"), "401", "200"),
        ("GET /_admin/DeploymentJobs.aspx".to_owned(), "401", "200"),
        (
            "GET /_admin/DeploymentJob.aspx?job=a".to_owned(),
            "401",
            "404",
        ),
        ("GET /".to_owned(), "404", "404"),
    ] {
        for (field, expected) in [("", stranger), (ANNA, known)] {
            let request = format!(
                "{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{field}\
                 Content-Length: 0\r\n\r\n"
            );
            let answer = world.say(request).await;
            assert_eq!(
                status(&answer).split(' ').nth(1),
                Some(expected),
                "{line} {field}"
            );
        }
    }
}

#[tokio::test]
async fn a_stranger_may_say_who_he_is_on_the_same_connection() {
    let world = closed().await;
    let mut client = world.connect().await;
    for (field, expected) in [("", "HTTP/1.1 401 Unauthorized"), (ANNA, "HTTP/1.1 200 OK")] {
        client
            .send(format!("GET {SERVICE} HTTP/1.1\r\nHost: a\r\n{field}\r\n"))
            .await;
        assert_eq!(status(&client.answer().await), expected);
    }
}

#[tokio::test]
async fn where_only_certificates_open_no_password_is_asked_for() {
    let name = "source.example".to_owned();
    let world = World::with(|config| config.authentication.certificates = [name].into()).await;
    let request = format!("GET {SERVICE} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{ANNA}\r\n");
    let answer = world.say(request).await;
    assert_eq!(status(&answer), "HTTP/1.1 403 Forbidden");
    assert_eq!(field(&answer, "www-authenticate"), None);
}

#[tokio::test]
async fn content_deployment_over_a_connection_without_tls_can_be_refused() {
    let world = World::with(|config| config.require_secure_connection = true).await;
    let envelope = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
                    <GetVirtualServersInformation \
                    xmlns=\"http://schemas.microsoft.com/sharepoint/soap/\"/>\
                    </s:Body></s:Envelope>";
    let length = envelope.len();
    let fields = "Host: a\r\nConnection: close\r\nContent-Type: text/xml";
    let post = |target: &str| {
        format!("POST {target} HTTP/1.1\r\n{fields}\r\nContent-Length: {length}\r\n\r\n{envelope}")
    };
    let answer = world.say(post(SERVICE)).await;
    assert_eq!(status(&answer), "HTTP/1.1 500 Internal Server Error");
    assert!(answer.contains("secure connection"), "{answer}");
    let answer = world.say(post(&target("a.cab"))).await;
    assert_eq!(status(&answer), "HTTP/1.1 403 Forbidden");
    assert_eq!(world.file_count(), 0);
}
