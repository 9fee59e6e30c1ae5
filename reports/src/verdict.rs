//! Verdicts, what led to them, and the exit code that they add up to.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What a case came to. Ordered from best to worst: the worst of several stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// Everything that had to hold held.
    Pass,
    /// The specification leaves it open; what was seen is recorded.
    Info,
    /// Declared as not supported by the implementation; never inferred.
    Unsupported,
    /// Switched off by the operator.
    Disabled,
    /// A SHOULD is broken.
    Warn,
    /// Could not be told: the fault did not bite, or no bound exists.
    Inconclusive,
    /// A MUST is broken.
    Fail,
    /// The harness or an adapter failed; says nothing about the implementation.
    Error,
}

impl Verdict {
    /// Every verdict, best first.
    pub const ALL: [Self; 8] = [
        Self::Pass,
        Self::Info,
        Self::Unsupported,
        Self::Disabled,
        Self::Warn,
        Self::Inconclusive,
        Self::Fail,
        Self::Error,
    ];

    /// The name as printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Info => "INFO",
            Self::Unsupported => "UNSUPPORTED",
            Self::Disabled => "DISABLED",
            Self::Warn => "WARN",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Fail => "FAIL",
            Self::Error => "ERROR",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How the program ends: documented and stable, one number a class of result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExitCode {
    /// Everything passed; WARN, INFO, UNSUPPORTED and DISABLED count as passed.
    Pass = 0,
    /// At least one case failed.
    Fail = 1,
    /// The command line or an input file is wrong.
    Usage = 2,
    /// At least one case is inconclusive, none failed.
    Inconclusive = 3,
    /// No case ran.
    NothingRan = 4,
    /// The same seed gave two different runs.
    NotDeterministic = 5,
    /// The harness failed.
    Harness = 70,
    /// The run was interrupted, and nothing worse had happened by then.
    Interrupted = 130,
}

/// Whether every run that was repeated gave the same digest again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Determinism {
    /// It did, or nothing was repeated.
    Held,
    /// At least one did not: nothing else that this program says can be trusted.
    Broken,
}

impl ExitCode {
    /// The code of a whole run: the worst in the order 70, 5, 1, 3, 4, 0. See
    /// [`ExitCode::interrupted`] for what comes between 1 and 3.
    #[must_use]
    pub fn of(verdicts: impl IntoIterator<Item = Verdict>, determinism: Determinism) -> Self {
        let worst = verdicts.into_iter().max();
        match worst {
            Some(Verdict::Error) => Self::Harness,
            _ if determinism == Determinism::Broken => Self::NotDeterministic,
            Some(Verdict::Fail) => Self::Fail,
            Some(Verdict::Inconclusive) => Self::Inconclusive,
            Some(
                Verdict::Pass
                | Verdict::Info
                | Verdict::Unsupported
                | Verdict::Disabled
                | Verdict::Warn,
            ) => Self::Pass,
            None => Self::NothingRan,
        }
    }

    /// The code of a run that was interrupted after it had come to this one.
    #[must_use]
    pub const fn interrupted(self) -> Self {
        match self {
            Self::Harness | Self::NotDeterministic | Self::Fail => self,
            Self::Usage
            | Self::Pass
            | Self::Inconclusive
            | Self::NothingRan
            | Self::Interrupted => Self::Interrupted,
        }
    }

    /// The number given to the operating system.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// What one check found in one history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The check's name in kebab case; for an expectation its place in the scenario file.
    pub check: Cow<'static, str>,
    /// The clauses that it is about.
    pub clauses: Vec<Cow<'static, str>>,
    /// What it came to.
    pub verdict: Verdict,
    /// Who is bound by the clause: sender, receiver, originator and so on; empty when all are.
    pub binds: Cow<'static, str>,
    /// What had to hold, in words.
    pub expected: String,
    /// What was seen, in words; empty for a pass.
    pub seen: String,
    /// Indexes into the history of the entries that show it, last one last.
    pub entries: Vec<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_class_decides_the_exit_code() {
        use Verdict::{Error, Fail, Inconclusive, Pass, Warn};
        let code =
            |verdicts: &[Verdict], same| ExitCode::of(verdicts.iter().copied(), same).number();
        assert_eq!(code(&[Pass, Error, Fail], Determinism::Broken), 70);
        assert_eq!(code(&[Pass, Fail], Determinism::Broken), 5);
        assert_eq!(code(&[Inconclusive, Fail], Determinism::Held), 1);
        assert_eq!(code(&[Inconclusive, Warn], Determinism::Held), 3);
        assert_eq!(code(&[], Determinism::Held), 4);
        assert_eq!(code(&[Pass, Warn], Determinism::Held), 0);
        let passed = ExitCode::of([Pass, Inconclusive], Determinism::Held);
        assert_eq!(passed.interrupted().number(), 130);
        let failed = ExitCode::of([Pass, Fail], Determinism::Held);
        assert_eq!(failed.interrupted().number(), 1);
    }

    #[test]
    fn verdicts_are_listed_from_best_to_worst() {
        assert!(Verdict::ALL.is_sorted());
    }
}
