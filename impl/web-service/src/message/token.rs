//! Words of the wire.

use serde::{Deserialize, Serialize};

/// An enumeration whose variants have one name each on the wire.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident,)+ }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every value, in the order of the schema.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($variant),)+
                }
            }

            /// The value with that word; words are compared with regard to case.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == word)
            }
        }
    };
}

named! {
    /// The operations, in the order in which the specification lists them.
    Operation {
        /// Section 3.1.4.1.
        CancelJob,
        /// Section 3.1.4.2.
        CreateJob,
        /// Section 3.1.4.3.
        DeleteImportLogs,
        /// Section 3.1.4.4.
        DeleteJob,
        /// Section 3.1.4.5.
        GetJobStatus,
        /// Section 3.1.4.6.
        GetRemoteAdminServerUrl,
        /// Section 3.1.4.7.
        GetSiteCollectionNames,
        /// Section 3.1.4.8.
        GetVirtualServersInformation,
        /// Section 3.1.4.9.
        RunJob,
    }
}

impl Operation {
    /// The value of `SOAPAction` (CD-7).
    #[must_use]
    pub fn soap_action(self) -> String {
        format!("{}{}", super::NAMESPACE, self.name())
    }
}

named! {
    /// `SPIncludeSecurity`: what is imported of security (CD-13).
    IncludeSecurity {
        /// Nothing.
        None,
        /// Memberships, role assignments and access lists.
        WssOnly,
        /// The same and directory user information.
        All,
    }
}

named! {
    /// `SPImportUserInfoDateTimeOption`: what becomes of authors and time stamps (CD-14).
    UserInfoDateTime {
        /// Both are replaced.
        None,
        /// Time stamps are kept, authors are replaced by the system account.
        ReplaceUserWithSystemAccount,
        /// Both are kept.
        ImportAll,
    }
}

named! {
    /// `ContentDeploymentJobStatus` on the wire: these seven and no other (CD-11, CD-12).
    JobStatus {
        /// The import succeeded.
        Success,
        /// The import failed.
        Failure,
        /// The job has been cancelled.
        Cancelled,
        /// The import runs.
        ImportInProgress,
        /// A request to cancel is being handled.
        CancelInProgress,
        /// The job is getting ready to run.
        ImportPreparing,
        /// The import took too long.
        ImportTimedOut,
    }
}

impl JobStatus {
    /// Whether it stays as it is until the job is deleted (CD-27).
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Success | Self::Failure | Self::Cancelled | Self::ImportTimedOut => true,
            Self::ImportInProgress | Self::CancelInProgress | Self::ImportPreparing => false,
        }
    }
}
