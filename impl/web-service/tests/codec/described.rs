//! What the service says of itself.

use portcullis_web_service::codec::{service_page, wsdl};
use portcullis_web_service::message::SERVICE_PATH;
use portcullis_xml::{Document, Limits};

fn address() -> String {
    format!("http://destination:8080{SERVICE_PATH}")
}

#[test]
fn the_service_description() {
    let text = wsdl(&address());
    assert!(Document::parse(text.as_bytes(), &Limits::control()).is_ok());
    insta::assert_snapshot!(text);
}

#[test]
fn the_service_page() {
    insta::assert_snapshot!(service_page(&address()));
}

#[test]
fn an_address_cannot_add_markup() {
    let address = "http://x/'\"><script>alert(1)</script>&\0";
    let page = service_page(address);
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&#39;&quot;&gt;&lt;script&gt;"), "{page}");
    let text = wsdl(address);
    assert!(
        Document::parse(text.as_bytes(), &Limits::control()).is_ok(),
        "{text}"
    );
    assert!(!text.contains("<script"), "{text}");
}

#[test]
fn the_page_asks_nothing_of_anybody() {
    let page = service_page(&address());
    for word in ["src=", "url(", "@import", "<script", "<link"] {
        assert!(!page.contains(word), "{word}");
    }
    let links: Vec<&str> = page
        .split("href=\"")
        .skip(1)
        .map(|link| link.split('"').next().unwrap())
        .collect();
    assert!(links.contains(&"?WSDL"));
    for link in links {
        let target = link.strip_prefix('#');
        let known = target.is_some_and(|id| page.contains(&format!("id=\"{id}\"")));
        assert!(known || link == "?WSDL", "{link}");
    }
}
