//! Where ASP.NET reads more than the schema says.
//!
//! The one list of what [`Compat::Aspnet`] is: every place that reads more loosely then asks for its
//! line here. What was measured with a real `.asmx` is in `SPEC.md`.

use crate::config::Compat;

/// One way in which ASP.NET is more lenient than the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leniency {
    /// A parameter that is not there has its type's default: the guid of zeros, the first word of an
    /// enumeration, false, the empty text.
    MissingParameter,
    /// Parameters come in any order.
    AnyOrder,
    /// Parameters that the operation does not have, those of another namespace and text among them
    /// are passed over.
    UnknownParameter,
    /// Of a parameter that is there twice, the first counts.
    RepeatedParameter,
    /// The body's element is taken for what `SOAPAction` says, whatever its namespace and name: its
    /// parameters are then missing.
    BodyByAction,
    /// A guid may stand in braces and with white space around it.
    LooseGuid,
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
