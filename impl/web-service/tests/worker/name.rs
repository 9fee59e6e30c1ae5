//! No name of a file leaves the folder of its job (CD-44).

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::raw::status;
use crate::world::{World, target};

/// Ways to write one text in a query.
fn written(name: &str) -> Vec<String> {
    let encoded = utf8_percent_encode(name, NON_ALPHANUMERIC).to_string();
    let legal = name
        .bytes()
        .all(|octet| octet.is_ascii_alphanumeric() || b"./:*".contains(&octet));
    let mut ways = vec![
        format!("%22{encoded}%22"),
        encoded.to_lowercase(),
        encoded.clone(),
    ];
    ways.extend(legal.then(|| name.to_owned()));
    ways
}

#[tokio::test]
async fn names_that_lead_elsewhere_are_refused_in_every_spelling() {
    let world = World::open().await;
    for name in [
        "..",
        ".",
        "../a.cab",
        "..\\a.cab",
        "a/../../b.cab",
        "/etc/a.cab",
        "\\\\server\\share\\a.cab",
        "C:a.cab",
        "C:\\a.cab",
        "a.cab:stream",
        "a\0.cab",
        "a\n.cab",
        "nul",
        "COM1.cab",
        "a.cab.",
        " a.cab",
        "a.cab ",
        ".incoming",
        "a*.cab",
        "a?.cab",
        "a\"b.cab",
    ] {
        for spelling in written(name) {
            let target = target(&spelling);
            let request = format!(
                "POST {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
                 Content-Length: 1\r\n\r\nx"
            );
            let answer = world.say(request).await;
            assert_eq!(
                status(&answer),
                "HTTP/1.1 400 Bad Request",
                "{name:?} as {spelling}"
            );
        }
    }
    // Octets that are no UTF-8, and what becomes a path only when it is decoded twice.
    for (spelling, expected) in [
        ("%ff%fe.cab", "HTTP/1.1 400 Bad Request"),
        ("%c0%ae%c0%ae%c0%afa.cab", "HTTP/1.1 400 Bad Request"),
        ("%252e%252e%252fa.cab", "HTTP/1.1 200 OK"),
    ] {
        let target = target(spelling);
        let request = format!(
            "POST {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"
        );
        assert_eq!(status(&world.say(request).await), expected, "{spelling}");
    }
    assert_eq!(world.stored().await, [("%2e%2e%2fa.cab".to_owned(), 1)]);
    assert_eq!(world.file_count(), 1);
}
