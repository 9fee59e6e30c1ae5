//! Sections 6.1 and 6.2 of the source, row by row: one hostile document each, and the rule that it
//! breaks.

use portcullis_agent::codec::{DecodeError, NAMESPACE};
use portcullis_xml::{XmlError, XmlErrorKind as Kind};

/// A row: what it is called there, and documents that show it.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) documents: Vec<Hostile>,
}

/// A document and what is said of it.
pub(crate) struct Hostile {
    pub(crate) octets: Vec<u8>,
    pub(crate) error: DecodeError,
}

/// Stands where the error lies, and is taken out.
const HERE: &str = "\u{a6}";

/// The greeting as it should be, with more attributes and what follows them.
fn greeting(extra: &str, rest: &str) -> String {
    format!(
        "<hello xmlns=\"{NAMESPACE}\" version=\"1\" id=\"m1\" from=\"dev\" to=\"prod\" \
         sent-at=\"1970-01-01T00:00:00Z\" attempt=\"1\" product=\"20.10\"{extra}{rest}"
    )
}

/// A document with the place of its error marked.
fn at(kind: Kind, document: &str) -> Hostile {
    let place = document.find(HERE).expect("the place is marked");
    Hostile {
        octets: document.replacen(HERE, "", 1).into_bytes(),
        error: DecodeError::Xml(XmlError::new(place, kind)),
    }
}

/// A greeting whose error lies in what follows its attributes.
fn after(kind: Kind, rest: &str) -> Hostile {
    at(kind, &greeting("", rest))
}

/// A greeting with something before it.
fn before(kind: Kind, start: &str) -> Hostile {
    at(kind, &format!("{start}{}", greeting("", "/>")))
}

fn octets(kind: Kind, place: usize, octets: Vec<u8>) -> Hostile {
    let error = DecodeError::Xml(XmlError::new(place, kind));
    Hostile { octets, error }
}

fn utf_16(text: &str, mark: &[u8]) -> Vec<u8> {
    let units = text.encode_utf16().flat_map(u16::to_le_bytes);
    mark.iter().copied().chain(units).collect()
}

fn row(name: &'static str, documents: Vec<Hostile>) -> Row {
    Row { name, documents }
}

/// Section 6.1.
pub(crate) fn hazards() -> Vec<Row> {
    let parts = [entities(), sizes(), texts(), structures()];
    parts.into_iter().flatten().collect()
}

fn entities() -> Vec<Row> {
    let laughs = (1..10).map(|n| {
        let copies = format!("&l{};", n - 1).repeat(10);
        format!("<!ENTITY l{n} \"{copies}\">")
    });
    let laughs: String = laughs.collect();
    let long = format!("<!ENTITY q \"{}\">", "q".repeat(50_000));
    vec![
        row(
            "exponential entity expansion",
            vec![before(
                Kind::Doctype,
                &format!("\u{a6}<!DOCTYPE hello [<!ENTITY l0 \"ha\">{laughs}]>"),
            )],
        ),
        row(
            "quadratic blow-up",
            vec![before(
                Kind::Doctype,
                &format!("\u{a6}<!DOCTYPE hello [{long}]>"),
            )],
        ),
        row(
            "external entity, external DTD, XInclude",
            vec![
                before(
                    Kind::Doctype,
                    "\u{a6}<!DOCTYPE hello [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>",
                ),
                before(
                    Kind::Doctype,
                    "\u{a6}<!DOCTYPE hello SYSTEM \"http://127.0.0.1:1/x.dtd\">",
                ),
                after(
                    Kind::UnexpectedElement,
                    "><\u{a6}x:include xmlns:x=\"http://www.w3.org/2001/XInclude\" \
                     href=\"file:///etc/passwd\"/></hello>",
                ),
            ],
        ),
        row(
            "undeclared entity references",
            vec![after(Kind::UnknownEntity, ">\u{a6}&nbsp;</hello>")],
        ),
    ]
}

fn sizes() -> Vec<Row> {
    vec![
        row("deep nesting", vec![deep()]),
        row(
            "huge attribute, text, name",
            vec![
                at(
                    Kind::AttributeTooLong { limit: 8192 },
                    &greeting(&format!(" x=\"\u{a6}{}\"", "v".repeat(8193)), "/>"),
                ),
                after(
                    Kind::TextTooLong { limit: 262_144 },
                    &format!(">\u{a6}{}</hello>", "t".repeat(262_145)),
                ),
                after(
                    Kind::NameTooLong { limit: 128 },
                    &format!("><\u{a6}{}/></hello>", "n".repeat(129)),
                ),
            ],
        ),
        row("very many attributes", vec![attributes(" a{}=\"\"", 24)]),
        row(
            "very many namespace declarations",
            vec![declarations(), attributes(" xmlns:p{}=\"u\"", 24)],
        ),
    ]
}

/// As deep as the frame has room for, in one tag after the other.
fn deep() -> Hostile {
    let start = greeting("", ">");
    let nested = "<a>".repeat(((1 << 20) - start.len()) / 3 - 2);
    let place = start.len() + 31 * 3;
    octets(
        Kind::TooDeep { limit: 32 },
        place,
        format!("{start}{nested}").into_bytes(),
    )
}

/// 50,000 more attributes than the eight of a greeting; the one beyond the limit is marked.
fn attributes(form: &str, beyond: usize) -> Hostile {
    let attribute = |n: usize| {
        let mark = if n == beyond { HERE } else { "" };
        form.replace("{}", &n.to_string())
            .replacen(' ', &format!(" {mark}"), 1)
    };
    let many: String = (0..50_000).map(attribute).collect();
    at(
        Kind::TooManyAttributes { limit: 32 },
        &greeting(&many, "/>"),
    )
}

/// Eight, one of which is the greeting's own, are the most.
fn declarations() -> Hostile {
    let declared: String = (0..8)
        .map(|n| format!(" {}xmlns:p{n}=\"u\"", if n == 7 { HERE } else { "" }))
        .collect();
    at(
        Kind::TooManyNamespaces { limit: 8 },
        &greeting(&declared, "/>"),
    )
}

fn texts() -> Vec<Row> {
    let good = greeting("", "/>");
    vec![
        row(
            "encoding tricks",
            vec![
                octets(Kind::InvalidUtf8, 0, utf_16(&good, &[0xFF, 0xFE])),
                octets(Kind::IllegalCharacter, 1, utf_16(&good, &[])),
                before(
                    Kind::EncodingNotUtf8,
                    "<?xml version=\"1.0\" \u{a6}encoding=\"UTF-7\"?>",
                ),
                before(
                    Kind::EncodingNotUtf8,
                    "<?xml version=\"1.0\" \u{a6}encoding=\"ISO-8859-1\"?>",
                ),
                octets(
                    Kind::ByteOrderMark,
                    0,
                    [b"\xEF\xBB\xBF", good.as_bytes()].concat(),
                ),
            ],
        ),
        row(
            "control characters, NUL, U+FFFE, U+FFFF",
            vec![
                after(Kind::IllegalCharacter, ">\u{a6}\u{1}</hello>"),
                after(Kind::IllegalCharacter, ">\u{a6}\0</hello>"),
                after(Kind::IllegalCharacter, ">\u{a6}\u{FFFE}</hello>"),
                after(Kind::IllegalCharacter, ">\u{a6}&#xFFFF;</hello>"),
            ],
        ),
        row(
            "comments and processing instructions",
            vec![
                after(Kind::Comment, ">\u{a6}<!-- c --></hello>"),
                after(Kind::ProcessingInstruction, ">\u{a6}<?p i?></hello>"),
            ],
        ),
    ]
}

fn structures() -> Vec<Row> {
    let good = greeting("", "/>");
    let foreign = good.replace(NAMESPACE, "urn:other");
    vec![
        row(
            "several roots, leading and trailing text",
            vec![
                after(Kind::SecondRoot, "/>\u{a6}<hello/>"),
                before(Kind::ContentOutsideRoot, "\u{a6}x"),
                after(Kind::ContentOutsideRoot, "/>\u{a6}x"),
            ],
        ),
        row(
            "duplicate and unknown elements and attributes",
            vec![
                at(
                    Kind::DuplicateAttribute,
                    &greeting(" \u{a6}product=\"1\"", "/>"),
                ),
                at(
                    Kind::UnknownAttribute,
                    &greeting(" \u{a6}colour=\"red\"", "/>"),
                ),
                after(Kind::UnexpectedElement, "><\u{a6}more/></hello>"),
            ],
        ),
        row(
            "namespace-prefix games",
            vec![
                at(
                    Kind::UnexpectedElement,
                    &foreign.replacen('<', "<\u{a6}", 1),
                ),
                at(
                    Kind::UndeclaredPrefix,
                    &good.replacen("<hello", "<\u{a6}p:hello", 1),
                ),
                at(
                    Kind::UnknownAttribute,
                    &greeting(" xmlns:p=\"urn:p\" \u{a6}p:task=\"t\"", "/>"),
                ),
            ],
        ),
    ]
}

/// Section 6.2: what the tokenizer or serde on top of it would have let through.
pub(crate) fn leniencies() -> Vec<Row> {
    let parts = [lenient_tokens(), lenient_tags(), lenient_structure()];
    parts.into_iter().flatten().collect()
}

fn lenient_tokens() -> Vec<Row> {
    vec![
        row(
            "DOCTYPE with and without entities, also in the middle",
            vec![
                before(Kind::Doctype, "\u{a6}<!DOCTYPE hello>"),
                after(Kind::Doctype, ">\u{a6}<!DOCTYPE hello></hello>"),
                after(Kind::UnknownEntity, ">\u{a6}&b;</hello>"),
            ],
        ),
        row(
            "references to illegal characters",
            vec![
                after(Kind::IllegalCharacter, ">\u{a6}&#0;</hello>"),
                after(Kind::IllegalCharacter, ">\u{a6}&#1;</hello>"),
            ],
        ),
        row(
            "raw control characters",
            vec![
                after(Kind::IllegalCharacter, ">\u{a6}\u{1F}</hello>"),
                at(
                    Kind::IllegalCharacter,
                    &greeting(" x=\"\u{a6}\u{1}\"", "/>"),
                ),
            ],
        ),
        row(
            "end of a section in text, two hyphens in a comment",
            vec![
                after(Kind::SectionEndInText, ">\u{a6}]]></hello>"),
                after(Kind::Comment, ">\u{a6}<!-- a -- b --></hello>"),
                after(Kind::CdataSection, ">\u{a6}<![CDATA[x]]></hello>"),
            ],
        ),
    ]
}

fn lenient_tags() -> Vec<Row> {
    vec![
        row(
            "elements open at the end",
            vec![
                at(
                    Kind::UnclosedElement,
                    &greeting("", ">").replacen('<', "<\u{a6}", 1),
                ),
                after(Kind::UnclosedElement, "><\u{a6}a>"),
            ],
        ),
        row(
            "mismatched and stray end tags",
            vec![
                after(Kind::MismatchedEndTag, ">\u{a6}</hullo>"),
                after(Kind::MismatchedEndTag, "/>\u{a6}</hello>"),
            ],
        ),
        row(
            "dangling ampersand",
            vec![after(Kind::MalformedReference, ">\u{a6}& </hello>")],
        ),
        row(
            "unterminated tag or attribute",
            vec![
                at(Kind::UnclosedMarkup, &format!("\u{a6}{}", greeting("", ""))),
                at(
                    Kind::UnclosedMarkup,
                    &format!("\u{a6}{}", greeting(" x=\"", "")),
                ),
            ],
        ),
        row(
            "names that are none, less-than in a value",
            vec![
                after(Kind::IllegalName, "><\u{a6}1a/></hello>"),
                after(Kind::IllegalName, "><\u{a6}a<b/></hello>"),
                at(Kind::LessThanInAttribute, &greeting(" x=\"\u{a6}<\"", "/>")),
            ],
        ),
    ]
}

fn lenient_structure() -> Vec<Row> {
    let good = greeting("", "/>");
    let mut broken = greeting("", ">\u{e4}</hello>").into_bytes();
    let place = broken.len() - "</hello>".len() - 2;
    broken.remove(place + 1);
    vec![
        row(
            "attributes that nothing separates, or that come twice",
            vec![
                at(
                    Kind::AttributeNotSeparated,
                    &greeting("\u{a6}x=\"1\"", "/>"),
                ),
                after(
                    Kind::DuplicateAttribute,
                    "><a b=\"1\" \u{a6}b=\"2\"/></hello>",
                ),
            ],
        ),
        row(
            "invalid UTF-8",
            vec![octets(Kind::InvalidUtf8, place, broken)],
        ),
        row(
            "declaration in the wrong place, another version",
            vec![
                after(
                    Kind::DeclarationMisplaced,
                    "/>\u{a6}<?xml version=\"1.0\"?>",
                ),
                before(Kind::UnsupportedVersion, "<?xml \u{a6}version=\"1.1\"?>"),
            ],
        ),
        row(
            "undeclared prefix",
            vec![after(
                Kind::UndeclaredPrefix,
                "><\u{a6}q:y xmlns:p=\"u\"/></hello>",
            )],
        ),
        row(
            "another root element",
            vec![Hostile {
                octets: good.replacen("<hello", "<greeting", 1).into_bytes(),
                error: DecodeError::UnknownKind,
            }],
        ),
        row(
            "unknown and duplicate child elements",
            vec![
                after(
                    Kind::UnexpectedElement,
                    "><\u{a6}deploy command=\"c\"/></hello>",
                ),
                twice(),
            ],
        ),
    ]
}

/// A task that is to do two things.
fn twice() -> Hostile {
    let task = greeting("", "")
        .replace("hello", "task")
        .replace("product=\"20.10\"", "task=\"t1\" independent=\"false\"");
    let work = "<deploy command=\"c\"/><\u{a6}execute command=\"c\"/>";
    at(Kind::UnexpectedElement, &format!("{task}>{work}</task>"))
}
