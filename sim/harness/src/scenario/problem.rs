//! What is wrong with a scenario file: all of it at once, each with its place and a way out.

use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource};
use thiserror::Error;

/// One thing that is wrong, or doubtful, at one place of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, as a whole sentence without full stop.
    pub message: String,
    /// Where, in octets.
    pub span: Range<usize>,
    /// What to read at that place.
    pub label: String,
    /// What to do about it; empty when that is plain.
    pub help: String,
}

/// All that was found wrong while a file was read.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    list: Vec<Problem>,
}

impl Problems {
    /// Whether nothing was found.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Everything found, in the order in which it stands in the file.
    #[must_use]
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// Reports a problem at `span`.
    pub fn report(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        label: &str,
        help: &str,
    ) {
        self.list.push(Problem {
            message: message.into(),
            span,
            label: label.to_owned(),
            help: help.to_owned(),
        });
    }

    pub(super) fn into_error(mut self, path: &str, text: &Arc<str>) -> ScenarioError {
        self.list.sort_by_key(|problem| problem.span.start);
        ScenarioError {
            path: path.to_owned(),
            text: Arc::clone(text),
            problems: self.list,
        }
    }
}

/// Whether a text is meant for a terminal that shows colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// With escape sequences.
    Colored,
    /// For pipes, files and `NO_COLOR`.
    Plain,
}

/// A scenario file that cannot be used, with everything that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{path} has {} problem{}", problems.len(), if problems.len() == 1 { "" } else { "s" })]
pub struct ScenarioError {
    /// The file as the user named it.
    pub path: String,
    /// Its text.
    pub text: Arc<str>,
    /// What is wrong, in the order of the file.
    pub problems: Vec<Problem>,
}

impl ScenarioError {
    /// Prints every problem with the lines concerned.
    #[must_use]
    pub fn render(&self, ink: Ink) -> String {
        let theme = match ink {
            Ink::Colored => GraphicalTheme::unicode(),
            Ink::Plain => GraphicalTheme::unicode_nocolor(),
        };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_links(false)
            .with_width(100);
        let mut text = String::new();
        for problem in &self.problems {
            let located = Report {
                file: NamedSource::new(&self.path, Arc::clone(&self.text)),
                problem,
            };
            if handler.render_report(&mut text, &located).is_err() {
                text.push_str(&problem.message);
            }
            text.push('\n');
        }
        text
    }
}

#[derive(Debug, Error)]
#[error("{}", problem.message)]
struct Report<'p> {
    file: NamedSource<Arc<str>>,
    problem: &'p Problem,
}

impl Diagnostic for Report<'_> {
    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&self.file)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.problem.span.clone();
        let label = Some(self.problem.label.clone()).filter(|label| !label.is_empty());
        let labeled = LabeledSpan::new(label, span.start, span.len());
        Some(Box::new(std::iter::once(labeled)))
    }

    fn help(&self) -> Option<Box<dyn std::fmt::Display + '_>> {
        let help = Some(self.problem.help.as_str()).filter(|help| !help.is_empty())?;
        Some(Box::new(help))
    }
}

/// The known name nearest to a mistyped one, near enough to be what was meant.
#[must_use]
pub(crate) fn nearest<'k>(
    wrong: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    known
        .into_iter()
        .map(|name| (name, strsim::damerau_levenshtein(wrong, name)))
        .filter(|&(name, distance)| distance <= 1 + name.len().max(wrong.len()) / 4)
        .min_by_key(|&(_, distance)| distance)
        .map(|(name, _)| name)
}

/// `did you mean "x"?`, or the names there are.
#[must_use]
pub(super) fn suggestion(wrong: &str, known: &[&str]) -> String {
    match nearest(wrong, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if known.is_empty() => "the file declares none".to_owned(),
        None => {
            let quoted: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("there are {}", quoted.join(", "))
        }
    }
}
