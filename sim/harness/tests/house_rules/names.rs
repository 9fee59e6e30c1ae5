//! Names that say nothing, marks of unfinished work, and exceptions without a reason.

use syn::visit::{self, Visit};

use super::{SourceFile, assert_none, files};

/// File names that gather what nobody named.
const FILES: &[&str] = &[
    "common", "helper", "helpers", "imp", "manager", "misc", "util", "utils",
];

/// Words in type names that say nothing about the thing.
const TYPES: &[&str] = &[
    "Context",
    "Data",
    "Handler",
    "Helper",
    "Impl",
    "Info",
    "Manager",
    "Misc",
    "Processor",
    "Util",
    "Utils",
    "Wrapper",
];

/// First words of functions that say nothing about the deed.
const VERBS: &[&str] = &["do_", "get_", "manage_", "perform_", "process_"];

/// The words of a name in camel case.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for letter in name.chars() {
        if letter.is_uppercase() || words.is_empty() {
            words.push(String::new());
        }
        words.last_mut().expect("one was pushed").push(letter);
    }
    words
}

/// Collects names that say nothing.
struct Names<'a> {
    path: &'a str,
    complaints: Vec<String>,
}

impl Names<'_> {
    fn check_type(&mut self, name: &syn::Ident) {
        let name = name.to_string();
        if let Some(word) = words(&name)
            .iter()
            .find(|word| TYPES.contains(&word.as_str()))
        {
            self.complaints.push(format!(
                "{}: type `{name}`: `{word}` says nothing",
                self.path
            ));
        }
    }

    fn check_function(&mut self, name: &syn::Ident) {
        let name = name.to_string();
        if let Some(verb) = VERBS.iter().find(|verb| name.starts_with(**verb)) {
            self.complaints
                .push(format!("{}: fn `{name}`: `{verb}` says nothing", self.path));
        }
    }
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.check_type(&item.ident);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.check_type(&item.ident);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.check_type(&item.ident);
        visit::visit_item_trait(self, item);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.check_function(&signature.ident);
    }
}

fn empty_names(file: &SourceFile) -> Vec<String> {
    let stem = file
        .path
        .rsplit('/')
        .next()
        .and_then(|name| name.strip_suffix(".rs"));
    let mut complaints = Vec::new();
    if stem.is_some_and(|stem| FILES.contains(&stem)) {
        complaints.push(format!("{}: name the file after what it holds", file.path));
    }
    let tree = syn::parse_file(&file.text).expect("a source file of the project parses");
    let mut visitor = Names {
        path: &file.path,
        complaints,
    };
    visitor.visit_file(&tree);
    visitor.complaints
}

/// Marks of unfinished work and of tests switched off, written so that this file is free of them.
const MARKS: &[(&str, &str)] = &[
    (
        "TO\u{44}O",
        "finish it, or name the issue in the clause list",
    ),
    ("FIX\u{4d}E", "fix it"),
    (
        "#[ig\u{6e}ore",
        "a test runs, or reports itself as ignored by name with a reason",
    ),
    ("#[al\u{6c}ow(", "use #[expect(.., reason = \"..\")]"),
];

fn marks(file: &SourceFile) -> Vec<String> {
    let mut complaints = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for (mark, instead) in MARKS {
            if line.contains(mark) {
                complaints.push(format!("{}:{}: `{mark}`: {instead}", file.path, index + 1));
            }
        }
    }
    complaints
}

#[test]
fn every_name_says_something() {
    assert_none(&files("rs").iter().flat_map(empty_names).collect::<Vec<_>>());
}

#[test]
fn nothing_is_unfinished_or_switched_off() {
    assert_none(&files("rs").iter().flat_map(marks).collect::<Vec<_>>());
}

#[test]
fn the_rules_of_names_bite() {
    let file = |path: &str, text: &str| SourceFile {
        path: path.into(),
        text: text.into(),
    };
    assert_eq!(empty_names(&file("a/utils.rs", "")).len(), 1);
    assert_eq!(
        empty_names(&file("a/b.rs", "struct TaskManager; fn get_task() {}")).len(),
        2
    );
    assert!(empty_names(&file("a/b.rs", "struct Database; fn getter() {}")).is_empty());
    assert_eq!(
        marks(&file("a/b.rs", &format!("// {}: later", MARKS[0].0))).len(),
        1
    );
}
