//! Where ASP.NET reads more than the schema says.
//!
//! The one list of what [`Compat::Aspnet`] is: every place that reads more loosely then asks for
//! its line here. Of what is written, only the status of a fault differs
//! ([`fault_status`](super::fault_status)). What was measured with a real `.asmx` is in `SPEC.md`.

use crate::config::Compat;

/// One way in which ASP.NET is more lenient than the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leniency {
    /// A parameter that is not there has its type's default: the guid of zeros, the first word of
    /// an enumeration, false, the empty text.
    MissingParameter,
    /// Parameters come in any order.
    AnyOrder,
    /// Parameters that the operation does not have, those of another namespace and text among them
    /// are passed over.
    UnknownParameter,
    /// Of a parameter that is there twice, the first counts.
    RepeatedParameter,
    /// The action says the operation, and the body is searched for its element; where there is
    /// none, its parameters are missing. Without an action, the first element says it.
    BodyByAction,
    /// A guid may have white space around it, stand in braces or parentheses, and lack its hyphens.
    LooseGuid,
    /// SOAP 1.1's mustUnderstand may be `true` and `false`, too.
    WordyMustUnderstand,
    /// `xsi:nil` is passed over.
    Nil,
}

impl Compat {
    /// Whether messages are read with this leniency.
    pub(super) const fn allows(self, _: Leniency) -> bool {
        match self {
            Self::Strict => false,
            Self::Aspnet => true,
        }
    }
}
