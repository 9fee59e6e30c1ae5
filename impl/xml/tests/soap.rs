//! What SOAP's senders write and environment transfer refuses: comments, CDATA sections, byte order
//! marks, UTF-16. Nothing else passes that did not pass before.

use std::fmt::Write as _;

use portcullis_xml::{
    Child, Decoded, Document, Element, Encoding, Limits, XmlError, XmlErrorKind, check,
};
use proptest::prelude::*;

fn verdict(document: &str) -> Result<(), XmlError> {
    let verdict = check(document.as_bytes(), &Limits::soap());
    let parsed = Document::parse(document.as_bytes(), &Limits::soap()).map(|_| ());
    assert_eq!(verdict, parsed, "the gate and the tree agree");
    verdict
}

/// What a document says, in a form without choices.
fn said(element: Element<'_>) -> String {
    let mut said = format!("{}(", element.name());
    for child in element.children() {
        match child {
            Child::Element(inner) => said.push_str(&self::said(inner)),
            Child::Text { text, .. } => {
                assert!(!text.is_empty());
                write!(said, "{text:?}").expect("a String takes everything");
            }
        }
    }
    said.push(')');
    said
}

fn parsed(document: &str) -> String {
    let document = Document::parse(document.as_bytes(), &Limits::soap());
    said(document.expect("a good document").root())
}

#[test]
fn comments_are_not_there() {
    for (document, means) in [
        ("<!-- c --><a/><!-- c -->", "a()"),
        ("<?xml version='1.0'?>\n<!----><a/>", "a()"),
        ("<a>x<!-- <b>&nbsp;</b> ]]> -->y</a>", r#"a("xy")"#),
        ("<a><!-- - - --><b/><!--x--></a>", "a(b())"),
        ("<a>x<!-- c --><b/><!-- c -->y</a>", r#"a("x"b()"y")"#),
    ] {
        assert_eq!(parsed(document), means, "{document}");
    }
}

#[test]
fn a_section_is_text() {
    for (document, means) in [
        ("<a><![CDATA[<b>&amp;]]></a>", r#"a("<b>&amp;")"#),
        ("<a>x<![CDATA[y]]>z</a>", r#"a("xyz")"#),
        ("<a><![CDATA[]]></a>", "a()"),
        ("<a><![CDATA[]]]]><![CDATA[>]]></a>", r#"a("]]>")"#),
        ("<a><![CDATA[x\r\ny\r]]></a>", r#"a("x\ny\n")"#),
        ("<a><![CDATA[<!-- x -->]]></a>", r#"a("<!-- x -->")"#),
    ] {
        assert_eq!(parsed(document), means, "{document}");
    }
}

#[test]
fn the_rest_stays_refused() {
    use XmlErrorKind::{
        ByteOrderMark, ContentOutsideRoot, DeclarationMisplaced, Doctype, IllegalCharacter,
        MalformedMarkup, ProcessingInstruction, SectionEndInText, UnclosedMarkup, UnknownEntity,
    };
    for (document, at, kind) in [
        ("<!DOCTYPE a><a/>", 0, Doctype),
        ("<!-- c --><!DOCTYPE a><a/>", 10, Doctype),
        ("<a><?pi?></a>", 3, ProcessingInstruction),
        (
            "<!-- c --><?xml version='1.0'?><a/>",
            10,
            DeclarationMisplaced,
        ),
        ("<a>&nbsp;</a>", 3, UnknownEntity),
        ("<a>]]></a>", 3, SectionEndInText),
        ("<a><![CDATA[\0]]></a>", 12, IllegalCharacter),
        ("<!-- \u{FFFF} --><a/>", 5, IllegalCharacter),
        ("<![CDATA[ ]]><a/>", 0, ContentOutsideRoot),
        ("<a/><![CDATA[]]>", 4, ContentOutsideRoot),
        ("<a><!-- -- --></a>", 3, MalformedMarkup),
        ("<a><!-- ---></a>", 3, MalformedMarkup),
        ("<a><!--></a>", 3, UnclosedMarkup),
        ("<a><!- x --></a>", 3, MalformedMarkup),
        ("<a><![cdata[x]]></a>", 3, MalformedMarkup),
        ("<a><![IGNORE[x]]></a>", 3, MalformedMarkup),
        ("<a><![CDATA[x", 3, UnclosedMarkup),
        ("<a><!-- x", 3, UnclosedMarkup),
        ("\u{FEFF}<a/>", 0, ByteOrderMark),
    ] {
        assert_eq!(
            verdict(document),
            Err(XmlError::new(at, kind)),
            "{document}"
        );
    }
}

#[test]
fn sections_count_as_text_wherever_it_is_cut() {
    let limits = Limits::soap().with_text_octets_max(4);
    let too_long = XmlErrorKind::TextTooLong { limit: 4 };
    for (document, verdict) in [
        ("<a>xx<![CDATA[xx]]></a>", Ok(())),
        ("<a>xx<![CDATA[xxx]]></a>", Err(XmlError::new(5, too_long))),
        ("<a>xx<!-- long comment -->xx</a>", Ok(())),
        ("<a>xx<!-- c -->xxx</a>", Err(XmlError::new(15, too_long))),
    ] {
        assert_eq!(check(document.as_bytes(), &limits), verdict, "{document}");
    }
}

#[test]
fn an_envelope_has_room_for_what_senders_declare() {
    let declared = |count: usize| -> String {
        let declared = (0..count).map(|n| format!(" xmlns:p{n}='urn:p{n}'"));
        declared.collect()
    };
    let full = format!("<a{}/>", declared(32));
    assert_eq!(verdict(&full), Ok(()));
    let over = verdict(&format!("<a{}/>", declared(33))).map_err(|error| error.kind);
    assert_eq!(over, Err(XmlErrorKind::TooManyNamespaces { limit: 32 }));
    // The budget of steps admits whatever the other limits admit.
    let attributes: String = (0..32).map(|n| format!(" p0:a{n}=''")).collect();
    let worst = format!(
        "<a{}{attributes}>{}</a>",
        declared(32),
        format!("<b{attributes}/>").repeat(500)
    );
    assert_eq!(verdict(&worst), Ok(()));
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let marked = format!("\u{FEFF}{text}");
    marked.encode_utf16().flat_map(unit).collect()
}

#[test]
fn the_encoding_is_what_the_mark_says() {
    let text = "<?xml version='1.0'?><é>\u{1F600}</é>";
    let marked = format!("\u{FEFF}{text}");
    for (octets, encoding) in [
        (text.as_bytes().to_vec(), Encoding::Utf8),
        (marked.into_bytes(), Encoding::Utf8),
        (utf16(text, u16::to_be_bytes), Encoding::Utf16),
        (utf16(text, u16::to_le_bytes), Encoding::Utf16),
    ] {
        let decoded = Decoded::new(&octets, &Limits::soap()).unwrap();
        assert_eq!(decoded.encoding(), encoding);
        assert_eq!(decoded.as_str(), text);
        let document = Document::parse_decoded(&decoded, &Limits::soap()).unwrap();
        assert_eq!(said(document.root()), "é(\"\u{1F600}\")");
    }
}

#[test]
fn what_a_document_declares_is_what_it_has() {
    let declared = |encoding: &str| format!("<?xml version='1.0' encoding='{encoding}'?><a/>");
    for (encoding, eight, sixteen) in [
        ("utf-8", Ok(()), Err(XmlErrorKind::EncodingContradicted)),
        ("UTF-8", Ok(()), Err(XmlErrorKind::EncodingContradicted)),
        ("UTF-16", Err(XmlErrorKind::EncodingNotUtf8), Ok(())),
        (
            "utf-16le",
            Err(XmlErrorKind::EncodingNotUtf8),
            Err(XmlErrorKind::EncodingContradicted),
        ),
    ] {
        let text = declared(encoding);
        for (octets, verdict) in [
            (text.clone().into_bytes(), eight),
            (utf16(&text, u16::to_le_bytes), sixteen),
        ] {
            let decoded = Decoded::new(&octets, &Limits::soap()).unwrap();
            let parsed = Document::parse_decoded(&decoded, &Limits::soap());
            assert_eq!(parsed.map(|_| ()).map_err(|error| error.kind), verdict);
        }
    }
}

#[test]
fn what_cannot_be_decoded_is_refused_where_it_stands() {
    use XmlErrorKind::{DocumentTooLong, InvalidUtf8, InvalidUtf16};
    let limits = Limits::soap().with_octets_max(8);
    for (octets, at, kind) in [
        (&b"<a/>\xFF"[..], 4, InvalidUtf8),
        (b"\xEF\xBB\xBF<a\xC0>", 5, InvalidUtf8),
        (b"\xFF\xFE<\0a", 4, InvalidUtf16),
        (b"\xFE\xFF\0<\xD8\0", 4, InvalidUtf16),
        (b"\xFE\xFF\0<\xDC\0", 4, InvalidUtf16),
        (b"<aaaaaa/>", 8, DocumentTooLong { limit: 8 }),
        (b"\xFF\xFE<\0a\0/\0>\0", 8, DocumentTooLong { limit: 8 }),
    ] {
        let refused = Decoded::new(octets, &limits).unwrap_err();
        assert_eq!(refused, XmlError::new(at, kind), "{octets:?}");
    }
    // In UTF-8 it is longer than it was.
    let octets = utf16("<\u{FF41}/>", u16::to_be_bytes);
    let limits = Limits::soap().with_octets_max(10);
    let decoded = Decoded::new(&octets, &limits).unwrap();
    assert!(Document::parse_decoded(&decoded, &limits).is_ok());
    let octets = utf16("\u{FF41}\u{FF41}\u{FF41}\u{FF41}", u16::to_be_bytes);
    let decoded = Decoded::new(&octets, &limits).unwrap();
    let refused = Document::parse_decoded(&decoded, &limits).unwrap_err();
    assert_eq!(refused.kind, DocumentTooLong { limit: 10 });
}

proptest! {
    #[test]
    fn a_text_is_the_same_in_every_encoding(text in any::<String>()) {
        prop_assume!(!text.starts_with('\u{FEFF}'));
        for octets in [
            text.clone().into_bytes(),
            format!("\u{FEFF}{text}").into_bytes(),
            utf16(&text, u16::to_be_bytes),
            utf16(&text, u16::to_le_bytes),
        ] {
            let decoded = Decoded::new(&octets, &Limits::soap()).unwrap();
            prop_assert_eq!(decoded.as_str(), &text);
        }
    }

    #[test]
    fn any_octets_are_decoded_or_refused(octets in prop::collection::vec(any::<u8>(), 0..64)) {
        match Decoded::new(&octets, &Limits::soap()) {
            Ok(decoded) => {
                let text = decoded.as_str();
                if let Err(error) = Document::parse_decoded(&decoded, &Limits::soap()) {
                    prop_assert!(error.at <= text.len());
                }
            }
            Err(error) => prop_assert!(error.at <= octets.len()),
        }
    }

    #[test]
    fn a_text_may_be_cut_into_sections_and_comments_anywhere(
        pieces in prop::collection::vec(("[a-z<&]{0,8}", 0_u8..3), 0..8),
    ) {
        let mut document = "<a>".to_owned();
        let mut text = String::new();
        for (piece, how) in &pieces {
            match how {
                0 => write!(document, "<![CDATA[{piece}]]>").unwrap(),
                1 => write!(document, "<!--{piece}-->").unwrap(),
                _ => document.push_str(&piece.replace('&', "&amp;").replace('<', "&lt;")),
            }
            if *how != 1 {
                text.push_str(piece);
            }
        }
        document.push_str("</a>");
        let parsed = Document::parse(document.as_bytes(), &Limits::soap()).unwrap();
        prop_assert_eq!(parsed.root().text(), Ok(text.as_str()));
    }
}
