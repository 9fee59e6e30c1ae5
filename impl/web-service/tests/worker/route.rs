//! What lies where, and how it may be asked for.

use portcullis_web_service::FarmEvent;
use portcullis_web_service::config::Compat;

use crate::raw::{body, field, status};
use crate::world::{World, target};

const SERVICE: &str = "/_vti_adm/ContentDeploymentRemoteImport.asmx";

fn request(line: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: farm:8080\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
}

async fn asked(world: &World, line: &str) -> String {
    world.say(request(line)).await
}

#[tokio::test]
async fn the_table_of_routes() {
    let world = World::open().await;
    let upload = target("a.cab");
    let lines = [
        format!("GET {SERVICE}"),
        format!("GET {SERVICE}?op=CreateJob"),
        format!("GET {SERVICE}?WSDL"),
        format!("HEAD {SERVICE}?wsdl=1"),
        "GET /_VTI_ADM/contentdeploymentremoteimport.asmx?Wsdl".to_owned(),
        "GET /%5fvti_adm/ContentDeploymentRemoteImport.asmx?wsdl".to_owned(),
        format!("GET http://farm:8080{SERVICE}?wsdl"),
        format!("PUT {SERVICE}"),
        format!("OPTIONS {SERVICE}"),
        format!("POST {SERVICE}/CreateJob"),
        format!("GET {upload}"),
        format!("HEAD {upload}"),
        format!("PUT {upload}"),
        format!("POST {upload}"),
        format!(
            "POST {}",
            upload.to_uppercase().replace("FILENAME", "filename")
        ),
        "GET /_admin/DeploymentJobs.aspx".to_owned(),
        "HEAD /_ADMIN/deploymentjobs.aspx".to_owned(),
        "POST /_admin/DeploymentJobs.aspx".to_owned(),
        "GET /_admin/DeploymentJob.aspx?job=nightly".to_owned(),
        "GET /_admin/DeploymentJob.aspx".to_owned(),
        "GET /_admin/DeploymentJob.aspx?job=%ff".to_owned(),
        "GET /_admin/DeploymentJob.aspx?job=a&job=b".to_owned(),
        "PUT /_admin/DeploymentJob.aspx?job=nightly".to_owned(),
        "GET /".to_owned(),
        "OPTIONS *".to_owned(),
        "POST /_admin/Content+Deployment/DeploymentUpload.aspx".to_owned(),
    ];
    let mut table = String::new();
    for line in lines {
        let answer = asked(&world, &line).await;
        let shown = [
            ("allow", field(&answer, "allow")),
            ("type", field(&answer, "content-type")),
        ];
        let shown: Vec<_> = shown
            .iter()
            .filter_map(|(name, value)| Some(format!("{name}: {}", (*value)?)))
            .collect();
        let is_long = if body(&answer).is_empty() {
            "empty"
        } else {
            "body"
        };
        table += &format!(
            "{line}\n    {}, {is_long}; {}\n",
            status(&answer),
            shown.join("; ")
        );
        assert!(field(&answer, "date").is_some_and(|date| date.ends_with(" GMT")));
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn the_description_names_the_address_by_which_it_was_reached() {
    let world = World::open().await;
    let description = |host: &str| {
        format!("GET {SERVICE}?WSDL HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
    };
    let answer = world.say(description("there:8080")).await;
    assert!(
        answer.contains(&format!("\"http://there:8080{SERVICE}\"")),
        "{answer}"
    );
    // What is no host is no part of an address.
    for host in ["a\"/><x", "a/b", ""] {
        let answer = world.say(description(host)).await;
        let own = format!("\"http://farm.example:8080{SERVICE}\"");
        assert!(answer.contains(&own), "{host}: {answer}");
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let world = World::open().await;
    let got = asked(&world, &format!("GET {SERVICE}?WSDL")).await;
    let headed = asked(&world, &format!("HEAD {SERVICE}?WSDL")).await;
    assert!(body(&got).len() > 1000);
    assert_eq!(body(&headed), "");
    let length = body(&got).len().to_string();
    assert_eq!(field(&headed, "content-length"), Some(&*length));
    assert_eq!(field(&got, "content-length"), Some(&*length));
}

#[tokio::test]
async fn a_target_that_is_none_is_400_without_body_and_ends_the_connection() {
    let world = World::open().await;
    let raw_quote = target("%22a.cab%22").replace("%22", "\"");
    let raw_space = target("a.cab").replace("%20", " ");
    for line in [
        format!("POST {raw_quote}"),
        format!("POST {raw_space}"),
        "GET /a%2".to_owned(),
        "GET /<a>".to_owned(),
        "GET".to_owned(),
        "G@T /".to_owned(),
        format!("GET {SERVICE} HTTP/1.1 and"),
    ] {
        // The connection ends although nobody asked for it.
        let request = format!("{line} HTTP/1.1\r\nHost: farm\r\nContent-Length: 3\r\n\r\nabc");
        let answer = world.say(&request).await;
        assert_eq!(status(&answer), "HTTP/1.1 400 Bad Request", "{line}");
        assert_eq!(body(&answer), "", "{line}");
        assert_eq!(field(&answer, "connection"), Some("close"), "{line}");
        assert_eq!(world.event().await, FarmEvent::BadRequest, "{line}");
    }
    assert_eq!(world.file_count(), 0);
}

#[tokio::test]
async fn a_request_of_http_1_1_names_one_host() {
    let world = World::open().await;
    for (hosts, expected) in [
        ("", "HTTP/1.1 400 Bad Request"),
        ("Host: a\r\nHost: b\r\n", "HTTP/1.1 400 Bad Request"),
        ("Host: a\r\n", "HTTP/1.1 200 OK"),
    ] {
        let request = format!("GET {SERVICE} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
        assert_eq!(status(&world.say(request).await), expected, "{hosts}");
    }
    let old = world.say(format!("GET {SERVICE} HTTP/1.0\r\n\r\n")).await;
    assert_eq!(status(&old), "HTTP/1.0 200 OK");
}

#[tokio::test]
async fn what_is_no_message_is_refused_by_its_media_type_or_encoding() {
    let world = World::open().await;
    let post = |fields: &str| {
        format!(
            "POST {SERVICE} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\
             Content-Length: 2\r\n\r\n<a"
        )
    };
    let unsupported = "HTTP/1.1 415 Unsupported Media Type";
    for (fields, expected) in [
        ("Content-Type: text/plain\r\n", unsupported),
        ("", unsupported),
        (
            "Content-Type: text/xml\r\nContent-Encoding: gzip\r\n",
            unsupported,
        ),
        (
            "Content-Type: text/xml\r\nContent-Encoding: identity\r\n",
            "HTTP/1.1 500 Internal Server Error",
        ),
        (
            "Content-Type: application/soap+xml\r\n",
            "HTTP/1.1 400 Bad Request",
        ),
    ] {
        let answer = world.say(post(fields)).await;
        assert_eq!(status(&answer), expected, "{fields}");
        assert_eq!(
            body(&answer).is_empty(),
            expected == unsupported,
            "{fields}"
        );
    }
}

#[tokio::test]
async fn compat_says_the_status_of_a_mistake_of_the_sender() {
    let message = format!(
        "POST {SERVICE} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
         Content-Type: application/soap+xml\r\nContent-Length: 2\r\n\r\n<a"
    );
    for (compat, expected) in [
        (Compat::Strict, "HTTP/1.1 400 Bad Request"),
        (Compat::Aspnet, "HTTP/1.1 500 Internal Server Error"),
    ] {
        let world = World::with(|config| config.compat = compat).await;
        let answer = world.say(&message).await;
        assert_eq!(status(&answer), expected);
        assert!(body(&answer).contains("soap:Sender"), "{answer}");
    }
}
