//! Elements that are open, and what is in scope inside them.

use std::borrow::Cow;

use crate::attribute::{Attributes, RawAttribute, check_value};
use crate::character::{is_blank, is_space, split_name};
use crate::namespace::{Binding, resolve};
use crate::{Limits, XmlError, XmlErrorKind};

/// A checked name with the place of its tag.
#[derive(Clone, Debug)]
pub(crate) struct Name<'a> {
    pub(crate) at: usize,
    pub(crate) namespace: Cow<'a, str>,
    pub(crate) local: &'a str,
}

/// What one document may still cost.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) limits: Limits,
    steps_left: usize,
}

impl Budget {
    /// The whole budget of a document of `octets`.
    pub(crate) const fn new(limits: Limits, octets: usize) -> Self {
        // Four more, so that an empty document does not fail on its budget.
        let steps_left = limits
            .steps_per_octet_max
            .saturating_mul(octets.saturating_add(4));
        Self { limits, steps_left }
    }

    /// Counts work that no limit of its own bounds.
    pub(crate) fn spend(&mut self, at: usize, steps: usize) -> Result<(), XmlError> {
        let limit = self.limits.steps_per_octet_max;
        self.steps_left = self
            .steps_left
            .checked_sub(steps)
            .ok_or(XmlError::new(at, XmlErrorKind::TooMuchWork { limit }))?;
        Ok(())
    }
}

/// Room for what most documents have open, in scope or in one tag at a time.
const ROOM: usize = 8;

/// An element that is still open.
#[derive(Debug)]
struct Open<'a> {
    at: usize,
    name: &'a str,
    /// How many bindings were in scope outside it.
    outer_bindings: usize,
}

/// An attribute or declaration of the element just entered.
#[derive(Clone, Debug)]
pub(crate) struct Written<'a> {
    pub(crate) raw: RawAttribute<'a>,
    prefix: &'a str,
    pub(crate) local: &'a str,
    pub(crate) namespace: Cow<'a, str>,
    /// Differs between most names that differ, and is compared first.
    mark: [u8; 4],
}

impl<'a> Written<'a> {
    fn new(raw: RawAttribute<'a>, budget: &Budget) -> Result<Self, XmlError> {
        let (prefix, local) = split(raw.at, raw.name, budget)?;
        let octets = raw.name.as_bytes();
        let octet = |octet: Option<&u8>| octet.copied().unwrap_or_default();
        let mark = [
            u8::try_from(octets.len()).unwrap_or(u8::MAX),
            octet(octets.first()),
            octet(octets.get(1)),
            octet(octets.last()),
        ];
        Ok(Self {
            raw,
            prefix,
            local,
            namespace: Cow::Borrowed(""),
            mark,
        })
    }

    /// Whether the name is neither a declaration nor needs one.
    fn is_plain(&self) -> bool {
        self.prefix.is_empty() && self.local != "xmlns"
    }

    /// The prefix that this declares; empty for the default namespace.
    fn declares(&self) -> Option<&'a str> {
        match (self.prefix, self.local) {
            ("", "xmlns") => Some(""),
            ("xmlns", declared) => Some(declared),
            _ => None,
        }
    }
}

/// The open elements, the bindings in scope and the attributes of the innermost element.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    open: Vec<Open<'a>>,
    bindings: Vec<Binding<'a>>,
    written: Vec<Written<'a>>,
    /// Whether every attribute of the element just entered has a plain name, as most elements' do.
    is_plain: bool,
}

impl<'a> Scope<'a> {
    /// No element is open.
    pub(crate) fn new() -> Self {
        Self {
            open: Vec::with_capacity(ROOM),
            bindings: Vec::with_capacity(ROOM),
            written: Vec::with_capacity(ROOM),
            is_plain: true,
        }
    }

    /// Elements open now.
    pub(crate) const fn depth(&self) -> usize {
        self.open.len()
    }

    /// The attributes of the element just entered, in the order written, without declarations.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = &Written<'a>> {
        let all = self.is_plain;
        self.written
            .iter()
            .filter(move |written| all || written.declares().is_none())
    }

    /// The declarations of the element just entered.
    pub(crate) fn declarations(&self) -> &[Binding<'a>] {
        let outer = self.open.last().map_or(0, |open| open.outer_bindings);
        self.bindings.get(outer..).unwrap_or_default()
    }

    /// Offset and name, as written, of the innermost open element.
    pub(crate) fn innermost(&self) -> Option<(usize, &'a str)> {
        self.open.last().map(|open| (open.at, open.name))
    }

    /// Leaves the innermost element and its declarations.
    pub(crate) fn leave(&mut self) {
        if let Some(open) = self.open.pop() {
            self.bindings.truncate(open.outer_bindings);
        }
    }

    /// Enters the element whose start tag, without its brackets, is `tag` at the offset `at`.
    pub(crate) fn enter(
        &mut self,
        tag: &'a str,
        at: usize,
        budget: &mut Budget,
    ) -> Result<Name<'a>, XmlError> {
        let name_length = tag.bytes().position(is_space).unwrap_or(tag.len());
        let (name, rest) = tag.split_at_checked(name_length).unwrap_or_default();
        let (prefix, local) = split(at, name, budget)?;
        self.read_attributes(rest, at.saturating_add(name_length), budget)?;
        self.open.push(Open {
            at,
            name,
            outer_bindings: self.bindings.len(),
        });
        if !self.is_plain {
            self.bind(budget)?;
            self.resolve_attributes(budget)?;
        }
        if prefix == "xmlns" {
            return Err(XmlError::new(at, XmlErrorKind::ReservedNamespace));
        }
        budget.spend(at, self.bindings.len())?;
        let namespace = resolve(&self.bindings, prefix).map_err(|kind| XmlError::new(at, kind))?;
        Ok(Name {
            at,
            namespace,
            local,
        })
    }

    fn read_attributes(
        &mut self,
        text: &'a str,
        at: usize,
        budget: &mut Budget,
    ) -> Result<(), XmlError> {
        self.written.clear();
        self.is_plain = true;
        if is_blank(text) {
            return Ok(());
        }
        let mut attributes = Attributes::new(text, at);
        while let Some(attribute) = attributes.read_next()? {
            let limit = budget.limits.attributes_max;
            if self.written.len() >= limit {
                let kind = XmlErrorKind::TooManyAttributes { limit };
                return Err(XmlError::new(attribute.at, kind));
            }
            let limit = budget.limits.attribute_octets_max;
            if attribute.value.len() > limit {
                let kind = XmlErrorKind::AttributeTooLong { limit };
                return Err(XmlError::new(attribute.value_at, kind));
            }
            check_value(&attribute)?;
            // ET-68: by name; by expanded name once the prefixes are known.
            budget.spend(attribute.at, self.written.len())?;
            let attribute = Written::new(attribute, budget)?;
            let twice =
                |w: &Written<'_>| w.mark == attribute.mark && w.raw.name == attribute.raw.name;
            if self.written.iter().any(twice) {
                let kind = XmlErrorKind::DuplicateAttribute;
                return Err(XmlError::new(attribute.raw.at, kind));
            }
            self.is_plain &= attribute.is_plain();
            self.written.push(attribute);
        }
        Ok(())
    }

    /// Takes the declarations among the attributes into scope.
    fn bind(&mut self, budget: &Budget) -> Result<(), XmlError> {
        for written in &self.written {
            let Some(prefix) = written.declares() else {
                continue;
            };
            let error = |kind| XmlError::new(written.raw.at, kind);
            let limit = budget.limits.namespaces_max;
            if self.bindings.len() >= limit {
                return Err(error(XmlErrorKind::TooManyNamespaces { limit }));
            }
            let binding = Binding::new(prefix, written.raw.normal_value()).map_err(error)?;
            self.bindings.push(binding);
        }
        Ok(())
    }

    /// Gives every other attribute its namespace.
    fn resolve_attributes(&mut self, budget: &mut Budget) -> Result<(), XmlError> {
        for index in 0..self.written.len() {
            let Some((written, before)) = self
                .written
                .get_mut(..=index)
                .and_then(<[_]>::split_last_mut)
            else {
                break;
            };
            if written.prefix.is_empty() || written.prefix == "xmlns" {
                continue;
            }
            let error = |kind| XmlError::new(written.raw.at, kind);
            budget.spend(written.raw.at, self.bindings.len().saturating_add(index))?;
            let namespace = resolve(&self.bindings, written.prefix).map_err(error)?;
            // ET-68: the same expanded name under two prefixes.
            let twice = |other: &Written<'_>| {
                other.local == written.local
                    && other.declares().is_none()
                    && other.namespace == namespace
            };
            if before.iter().any(twice) {
                return Err(error(XmlErrorKind::DuplicateAttribute));
            }
            written.namespace = namespace;
        }
        Ok(())
    }
}

/// A qualified name as prefix and local name.
fn split<'a>(at: usize, name: &'a str, budget: &Budget) -> Result<(&'a str, &'a str), XmlError> {
    let limit = budget.limits.name_octets_max;
    if name.len() > limit {
        return Err(XmlError::new(at, XmlErrorKind::NameTooLong { limit }));
    }
    split_name(name).ok_or(XmlError::new(at, XmlErrorKind::IllegalName))
}
