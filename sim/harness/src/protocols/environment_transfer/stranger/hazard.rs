//! Documents that are wrong in one way: the hazards of the source's section 6.1, by name.

/// What may be wrong with a document. Each name is a word of scenario files.
pub(super) const NAMES: &[&str] = &[
    "utf-16",
    "byte-order-mark",
    "declared-utf-7",
    "invalid-utf-8",
    "doctype",
    "entity-bomb",
    "external-entity",
    "unknown-entity",
    "comment",
    "processing-instruction",
    "control-character",
    "control-reference",
    "noncharacter",
    "two-roots",
    "text-before-root",
    "text-after-root",
    "unclosed",
    "truncated",
    "other-namespace",
    "no-namespace",
    "deep-nesting",
    "many-elements",
    "many-attributes",
    "many-namespaces",
    "long-name",
    "long-attribute",
    "long-text",
    "duplicate-attribute",
    "duplicate-attribute-below",
    "unknown-element",
    "unknown-attribute",
    "unknown-kind",
    "unknown-task-kind",
    "other-version",
    ALTERED,
];

/// A message that was changed after it was signed.
pub(super) const ALTERED: &str = "altered";

/// How deep the deepest document is: far beyond the limit, and enough to end a recursive parser.
const DEPTH: usize = 100_000;

/// `document`, which is canonical, with one thing wrong.
///
/// # Panics
/// When `hazard` is none of [`NAMES`].
pub(super) fn spoil(document: Vec<u8>, hazard: &str) -> Vec<u8> {
    if hazard == "truncated" {
        let end = document.len().saturating_sub(2);
        return document[..end].to_vec();
    }
    let text = String::from_utf8(document).expect("the codec writes UTF-8");
    let root = Root::of(&text);
    match hazard {
        "utf-16" => {
            let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
            return units.flat_map(u16::to_le_bytes).collect();
        }
        "invalid-utf-8" => {
            let (before, after) = root.split_attributes();
            // An overlong form of NUL.
            return [before.as_bytes(), b" x=\"\xC0\x80\"", after.as_bytes()].concat();
        }
        _ => {}
    }
    let spoiled = match hazard {
        "byte-order-mark" => format!("\u{FEFF}{text}"),
        "declared-utf-7" => format!("<?xml version=\"1.0\" encoding=\"UTF-7\"?>{text}"),
        "doctype" => format!("<!DOCTYPE {}>{text}", root.name),
        "entity-bomb" => format!("{}{}", bomb(root.name), root.holding("&e9;")),
        "external-entity" => format!(
            "<!DOCTYPE {} [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>{}",
            root.name,
            root.holding("&e;")
        ),
        "text-before-root" => format!("x{text}"),
        "text-after-root" => format!("{text}x"),
        "two-roots" => format!("{text}{text}"),
        "unclosed" => root.holding("<x>").replace("<x></", "<x>"),
        "other-namespace" => text.replacen("urn:portcullis:environment-transfer", "urn:other", 1),
        "no-namespace" => text.replacen(" xmlns=", " x=", 1),
        "unknown-kind" => root.renamed("greeting"),
        "unknown-task-kind" => text.replace("<deploy ", "<demolish "),
        "other-version" => text.replacen(" version=\"1\"", " version=\"2\"", 1),
        // The signature stands for an attempt that this is not.
        ALTERED => text.replacen(" attempt=\"1\"", " attempt=\"7\"", 1),
        _ => inside(&root, hazard),
    };
    spoiled.into_bytes()
}

/// Something within the root that does not belong there.
fn inside(root: &Root<'_>, hazard: &str) -> String {
    let many =
        |item: &dyn Fn(usize) -> String, count: usize| -> String { (0..count).map(item).collect() };
    match hazard {
        "unknown-entity" => root.holding("&nbsp;"),
        "comment" => root.holding("<!-- c -->"),
        "processing-instruction" => root.holding("<?php echo 1 ?>"),
        "control-character" => root.holding("\u{1}"),
        "control-reference" => root.holding("&#1;"),
        "noncharacter" => root.holding("\u{FFFE}"),
        "deep-nesting" => {
            let (open, close) = ("<x>".repeat(DEPTH), "</x>".repeat(DEPTH));
            root.holding(&format!("{open}{close}"))
        }
        "many-elements" => root.holding(&"<x/>".repeat(20_000)),
        "many-attributes" => root.with(&many(&|n| format!(" a{n}=\"\""), 1_000)),
        "many-namespaces" => root.with(&many(&|n| format!(" xmlns:a{n}=\"urn:a\""), 200)),
        "long-name" => root.holding(&format!("<{}/>", "x".repeat(10_000))),
        "long-attribute" => root.with(&format!(" x=\"{}\"", "x".repeat(100_000))),
        "long-text" => root.holding(&"x".repeat(500_000)),
        "duplicate-attribute" => root.with(" id=\"again\""),
        "duplicate-attribute-below" => root.holding("<x a=\"1\" a=\"1\"/>"),
        "unknown-element" => root.holding("<x/>"),
        "unknown-attribute" => root.with(" x=\"1\""),
        _ => unreachable!("the key table knows no hazard called {hazard}"),
    }
}

/// Nine entities of which each is ten of the one before: a thousand million times the first.
fn bomb(root: &str) -> String {
    let mut entities = String::from("<!ENTITY e0 \"bang\">");
    for level in 1..=9 {
        let below = format!("&e{};", level - 1).repeat(10);
        entities.push_str(&format!("<!ENTITY e{level} \"{below}\">"));
    }
    format!("<!DOCTYPE {root} [{entities}]>")
}

/// The root of a canonical document, taken apart.
struct Root<'t> {
    text: &'t str,
    name: &'t str,
    /// Where the attributes of the start tag end.
    attributes_end: usize,
    /// Where the content begins; `None` when the element is empty.
    content: Option<usize>,
}

impl<'t> Root<'t> {
    fn of(text: &'t str) -> Self {
        let end = text.find('>').expect("a document has a tag");
        let start = text.get(1..end).unwrap_or_default();
        let name = start.split([' ', '/']).next().unwrap_or_default();
        let is_empty = start.ends_with('/');
        Self {
            text,
            name,
            attributes_end: if is_empty { end - 1 } else { end },
            content: (!is_empty).then_some(end + 1),
        }
    }

    fn split_attributes(&self) -> (&'t str, &'t str) {
        self.text.split_at(self.attributes_end)
    }

    /// The document with more attributes, which bring their leading space.
    fn with(&self, attributes: &str) -> String {
        let (before, after) = self.split_attributes();
        format!("{before}{attributes}{after}")
    }

    /// The document with something at the beginning of the root's content.
    fn holding(&self, content: &str) -> String {
        let Some(at) = self.content else {
            let (before, _) = self.split_attributes();
            return format!("{before}>{content}</{}>", self.name);
        };
        let (before, after) = self.text.split_at(at);
        format!("{before}{content}{after}")
    }

    fn renamed(&self, name: &str) -> String {
        let open = self
            .text
            .replacen(&format!("<{}", self.name), &format!("<{name}"), 1);
        open.replace(&format!("</{}>", self.name), &format!("</{name}>"))
    }
}

#[cfg(test)]
mod tests {
    use portcullis_agent::codec::{self, LENGTH_OCTETS};
    use portcullis_agent::message::{
        Assignment, Body, CommandName, EnvironmentName, Header, Message, MessageId, Product, Task,
        TaskId,
    };

    use super::{NAMES, spoil};

    fn document(body: Body) -> Vec<u8> {
        let header = Header {
            id: MessageId::new("m1").expect("an id"),
            from: EnvironmentName::new("dev").expect("a name"),
            to: EnvironmentName::new("prod").expect("a name"),
            sent_at: jiff::Timestamp::UNIX_EPOCH,
            relates_to: None,
            attempt: 1,
        };
        let unit = codec::encode(&Message { header, body }).expect("it can be written");
        unit[LENGTH_OCTETS..].to_vec()
    }

    #[test]
    fn every_hazard_changes_the_document_and_most_make_it_no_message() {
        let hello = document(Body::Hello(Product::new("1").expect("a version")));
        let command = CommandName::new("go").expect("a name");
        let task = document(Body::Task(Task {
            id: TaskId::new("t1").expect("an id"),
            independent: false,
            assignment: Assignment::Deploy { command },
        }));
        for name in NAMES {
            let original = match *name {
                "unknown-task-kind" => &task,
                _ => &hello,
            };
            let spoiled = spoil(original.clone(), name);
            assert_ne!(&spoiled, original, "{name}");
            let decoded = codec::decode(&spoiled);
            assert_eq!(decoded.is_ok(), *name == "altered", "{name}: {decoded:?}");
        }
    }
}
