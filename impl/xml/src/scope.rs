//! Elements that are open, and what is in scope inside them.

use std::borrow::Cow;

use crate::attribute::{Attributes, RawAttribute, check_value};
use crate::character::{is_blank, is_local_name, is_space, normal_value};
use crate::namespace::{Binding, resolve};
use crate::{Limits, XmlError, XmlErrorKind};

/// A checked name with the place of its tag.
#[derive(Clone, Debug)]
pub(crate) struct Name<'a> {
    pub(crate) at: usize,
    pub(crate) namespace: Cow<'a, str>,
    pub(crate) local: &'a str,
}

/// A checked attribute; the value is as written.
#[derive(Clone, Debug)]
pub(crate) struct GateAttribute<'a> {
    pub(crate) at: usize,
    pub(crate) namespace: Cow<'a, str>,
    pub(crate) local: &'a str,
    pub(crate) raw: &'a str,
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

/// An element that is still open.
#[derive(Debug)]
struct Open<'a> {
    at: usize,
    name: &'a str,
    /// How many bindings were in scope outside it.
    outer_bindings: usize,
}

/// The open elements, the bindings in scope and the attributes of the innermost element.
#[derive(Debug, Default)]
pub(crate) struct Scope<'a> {
    open: Vec<Open<'a>>,
    bindings: Vec<Binding<'a>>,
    written: Vec<RawAttribute<'a>>,
    attributes: Vec<GateAttribute<'a>>,
}

impl<'a> Scope<'a> {
    /// Elements open now.
    pub(crate) const fn depth(&self) -> usize {
        self.open.len()
    }

    /// The attributes of the element just entered, in the order written, without declarations.
    pub(crate) fn attributes(&self) -> &[GateAttribute<'a>] {
        &self.attributes
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
        let (prefix, local) = split_name(at, name, budget)?;
        self.read_attributes(rest, at.saturating_add(name_length), budget)?;
        self.open.push(Open {
            at,
            name,
            outer_bindings: self.bindings.len(),
        });
        self.bind(budget)?;
        self.resolve_attributes(budget)?;
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
            if self.written.iter().any(|w| w.name == attribute.name) {
                let kind = XmlErrorKind::DuplicateAttribute;
                return Err(XmlError::new(attribute.at, kind));
            }
            self.written.push(attribute);
        }
        Ok(())
    }

    /// Takes the declarations among the attributes into scope.
    fn bind(&mut self, budget: &Budget) -> Result<(), XmlError> {
        for attribute in &self.written {
            let error = |kind| XmlError::new(attribute.at, kind);
            let declared = match split_name(attribute.at, attribute.name, budget)? {
                ("", "xmlns") => "",
                ("xmlns", declared) => declared,
                _ => continue,
            };
            let limit = budget.limits.namespaces_max;
            if self.bindings.len() >= limit {
                return Err(error(XmlErrorKind::TooManyNamespaces { limit }));
            }
            let binding = Binding::new(declared, normal_value(attribute.value)).map_err(error)?;
            self.bindings.push(binding);
        }
        Ok(())
    }

    /// Gives every other attribute its namespace.
    fn resolve_attributes(&mut self, budget: &mut Budget) -> Result<(), XmlError> {
        self.attributes.clear();
        for attribute in &self.written {
            let error = |kind| XmlError::new(attribute.at, kind);
            let (prefix, local) = attribute
                .name
                .split_once(':')
                .unwrap_or(("", attribute.name));
            let namespace = match prefix {
                "xmlns" => continue,
                "" if local == "xmlns" => continue,
                "" => Cow::Borrowed(""),
                _ => {
                    let steps = self.bindings.len().saturating_add(self.attributes.len());
                    budget.spend(attribute.at, steps)?;
                    let namespace = resolve(&self.bindings, prefix).map_err(error)?;
                    // ET-68: the same expanded name under two prefixes.
                    let twice =
                        |a: &GateAttribute<'_>| a.local == local && a.namespace == namespace;
                    if self.attributes.iter().any(twice) {
                        return Err(error(XmlErrorKind::DuplicateAttribute));
                    }
                    namespace
                }
            };
            self.attributes.push(GateAttribute {
                at: attribute.at,
                namespace,
                local,
                raw: attribute.value,
            });
        }
        Ok(())
    }
}

/// A qualified name as prefix and local name.
fn split_name<'a>(
    at: usize,
    name: &'a str,
    budget: &Budget,
) -> Result<(&'a str, &'a str), XmlError> {
    let limit = budget.limits.name_octets_max;
    if name.len() > limit {
        return Err(XmlError::new(at, XmlErrorKind::NameTooLong { limit }));
    }
    let (prefix, local) = name.split_once(':').unwrap_or(("", name));
    let prefixed = local.len() < name.len();
    if !is_local_name(local) || (prefixed && !is_local_name(prefix)) {
        return Err(XmlError::new(at, XmlErrorKind::IllegalName));
    }
    Ok((prefix, local))
}
