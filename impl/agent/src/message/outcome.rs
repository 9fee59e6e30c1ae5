//! How tasks end, and why requests are refused.

use serde::{Deserialize, Serialize};

/// How a task ended at the destination. ET-38
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The work was done.
    Succeeded,
    /// The work was not done, or not to its end.
    Failed(FailureReason),
    /// An operator of the destination stopped it before its end.
    Cancelled,
}

impl Outcome {
    /// The name on the wire, without the reason.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The reason code of a failure.
    #[must_use]
    pub const fn reason(self) -> Option<FailureReason> {
        match self {
            Self::Failed(reason) => Some(reason),
            Self::Succeeded | Self::Cancelled => None,
        }
    }
}

/// An enum whose variants have names on the wire: `name` and `parse` from one table.
macro_rules! named {
    (
        $(#[$doc:meta])*
        $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }
    ) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord,
            serde::Serialize, serde::Deserialize,
        )]
        #[serde(rename_all = "kebab-case")]
        pub enum $type {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $type {
            /// Every variant, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name on the wire, in kebab case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// The variant of that name, if there is one.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use named;

named! {
    /// Why a task failed. ET-38
    FailureReason {
        /// The command ended with a failure of its own.
        CommandFailed = "command-failed",
        /// The command could not be started.
        CommandNotStarted = "command-not-started",
        /// A task that this one depends on did not succeed; decided at the originator (ET-57).
        DependencyFailed = "dependency-failed",
        /// The destination stopped while the work ran (ET-54).
        Interrupted = "interrupted",
        /// The manifest of a transferred object cannot be read.
        ManifestMalformed = "manifest-malformed",
        /// A path of a transferred object may not be used at the destination.
        PathRefused = "path-refused",
        /// The files to be transferred cannot be read, or changed meanwhile; decided at the
        /// originator.
        SourceUnreadable = "source-unreadable",
        /// The destination's disk refused.
        Storage = "storage",
        /// Something else is where the transferred files belong at the destination.
        TargetExists = "target-exists",
    }
}

impl FailureReason {
    /// Whether only an originator decides it, about a task that was never sent: no message says so.
    #[must_use]
    pub const fn is_of_originator(self) -> bool {
        matches!(self, Self::DependencyFailed | Self::SourceUnreadable)
    }
}

named! {
    /// Why a request is refused.
    Reason {
        /// Too many tasks are waiting. Final.
        Busy = "busy",
        /// The id is known with different content (ET-43), or the outcome differs from the
        /// recorded one. Final.
        Conflict = "conflict",
        /// The digest named for the object is not that of its parts. Final.
        DigestMismatch = "digest-mismatch",
        /// Parts of the object are missing. Final.
        Incomplete = "incomplete",
        /// The document is not one of this protocol version. Final.
        Malformed = "malformed",
        /// This kind of message is not served at this port. Final.
        Misplaced = "misplaced",
        /// The message does not prove that it comes from the link's environment, or the connection
        /// does not (ET-72). Worth another attempt: nothing of it was looked at, and secrets may
        /// be replaced.
        NotAuthenticated = "not-authenticated",
        /// The message was sent too long ago, or too far ahead, by the recipient's clock (ET-74).
        /// Worth another attempt, which has another time.
        Stale = "stale",
        /// The object has more parts than the destination takes. Final.
        TooLarge = "too-large",
        /// The recipient cannot record anything now; worth another attempt.
        Unavailable = "unavailable",
        /// The destination's configuration has no command of that name. Final.
        UnknownCommand = "unknown-command",
        /// The kind of message is not known (ET-36). Final.
        UnknownKind = "unknown-kind",
        /// The sender is not the environment that this port's link is with. Final.
        UnknownSender = "unknown-sender",
        /// The task is not known here (ET-55). Final.
        UnknownTask = "unknown-task",
        /// The kind of task is not known (ET-36). Final.
        UnknownTaskKind = "unknown-task-kind",
        /// Protocol or product versions differ (ET-9). Final.
        Version = "version",
        /// The message is for another environment (ET-39). Final.
        WrongRecipient = "wrong-recipient",
    }
}

impl Reason {
    /// Whether a destination says this of a task only after it has looked for the task's id: then
    /// it has not recorded this task, now or before.
    #[must_use]
    pub const fn is_about_task(self) -> bool {
        matches!(
            self,
            Self::Busy
                | Self::Conflict
                | Self::DigestMismatch
                | Self::Incomplete
                | Self::UnknownCommand
        )
    }

    /// Whether the same request would be refused again: then it is not repeated.
    #[must_use]
    pub const fn is_final(self) -> bool {
        // Who is not authenticated, or repeats what it overheard, can obtain a signed refusal for
        // the last two reasons: they must not decide anything.
        !matches!(
            self,
            Self::Unavailable | Self::Stale | Self::NotAuthenticated
        )
    }
}
