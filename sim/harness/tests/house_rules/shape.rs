//! Length of files and functions, and the order of every `select!`.

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::{SourceFile, assert_none, files};

/// A file longer than this is cut along roles.
const FILE_LINES_MAX: usize = 500;
/// A function with more lines than this, braces counted, blank lines and comments not, is cut.
const FUNCTION_LINES_MAX: usize = 72;
/// The width that rustfmt keeps for code, here kept for comments too.
const COLUMNS_MAX: usize = 100;

fn long_files(file: &SourceFile) -> Option<String> {
    let lines = file.text.lines().count();
    (lines > FILE_LINES_MAX).then(|| {
        format!(
            "{}: {lines} lines, cut it along roles (at most {FILE_LINES_MAX})",
            file.path
        )
    })
}

fn wide_comments(file: &SourceFile) -> Vec<String> {
    let wide = |(index, line): (usize, &str)| {
        let columns = line.chars().count();
        (line.trim_start().starts_with("//") && columns > COLUMNS_MAX)
            .then(|| format!("{}:{}: {columns} columns", file.path, index + 1))
    };
    file.text.lines().enumerate().filter_map(wide).collect()
}

/// Collects functions that are too long.
struct LongFunctions<'a> {
    path: &'a str,
    lines: Vec<&'a str>,
    complaints: Vec<String>,
}

impl LongFunctions<'_> {
    fn measure(&mut self, name: &syn::Ident, body: &syn::Block) {
        let (first, last) = (body.span().start().line, body.span().end().line);
        let is_code = |line: &&&str| !line.trim().is_empty() && !line.trim().starts_with("//");
        let count = self.lines[first - 1..last].iter().filter(is_code).count();
        if count > FUNCTION_LINES_MAX {
            self.complaints.push(format!(
                "{}:{first}: `{name}` has {count} lines, cut it (at most {FUNCTION_LINES_MAX})",
                self.path
            ));
        }
    }
}

impl<'ast> Visit<'ast> for LongFunctions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.measure(&item.sig.ident, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.measure(&item.sig.ident, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.measure(&item.sig.ident, body);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

fn long_functions(file: &SourceFile) -> Vec<String> {
    let tree = syn::parse_file(&file.text).expect("a source file of the project parses");
    let mut visitor = LongFunctions {
        path: &file.path,
        lines: file.text.lines().collect(),
        complaints: Vec::new(),
    };
    visitor.visit_file(&tree);
    visitor.complaints
}

/// Every `select!` in the tokens that does not begin with `biased;`, also inside other macros.
fn unbiased_selects(path: &str, tokens: TokenStream, complaints: &mut Vec<String>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    for (index, tree) in trees.iter().enumerate() {
        if let TokenTree::Group(group) = tree {
            let called = index >= 2
                && matches!(&trees[index - 1], TokenTree::Punct(mark) if mark.as_char() == '!')
                && matches!(&trees[index - 2], TokenTree::Ident(name) if name == "select");
            let first = group.stream().into_iter().next();
            if called && !matches!(first, Some(TokenTree::Ident(word)) if word == "biased") {
                let line = group.span().start().line;
                complaints.push(format!("{path}:{line}: begin the `select!` with `biased;`"));
            }
            unbiased_selects(path, group.stream(), complaints);
        }
    }
}

fn selects(file: &SourceFile) -> Vec<String> {
    let tokens = file
        .text
        .parse()
        .expect("a source file of the project has valid tokens");
    let mut complaints = Vec::new();
    unbiased_selects(&file.path, tokens, &mut complaints);
    complaints
}

#[test]
fn no_file_is_too_long_or_too_wide() {
    let sources = files("rs");
    let mut complaints: Vec<String> = sources.iter().filter_map(long_files).collect();
    complaints.extend(sources.iter().flat_map(wide_comments));
    assert_none(&complaints);
}

#[test]
fn no_function_is_too_long() {
    assert_none(
        &files("rs")
            .iter()
            .flat_map(long_functions)
            .collect::<Vec<_>>(),
    );
}

#[test]
fn every_select_is_biased() {
    assert_none(&files("rs").iter().flat_map(selects).collect::<Vec<_>>());
}

#[test]
fn the_rules_of_shape_bite() {
    let file = |text: &str| SourceFile {
        path: "x.rs".into(),
        text: text.into(),
    };
    let call = "fn f() { tokio::select! { _ = a => {} } }";
    assert_eq!(selects(&file(call)).len(), 1);
    assert_eq!(
        selects(&file(&call.replace("{ _", "{ biased; _"))),
        Vec::<String>::new()
    );
    assert_eq!(
        selects(&file(&format!("macro_rules! m {{ () => {{ {call} }} }}"))).len(),
        1
    );
    assert_eq!(
        long_functions(&file(&format!("fn f() {{{}}}", "();\n".repeat(72)))).len(),
        1
    );
    assert!(long_functions(&file(&format!("fn f() {{{}}}", "();\n".repeat(69)))).is_empty());
    assert!(long_files(&file(&"\n".repeat(501))).is_some());
    let wide = format!("// {}", "x".repeat(98));
    assert_eq!(wide_comments(&file(&wide)).len(), 1);
}
