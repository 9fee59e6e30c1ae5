//! Properties: no octets make the gate panic, and what the writer writes is what is read.

use portcullis_xml::{Child, Document, Element, ElementReader, Limits, WriteError, Writer, check};
use proptest::collection::vec;
use proptest::prelude::*;

/// A document as a value.
#[derive(Clone, Debug, PartialEq)]
enum Tree {
    Text(String),
    Element {
        name: &'static str,
        attributes: Vec<(&'static str, String)>,
        children: Vec<Self>,
    },
}

const NAMES: &[&str] = &["a", "b-1", "long.name", "\u{e9}t\u{e9}"];

fn legal_text() -> impl Strategy<Value = String> {
    let plain = proptest::char::any().prop_filter("legal in XML 1.0", |c| {
        *c >= ' ' && !matches!(c, '\u{FFFE}' | '\u{FFFF}')
    });
    let special = proptest::sample::select(vec!['<', '>', '&', '"', '\'', ']', '\r', '\n', '\t']);
    vec(prop_oneof![plain, special], 0..12).prop_map(String::from_iter)
}

fn attributes() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    proptest::sample::subsequence(NAMES.to_vec(), 0..NAMES.len()).prop_flat_map(|names| {
        let values = vec(legal_text(), names.len());
        (Just(names), values).prop_map(|(names, values)| names.into_iter().zip(values).collect())
    })
}

/// An element; texts are neither empty nor side by side, because XML cannot tell.
fn element(
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<Tree>,
) -> Tree {
    let mut joined: Vec<Tree> = Vec::new();
    for child in children {
        match (joined.last_mut(), child) {
            (_, Tree::Text(text)) if text.is_empty() => {}
            (Some(Tree::Text(before)), Tree::Text(text)) => before.push_str(&text),
            (_, child) => joined.push(child),
        }
    }
    Tree::Element {
        name,
        attributes,
        children: joined,
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    let name = || proptest::sample::select(NAMES);
    let leaf = (name(), attributes(), legal_text())
        .prop_map(|(name, attributes, text)| element(name, attributes, vec![Tree::Text(text)]));
    leaf.prop_recursive(4, 32, 5, move |inner| {
        let child = prop_oneof![inner, legal_text().prop_map(Tree::Text)];
        (name(), attributes(), vec(child, 0..5))
            .prop_map(|(name, attributes, children)| element(name, attributes, children))
    })
}

fn write_into(tree: &Tree, writer: &mut Writer) {
    match tree {
        Tree::Text(text) => {
            writer.text(text);
        }
        Tree::Element {
            name,
            attributes,
            children,
        } => {
            writer.open(name);
            for (name, value) in attributes {
                writer.attribute(name, value);
            }
            for child in children {
                write_into(child, writer);
            }
            writer.close();
        }
    }
}

fn write(tree: &Tree) -> Result<Vec<u8>, WriteError> {
    let mut writer = Writer::new();
    write_into(tree, &mut writer);
    writer.finish()
}

fn known(name: &str) -> &'static str {
    NAMES
        .iter()
        .find(|known| **known == name)
        .copied()
        .unwrap_or("unknown")
}

fn read(element: Element<'_>) -> Tree {
    Tree::Element {
        name: known(element.name()),
        attributes: element
            .attributes()
            .iter()
            .map(|a| (known(a.name()), a.value().to_owned()))
            .collect(),
        children: element
            .children()
            .map(|child| match child {
                Child::Element(inner) => read(inner),
                Child::Text { text, .. } => Tree::Text(text.to_owned()),
            })
            .collect(),
    }
}

/// Octets that look like markup, so that chance reaches every branch.
fn markup() -> impl Strategy<Value = Vec<u8>> {
    let piece = proptest::sample::select(vec![
        "<",
        ">",
        "/",
        "=",
        "'",
        "\"",
        "&",
        ";",
        "a",
        "b",
        ":",
        "xmlns",
        " ",
        "\n",
        "<a>",
        "</a>",
        "<a/>",
        "&lt;",
        "&#",
        "<?xml version='1.0'?>",
        "<!--",
        "-->",
        "]]>",
        "<![CDATA[",
        "p:",
        "xmlns:p='u'",
        "\u{0}",
        "\u{e9}",
        "\u{FFFF}",
        "<!DOCTYPE",
        "a='1'",
    ]);
    vec(piece, 0..24).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_was_written_is_read(tree in tree()) {
        let octets = write(&tree).expect("legal content is written");
        let document = Document::parse(&octets, &Limits::control()).expect("what we write passes");
        prop_assert_eq!(read(document.root()), tree);
    }

    #[test]
    fn octets_in_base64_are_read_as_they_were_written(octets in vec(any::<u8>(), 0..200)) {
        let mut writer = Writer::new();
        writer.open("a").base64(&octets).close();
        let written = writer.finish().unwrap();
        let document = Document::parse(&written, &Limits::control()).unwrap();
        prop_assert_eq!(ElementReader::new(document.root()).base64().unwrap(), octets);
    }

    #[test]
    fn writing_again_gives_the_same_octets(tree in tree()) {
        let octets = write(&tree).expect("legal content is written");
        let document = Document::parse(&octets, &Limits::control()).expect("what we write passes");
        prop_assert_eq!(write(&read(document.root())), Ok(octets.clone()));
    }

    #[test]
    fn any_octets_are_judged_without_panic(octets in vec(any::<u8>(), 0..64)) {
        let gate = check(&octets, &Limits::control());
        prop_assert_eq!(gate.is_ok(), Document::parse(&octets, &Limits::control()).is_ok());
    }

    #[test]
    fn any_markup_is_judged_without_panic(octets in markup()) {
        let gate = check(&octets, &Limits::control());
        let tree = Document::parse(&octets, &Limits::control());
        if let Err(error) = gate {
            prop_assert!(error.at <= octets.len());
        }
        prop_assert_eq!(gate, tree.map(|_| ()));
    }

    #[test]
    fn every_cut_of_a_good_document_is_refused(
        tree in tree(),
        cut in any::<proptest::sample::Index>(),
    ) {
        let octets = write(&tree).expect("legal content is written");
        let cut = cut.index(octets.len());
        prop_assert!(check(&octets[..cut], &Limits::control()).is_err());
    }
}

#[test]
fn the_writer_refuses_what_xml_cannot_say() {
    let written = |write: fn(&mut Writer)| {
        let mut writer = Writer::new();
        write(&mut writer);
        writer.finish()
    };
    assert_eq!(
        written(|w| {
            w.open("a").text("\u{1}").close();
        }),
        Err(WriteError::IllegalCharacter)
    );
    assert_eq!(
        written(|w| {
            w.open("a").attribute("b", '\u{FFFF}').close();
        }),
        Err(WriteError::IllegalCharacter)
    );
    assert_eq!(
        written(|w| {
            w.open("1").close();
        }),
        Err(WriteError::IllegalName)
    );
    assert_eq!(
        written(|w| {
            w.open("a");
        }),
        Err(WriteError::OutOfOrder)
    );
    assert_eq!(
        written(|w| {
            w.open("a").text("x").attribute("b", 1).close();
        }),
        Err(WriteError::OutOfOrder)
    );
    assert_eq!(
        written(|w| {
            w.open("a").close().open("a").close();
        }),
        Err(WriteError::OutOfOrder)
    );
    assert_eq!(written(|_| {}), Err(WriteError::OutOfOrder));
}
