//! The hazards of sections 6.1 and 6.2, one line each: what is refused, where and why.

use portcullis_xml::{Document, Limits, XmlError, XmlErrorKind, check};

/// What the gate says of the document under the limits of control messages.
fn verdict(document: impl AsRef<[u8]>) -> Result<(), XmlError> {
    let octets = document.as_ref();
    let verdict = check(octets, &Limits::control());
    let parsed = Document::parse(octets, &Limits::control()).map(|_| ());
    assert_eq!(verdict, parsed, "the gate and the tree agree");
    verdict
}

fn assert_refused(cases: &[(&str, usize, XmlErrorKind)]) {
    for (document, at, kind) in cases {
        assert_eq!(
            verdict(document),
            Err(XmlError::new(*at, *kind)),
            "{document}"
        );
    }
}

#[test]
fn well_formed_documents_pass() {
    for document in [
        "<a/>",
        "<a ></a >",
        " \r\n<a/>\n",
        "<?xml version='1.0'?><a/>",
        "<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\" ?>\n<a/>",
        "<a b='1' c=\"it's\" d = '>'>x &amp; y &#x263A; > ]] ></a>",
        "<p:a xmlns:p='urn:p' p:b='1' b='1'><p:c/><c/></p:a>",
        "<a xml:lang='sv'/>",
        "<a xmlns='urn:a'><b xmlns=''/></a>",
        "<é_1.2-3>\u{1F600}\u{FFFD}\u{7F}</é_1.2-3>",
    ] {
        assert_eq!(verdict(document), Ok(()), "{document}");
    }
}

#[test]
fn other_encodings_are_refused() {
    use XmlErrorKind::{ByteOrderMark, EncodingNotUtf8, IllegalCharacter, InvalidUtf8};
    let refused = |octets: &[u8]| verdict(octets).expect_err("refused");
    assert_eq!(
        refused(b"\xEF\xBB\xBF<a/>"),
        XmlError::new(0, ByteOrderMark)
    );
    assert_eq!(refused(b"\xFF\xFE<\0a\0"), XmlError::new(0, InvalidUtf8));
    assert_eq!(refused(b"<\0a\0/\0>\0"), XmlError::new(1, IllegalCharacter));
    assert_eq!(refused(b"<a>\xC0\x80</a>"), XmlError::new(3, InvalidUtf8));
    assert_eq!(
        refused(b"<a>\xED\xA0\x80</a>"),
        XmlError::new(3, InvalidUtf8)
    );
    assert_eq!(
        refused(b"<a>ok</a\xE4>"),
        XmlError::new(8, InvalidUtf8),
        "the whole is checked first"
    );
    assert_refused(&[
        (
            "<?xml version='1.0' encoding='UTF-7'?><a/>",
            20,
            EncodingNotUtf8,
        ),
        (
            "<?xml version='1.0' encoding='utf8'?><a/>",
            20,
            EncodingNotUtf8,
        ),
    ]);
}

#[test]
fn declarations_are_strict() {
    use XmlErrorKind::{
        DeclarationMisplaced, InvalidDeclaration, ProcessingInstruction, UnsupportedVersion,
    };
    assert_refused(&[
        ("<?xml version='1.1'?><a/>", 6, UnsupportedVersion),
        ("<?xml?><a/>", 0, InvalidDeclaration),
        ("<?xml ?><a/>", 0, InvalidDeclaration),
        ("<?xml version='1.0'", 0, InvalidDeclaration),
        (
            "<?xml encoding='utf-8' version='1.0'?><a/>",
            6,
            InvalidDeclaration,
        ),
        (
            "<?xml version='1.0' version='1.0'?><a/>",
            20,
            InvalidDeclaration,
        ),
        (
            "<?xml version='1.0' standalone='maybe'?><a/>",
            20,
            InvalidDeclaration,
        ),
        (
            "<?xml version='1.0'encoding='utf-8'?><a/>",
            19,
            InvalidDeclaration,
        ),
        (" <?xml version='1.0'?><a/>", 1, DeclarationMisplaced),
        ("<a/><?xml version='1.0'?>", 4, DeclarationMisplaced),
        ("<a><?xml version='1.0'?></a>", 3, DeclarationMisplaced),
        ("<?XML version='1.0'?><a/>", 0, ProcessingInstruction),
        ("<?xmlx?><a/>", 0, ProcessingInstruction),
    ]);
}

#[test]
fn markup_that_hides_content_is_refused() {
    use XmlErrorKind::{CdataSection, Comment, Doctype, MalformedMarkup, ProcessingInstruction};
    assert_refused(&[
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", 0, Doctype),
        ("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", 0, Doctype),
        ("<!doctype a><a/>", 0, Doctype),
        ("<a><!DOCTYPE a></a>", 3, Doctype),
        ("<!-- c --><a/>", 0, Comment),
        ("<a>x<!-- c -->y</a>", 4, Comment),
        ("<a/><!-- c -->", 4, Comment),
        ("<a><!-- unclosed", 3, Comment),
        ("<a><?pi x?></a>", 3, ProcessingInstruction),
        ("<?pi?><a/>", 0, ProcessingInstruction),
        ("<a><![CDATA[x]]></a>", 3, CdataSection),
        ("<a><!ELEMENT b ANY></a>", 3, MalformedMarkup),
        ("<a><!", 3, MalformedMarkup),
    ]);
}

#[test]
fn references_beyond_the_predefined_are_refused() {
    use XmlErrorKind::{IllegalCharacter, MalformedReference, UnknownEntity};
    assert_refused(&[
        ("<a>&nbsp;</a>", 3, UnknownEntity),
        ("<a b='x&foo;'/>", 7, UnknownEntity),
        ("<a>&#0;</a>", 3, IllegalCharacter),
        ("<a>&#1;</a>", 3, IllegalCharacter),
        ("<a b='&#xFFFE;'/>", 6, IllegalCharacter),
        ("<a>&#xD800;</a>", 3, IllegalCharacter),
        ("<a>&</a>", 3, MalformedReference),
        ("<a>& b;</a>", 3, MalformedReference),
        ("<a>&;</a>", 3, MalformedReference),
        ("<a b='&'/>", 6, MalformedReference),
        ("<a b='& '/>", 6, MalformedReference),
        ("<a>&amp</a>", 3, MalformedReference),
    ]);
}

#[test]
fn illegal_characters_are_refused_everywhere() {
    use XmlErrorKind::{IllegalCharacter, SectionEndInText};
    assert_refused(&[
        ("<a>\0</a>", 3, IllegalCharacter),
        ("<a>\u{1}</a>", 3, IllegalCharacter),
        ("<a b='\u{1F}'/>", 6, IllegalCharacter),
        ("<a>\u{FFFF}</a>", 3, IllegalCharacter),
        ("<a/>\u{C}", 4, IllegalCharacter),
        ("<a>x]]></a>", 4, SectionEndInText),
    ]);
}

#[test]
fn there_is_exactly_one_root_and_it_is_closed() {
    use XmlErrorKind::{
        ContentOutsideRoot, MismatchedEndTag, NoRoot, SecondRoot, UnclosedElement, UnclosedMarkup,
    };
    assert_refused(&[
        ("", 0, NoRoot),
        (" \n", 2, NoRoot),
        ("<?xml version='1.0'?>", 21, NoRoot),
        ("<a/><b/>", 4, SecondRoot),
        ("<a></a><a></a>", 7, SecondRoot),
        ("x<a/>", 0, ContentOutsideRoot),
        ("<a/> x", 5, ContentOutsideRoot),
        ("<a/>&#32;", 4, ContentOutsideRoot),
        ("<a><b>", 4, UnclosedElement),
        ("<a><b></b>", 1, UnclosedElement),
        ("<a>text", 1, UnclosedElement),
        ("<a><b></a></b>", 6, MismatchedEndTag),
        ("</a>", 0, MismatchedEndTag),
        ("<a/></a>", 4, MismatchedEndTag),
        ("<a></a b='1'>", 3, MismatchedEndTag),
        ("<a></ a>", 3, MismatchedEndTag),
        ("<a", 0, UnclosedMarkup),
        ("<a b='", 0, UnclosedMarkup),
        ("<a></a", 3, UnclosedMarkup),
    ]);
}

#[test]
fn names_and_attributes_follow_the_grammar() {
    use XmlErrorKind::{
        AttributeNotSeparated, DuplicateAttribute, IllegalName, LessThanInAttribute,
        MalformedAttribute,
    };
    assert_refused(&[
        ("<1a/>", 1, IllegalName),
        ("<a<b/>", 1, IllegalName),
        ("< a/>", 1, IllegalName),
        ("<>", 1, IllegalName),
        ("<a/ >", 1, IllegalName),
        ("<:a/>", 1, IllegalName),
        ("<a:/>", 1, IllegalName),
        ("<a:b:c xmlns:a='urn:a'/>", 1, IllegalName),
        ("<a -b='1'/>", 3, IllegalName),
        ("<a b='1'c='2'/>", 8, AttributeNotSeparated),
        ("<a b='1' b='2'/>", 9, DuplicateAttribute),
        (
            "<a xmlns:p='urn:x' xmlns:q='urn:x' p:b='1' q:b='2'/>",
            43,
            DuplicateAttribute,
        ),
        ("<a xmlns='urn:a' xmlns='urn:b'/>", 17, DuplicateAttribute),
        ("<a b='<'/>", 6, LessThanInAttribute),
        ("<a b/>", 4, MalformedAttribute),
        ("<a b=1/>", 5, MalformedAttribute),
        ("<a =''/>", 3, IllegalName),
        ("<a b='1' \"/>\"/>", 13, MalformedAttribute),
    ]);
}

#[test]
fn prefixes_are_declared_and_not_abused() {
    use XmlErrorKind::{ReservedNamespace, UndeclaredPrefix};
    assert_refused(&[
        ("<p:a/>", 1, UndeclaredPrefix),
        ("<a p:b='1'/>", 3, UndeclaredPrefix),
        ("<a><b xmlns:p='urn:p'/><p:c/></a>", 24, UndeclaredPrefix),
        ("<xmlns:a/>", 1, ReservedNamespace),
        ("<a xmlns:p=''/>", 3, ReservedNamespace),
        ("<a xmlns:xmlns='urn:x'/>", 3, ReservedNamespace),
        ("<a xmlns:xml='urn:x'/>", 3, ReservedNamespace),
        (
            "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
            3,
            ReservedNamespace,
        ),
        (
            "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
            3,
            ReservedNamespace,
        ),
    ]);
}

/// The verdict with a limit lowered to what the document just needs, and to one less.
fn at_the_edge(document: &str, lowered: impl Fn(usize) -> Limits, needs: usize) -> XmlErrorKind {
    assert_eq!(check(document.as_bytes(), &lowered(needs)), Ok(()));
    check(document.as_bytes(), &lowered(needs - 1))
        .expect_err("one less is too little")
        .kind
}

#[test]
fn every_limit_holds_at_its_edge() {
    let limits = Limits::control();
    assert_eq!(
        at_the_edge("<a/>", |n| limits.with_octets_max(n), 4),
        XmlErrorKind::DocumentTooLong { limit: 3 }
    );
    assert_eq!(
        at_the_edge("<a><b><c/></b></a>", |n| limits.with_depth_max(n), 3),
        XmlErrorKind::TooDeep { limit: 2 }
    );
    assert_eq!(
        at_the_edge("<a><b/><b/></a>", |n| limits.with_elements_max(n), 3),
        XmlErrorKind::TooManyElements { limit: 2 }
    );
    assert_eq!(
        at_the_edge("<a b='' c=''/>", |n| limits.with_attributes_max(n), 2),
        XmlErrorKind::TooManyAttributes { limit: 1 }
    );
    assert_eq!(
        at_the_edge("<a abcd=''/>", |n| limits.with_name_octets_max(n), 4),
        XmlErrorKind::NameTooLong { limit: 3 }
    );
    assert_eq!(
        at_the_edge("<a b='&lt;x'/>", |n| limits.with_attribute_octets_max(n), 5),
        XmlErrorKind::AttributeTooLong { limit: 4 }
    );
    assert_eq!(
        at_the_edge("<a>xx&lt;<b/>y</a>", |n| limits.with_text_octets_max(n), 6),
        XmlErrorKind::TextTooLong { limit: 5 }
    );
    let bound = "<a xmlns='urn:a'><b xmlns:p='urn:p'/><b xmlns:q='urn:q'/></a>";
    assert_eq!(
        at_the_edge(bound, |n| limits.with_namespaces_max(n), 2),
        XmlErrorKind::TooManyNamespaces { limit: 1 }
    );
}

#[test]
fn limits_only_go_down() {
    let limits = Limits::control();
    assert_eq!(limits.with_octets_max(usize::MAX), limits);
    assert_eq!(limits.with_depth_max(33), limits);
    assert_ne!(limits.with_depth_max(31), limits);
}

#[test]
fn the_budget_of_steps_ends_the_work() {
    let attributes: String = (0..32).map(|n| format!(" a{n}=''")).collect();
    let document = format!("<a{attributes}/>");
    let thrifty = Limits::control().with_steps_per_octet_max(1);
    assert_eq!(
        check(document.as_bytes(), &thrifty).map_err(|error| error.kind),
        Err(XmlErrorKind::TooMuchWork { limit: 1 })
    );
    assert_eq!(check(document.as_bytes(), &Limits::control()), Ok(()));
}

#[test]
fn the_budget_admits_whatever_the_other_limits_admit() {
    let declared: String = ('a'..='p').map(|p| format!(" xmlns:{p}='u'")).collect();
    let worst: String = (0..48).map(|n| format!(" a:a{n}=''")).collect();
    let document = format!(
        "<a{declared}{worst}>{}</a>",
        format!("<a{worst}/>").repeat(50)
    );
    assert_eq!(check(document.as_bytes(), &Limits::transfer_part()), Ok(()));
}

#[test]
fn a_million_nested_elements_end_at_the_depth_limit() {
    let document = "<a>".repeat(300_000);
    assert_eq!(
        verdict(
            document
                .as_bytes()
                .get(..1 << 20)
                .unwrap_or(document.as_bytes())
        ),
        Err(XmlError::new(96, XmlErrorKind::TooDeep { limit: 32 }))
    );
}
