//! What a document says, and reading it so that nothing goes unnoticed.

use portcullis_xml::{Child, Document, ElementReader, Limits, XmlError, XmlErrorKind};

fn parse(document: &str) -> Document<'_> {
    Document::parse(document.as_bytes(), &Limits::control()).expect("a good document")
}

/// The tree in one line: names in braces, text in quotes.
fn outline(document: &Document<'_>) -> String {
    fn walk(child: Child<'_>, out: &mut String) {
        match child {
            Child::Text { text, .. } => out.push_str(&format!("{text:?}")),
            Child::Element(element) => {
                out.push_str(&format!("{{{}}}{}(", element.namespace(), element.name()));
                element.children().for_each(|child| walk(child, out));
                out.push(')');
            }
        }
    }
    let mut out = String::new();
    walk(Child::Element(document.root()), &mut out);
    out
}

#[test]
fn names_are_resolved_and_text_is_joined() {
    let document = parse("<p:a xmlns:p='u'>x&amp;y<b>z</b>\r\n<p:b>&#65;</p:b>w</p:a>");
    assert_eq!(outline(&document), r#"{u}a("x&y"{}b("z")"\n"{u}b("A")"w")"#);
}

#[test]
fn the_same_name_under_another_prefix_is_the_same_name() {
    for document in [
        "<a xmlns='u'><b/></a>",
        "<x:a xmlns:x='u'><y:b xmlns:y='u'/></x:a>",
    ] {
        let document = parse(document);
        let mut root = document.expect_root("u", "a").expect("the root");
        root.child("b").expect("the child").finish().expect("empty");
        root.finish().expect("read to the end");
    }
}

#[test]
fn prefixes_in_values_resolve_where_they_stand() {
    let document = parse("<a xmlns:p='outer'><b xmlns:p='inner' type='p:T'><c/></b></a>");
    let root = document.root();
    let mut reader = ElementReader::new(root);
    let b = reader.child("b").expect("b").element();
    let c = ElementReader::new(b).child("c").expect("c").element();
    assert_eq!(root.resolve("p"), Some("outer"));
    assert_eq!(b.resolve("p"), Some("inner"));
    assert_eq!(c.resolve("p"), Some("inner"));
    assert_eq!(c.resolve("q"), None);
    assert_eq!(c.resolve(""), Some(""));
}

#[test]
fn long_text_is_not_copied() {
    let text = "QUJD".repeat(1000);
    let source = format!("<a>{text}</a>");
    let document = parse(&source);
    let read = document.root().text().expect("text");
    assert_eq!(read, text);
    assert!(source.as_bytes().as_ptr_range().contains(&read.as_ptr()));
}

/// Reads `<a n="..."><b>..</b></a>` with an optional `c` after `b`.
fn read(document: &str) -> Result<(u8, String), XmlError> {
    let document = parse(document);
    let mut a = document.expect_root("u", "a")?;
    let n = a.parse_attribute("n")?;
    let b = a.child("b")?.text()?.to_owned();
    if let Some(c) = a.optional_child("c")? {
        c.finish()?;
    }
    a.finish()?;
    Ok((n, b))
}

#[test]
fn what_was_asked_for_is_read() {
    assert_eq!(read("<a xmlns='u' n='7'><b>x</b></a>"), Ok((7, "x".into())));
    assert_eq!(
        read("<a xmlns='u' n='7'>\n <b></b>\n <c/>\n</a>"),
        Ok((7, String::new()))
    );
}

#[test]
fn what_was_not_asked_for_is_refused() {
    use XmlErrorKind::{
        InvalidValue, MissingAttribute, MissingElement, UnexpectedElement, UnexpectedText,
        UnknownAttribute,
    };
    let cases = [
        ("<z xmlns='u' n='7'/>", 1, UnexpectedElement),
        ("<a xmlns='v' n='7'/>", 1, UnexpectedElement),
        ("<a xmlns='u'/>", 1, MissingAttribute),
        ("<a xmlns='u' n='x'/>", 13, InvalidValue),
        ("<a xmlns='u' n='7'/>", 1, MissingElement),
        ("<a xmlns='u' n='7'><c/></a>", 20, UnexpectedElement),
        ("<a xmlns='u' n='7'><b><i/></b></a>", 23, UnexpectedElement),
        ("<a xmlns='u' n='7'><b/><b/></a>", 24, UnexpectedElement),
        ("<a xmlns='u' n='7'><b x=''/></a>", 22, UnknownAttribute),
        ("<a xmlns='u' n='7' m=''><b/></a>", 19, UnknownAttribute),
        ("<a xmlns='u' n='7'><b/>x</a>", 23, UnexpectedText),
        ("<a xmlns='u' n='7'><b/><c>x</c></a>", 26, UnexpectedText),
        (
            "<a xmlns='u' xmlns:p='u' n='7' p:n='8'><b/></a>",
            31,
            UnknownAttribute,
        ),
    ];
    for (document, at, kind) in cases {
        assert_eq!(read(document), Err(XmlError::new(at, kind)), "{document}");
    }
}

#[test]
fn what_is_not_base64_in_its_one_form_is_refused() {
    for text in ["QQ", "QQ=", "QR==", "Q Q==", "QQ==QQ==", "Q_==", "\n"] {
        let octets = format!("<a>{text}</a>");
        let read = ElementReader::new(parse(&octets).root()).base64();
        assert!(read.is_err(), "{text:?}");
    }
}
