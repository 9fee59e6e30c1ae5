//! The table of section 6.3, each limit at its edge in both profiles, and the stack that none of it
//! costs.

use portcullis_xml::{Document, Limits, XmlError, XmlErrorKind, check};

/// The figures of one column of the table.
struct Profile {
    name: &'static str,
    limits: Limits,
    octets: usize,
    depth: usize,
    elements: usize,
    attributes: usize,
    name_octets: usize,
    attribute_octets: usize,
    text_octets: usize,
    namespaces: usize,
}

const PROFILES: [Profile; 2] = [
    Profile {
        name: "control messages",
        limits: Limits::control(),
        octets: 1024 * 1024,
        depth: 32,
        elements: 10_000,
        attributes: 32,
        name_octets: 128,
        attribute_octets: 8 * 1024,
        text_octets: 256 * 1024,
        namespaces: 8,
    },
    Profile {
        name: "transfer part",
        limits: Limits::transfer_part(),
        octets: 16 * 1024 * 1024,
        depth: 64,
        elements: 1_000_000,
        attributes: 64,
        name_octets: 256,
        attribute_octets: 64 * 1024,
        text_octets: 8 * 1024 * 1024,
        namespaces: 16,
    },
];

impl Profile {
    /// A document of the given size passes; one more is refused at `at` as `kind`.
    fn edge(
        &self,
        limit: usize,
        document: impl Fn(usize) -> String,
        at: usize,
        kind: fn(usize) -> XmlErrorKind,
    ) {
        let (good, bad) = (document(limit), document(limit + 1));
        let name = self.name;
        assert_eq!(check(good.as_bytes(), &self.limits), Ok(()), "{name}");
        let refused = Err(XmlError::new(at, kind(limit)));
        assert_eq!(check(bad.as_bytes(), &self.limits), refused, "{name}");
        let parsed = Document::parse(bad.as_bytes(), &self.limits);
        assert_eq!(parsed.map(|_| ()), refused, "{name}");
    }
}

/// ET-67
#[test]
fn every_limit_of_both_profiles_holds_at_its_edge() {
    for profile in PROFILES {
        let p = &profile;
        p.edge(
            p.octets,
            |n| format!("<a/>{}", " ".repeat(n - 4)),
            p.octets,
            |limit| XmlErrorKind::DocumentTooLong { limit },
        );
        p.edge(
            p.depth,
            |n| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n)),
            3 * p.depth,
            |limit| XmlErrorKind::TooDeep { limit },
        );
        p.edge(
            p.elements,
            |n| format!("<a>{}</a>", "<b/>".repeat(n - 1)),
            3 + 4 * (p.elements - 1),
            |limit| XmlErrorKind::TooManyElements { limit },
        );
        let attributes = |n: usize| (0..n).map(|n| format!(" a{n:02}=''")).collect::<String>();
        p.edge(
            p.attributes,
            |n| format!("<a{}/>", attributes(n)),
            2 + 7 * p.attributes + 1,
            |limit| XmlErrorKind::TooManyAttributes { limit },
        );
        p.edge(
            p.name_octets,
            |n| format!("<{}/>", "n".repeat(n)),
            1,
            |limit| XmlErrorKind::NameTooLong { limit },
        );
        p.edge(
            p.name_octets,
            |n| format!("<a {}=''/>", "n".repeat(n)),
            3,
            |limit| XmlErrorKind::NameTooLong { limit },
        );
        p.edge(
            p.attribute_octets,
            |n| format!("<a b='{}'/>", "v".repeat(n)),
            6,
            |limit| XmlErrorKind::AttributeTooLong { limit },
        );
        p.edge(
            p.text_octets,
            |n| format!("<a>{}</a>", "t".repeat(n)),
            3,
            |limit| XmlErrorKind::TextTooLong { limit },
        );
        let declared = |n: usize| {
            (0..n)
                .map(|n| format!(" xmlns:p{n:02}='u'"))
                .collect::<String>()
        };
        p.edge(
            p.namespaces,
            |n| format!("<a{}/>", declared(n)),
            2 + 14 * p.namespaces + 1,
            |limit| XmlErrorKind::TooManyNamespaces { limit },
        );
    }
}

/// Section 6.2: what the tokenizer alone takes without a word, at the sizes that were measured.
#[test]
fn large_hazards_end_at_a_limit() {
    let refused = |document: &str, limits: &Limits| {
        check(document.as_bytes(), limits).expect_err("beyond a limit")
    };
    let many: String = (0..400_000).map(|n| format!(" a{n}=''")).collect();
    let many = format!("<a{many}/>");
    let value = format!("<a b='{}'/>", "v".repeat(64 << 20));
    let declared: String = (0..255).map(|n| format!(" xmlns:p{n}='u'")).collect();
    let declared = format!("<a{declared}/>");
    for Profile {
        limits,
        attributes,
        depth,
        ..
    } in PROFILES
    {
        let limit = limits.octets_max();
        let too_long = XmlErrorKind::DocumentTooLong { limit };
        let too_many = XmlErrorKind::TooManyAttributes { limit: attributes };
        let kind = if many.len() > limit {
            too_long
        } else {
            too_many
        };
        assert_eq!(refused(&many, &limits).kind, kind);
        assert_eq!(refused(&value, &limits), XmlError::new(limit, too_long));
        assert_eq!(refused(&declared, &limits).kind, too_many);
        let nested = "<a>".repeat(limit / 3);
        let kind = XmlErrorKind::TooDeep { limit: depth };
        assert_eq!(refused(&nested, &limits), XmlError::new(3 * depth, kind));
    }
}

/// ET-67: the stack that is needed does not depend on the document. The smaller stack is about what
/// the first document needs.
#[test]
fn the_stack_does_not_grow_with_the_document() {
    let limits = Limits::transfer_part();
    let flat = format!("<a>{}</a>", "<b c='1'>x</b>".repeat(100_000));
    let deep = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
    let documents = [
        ("<a/>".to_owned(), true),
        (deep(64), true),
        (deep(2_000_000), false),
        ("<a>".repeat(5_000_000), false),
        ("</a>".repeat(3_000_000), false),
        (format!("<a>{}</a>", "&amp;".repeat(1_000_000)), true),
        (format!("<a>{}", "<".repeat(5_000_000)), false),
        (flat, true),
    ];
    let run = move || {
        for (document, is_good) in &documents {
            assert_eq!(check(document.as_bytes(), &limits).is_ok(), *is_good);
            let parsed = Document::parse(document.as_bytes(), &limits);
            assert_eq!(parsed.is_ok(), *is_good);
        }
    };
    // Far below what one frame for each of a million elements would take.
    let small = std::thread::Builder::new().stack_size(64 * 1024);
    small
        .spawn(run)
        .expect("a thread")
        .join()
        .expect("enough stack");
}
