//! What a document may cost: the table of section 6.3; and what it may hold.

/// What a document may hold beside elements, attributes, text and references.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Nothing (ET-64).
    Plain,
    /// Comments and CDATA sections, which SOAP leaves to XML.
    Soap,
}

/// Upper bounds on one document (ET-67).
///
/// There are three sets, [`Limits::control`], [`Limits::transfer_part`] and [`Limits::soap`]; every
/// bound can be lowered from there and none can be raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(crate) dialect: Dialect,
    pub(crate) octets_max: usize,
    pub(crate) depth_max: usize,
    pub(crate) elements_max: usize,
    pub(crate) attributes_max: usize,
    pub(crate) name_octets_max: usize,
    pub(crate) attribute_octets_max: usize,
    pub(crate) text_octets_max: usize,
    pub(crate) namespaces_max: usize,
    pub(crate) steps_per_octet_max: usize,
}

/// The lower of a bound and the wish for it.
const fn lower(bound: usize, wish: usize) -> usize {
    if wish < bound { wish } else { bound }
}

impl Limits {
    /// The bounds for control messages: 1 MiB, 32 deep.
    #[must_use]
    pub const fn control() -> Self {
        Self {
            dialect: Dialect::Plain,
            octets_max: 1 << 20,
            depth_max: 32,
            elements_max: 10_000,
            attributes_max: 32,
            name_octets_max: 128,
            attribute_octets_max: 8 << 10,
            text_octets_max: 256 << 10,
            namespaces_max: 8,
            steps_per_octet_max: 16,
        }
    }

    /// The bounds for a part of a transferred object: 16 MiB, of which one text may hold 8 MiB.
    #[must_use]
    pub const fn transfer_part() -> Self {
        Self {
            dialect: Dialect::Plain,
            octets_max: 16 << 20,
            depth_max: 64,
            elements_max: 1_000_000,
            attributes_max: 64,
            name_octets_max: 256,
            attribute_octets_max: 64 << 10,
            text_octets_max: 8 << 20,
            namespaces_max: 16,
            steps_per_octet_max: 16,
        }
    }

    /// The bounds for envelopes of SOAP: 4 MiB, 64 deep, 32 namespaces. These are the only limits
    /// under which comments and CDATA sections pass: both kinds of SOAP forbid document type
    /// declarations and processing instructions and nothing else, and their senders use them.
    #[must_use]
    pub const fn soap() -> Self {
        Self {
            dialect: Dialect::Soap,
            octets_max: 4 << 20,
            depth_max: 64,
            elements_max: 100_000,
            attributes_max: 64,
            name_octets_max: 256,
            attribute_octets_max: 16 << 10,
            text_octets_max: 1 << 20,
            namespaces_max: 32,
            steps_per_octet_max: 32,
        }
    }

    /// Octets of the document; a frame of RFC 5734 has four more.
    #[must_use]
    pub const fn octets_max(&self) -> usize {
        self.octets_max
    }

    /// Octets of one run of text, references counted as written.
    #[must_use]
    pub const fn text_octets_max(&self) -> usize {
        self.text_octets_max
    }

    /// At most this many octets in all.
    #[must_use]
    pub const fn with_octets_max(self, wish: usize) -> Self {
        Self {
            octets_max: lower(self.octets_max, wish),
            ..self
        }
    }

    /// At most this many elements inside one another; the root is at depth 1.
    #[must_use]
    pub const fn with_depth_max(self, wish: usize) -> Self {
        Self {
            depth_max: lower(self.depth_max, wish),
            ..self
        }
    }

    /// At most this many elements. Bounds the memory of a [`Document`](crate::Document), which has
    /// about 150 octets for each element and less for each text.
    #[must_use]
    pub const fn with_elements_max(self, wish: usize) -> Self {
        Self {
            elements_max: lower(self.elements_max, wish),
            ..self
        }
    }

    /// At most this many attributes on one element, namespace declarations included.
    #[must_use]
    pub const fn with_attributes_max(self, wish: usize) -> Self {
        Self {
            attributes_max: lower(self.attributes_max, wish),
            ..self
        }
    }

    /// At most this many octets in one name, prefix and colon included.
    #[must_use]
    pub const fn with_name_octets_max(self, wish: usize) -> Self {
        Self {
            name_octets_max: lower(self.name_octets_max, wish),
            ..self
        }
    }

    /// At most this many octets in one attribute value, references counted as written.
    #[must_use]
    pub const fn with_attribute_octets_max(self, wish: usize) -> Self {
        Self {
            attribute_octets_max: lower(self.attribute_octets_max, wish),
            ..self
        }
    }

    /// At most this many octets between two tags, references counted as written.
    #[must_use]
    pub const fn with_text_octets_max(self, wish: usize) -> Self {
        Self {
            text_octets_max: lower(self.text_octets_max, wish),
            ..self
        }
    }

    /// At most this many namespace declarations in scope at one place.
    #[must_use]
    pub const fn with_namespaces_max(self, wish: usize) -> Self {
        Self {
            namespaces_max: lower(self.namespaces_max, wish),
            ..self
        }
    }

    /// At most this many steps for each octet of the document, where a step is a token, a
    /// comparison of two attribute names or of two prefixes. A budget of steps and not of time, so
    /// that the same document always meets the same fate.
    #[must_use]
    pub const fn with_steps_per_octet_max(self, wish: usize) -> Self {
        Self {
            steps_per_octet_max: lower(self.steps_per_octet_max, wish),
            ..self
        }
    }
}
