//! The strict pass over a document: one token at a time, each checked before it is given out.

use quick_xml::Reader;
use quick_xml::errors::{Error as Tokenizer, IllFormedError, SyntaxError};
use quick_xml::events::Event;

use crate::attribute::Attributes;
use crate::character::{first_illegal, is_space, resolve, section_end};
use crate::limits::Dialect;
use crate::scope::{Budget, Name, Scope};
use crate::{Encoding, Limits, XmlError, XmlErrorKind};

/// Whether `octets` are a document that the gate lets through; builds nothing.
///
/// Time is linear in the octets, memory is bounded by the limits of depth, attributes and
/// namespaces, and the stack does not grow with the input (ET-67).
///
/// # Errors
/// The first rule of the crate's documentation that the document breaks.
pub fn check(octets: &[u8], limits: &Limits) -> Result<(), XmlError> {
    let mut gate = Gate::new(octets, limits)?;
    while !matches!(gate.next_token()?, Token::End) {}
    Ok(())
}

/// What the gate gives out.
#[derive(Clone, Debug)]
pub(crate) enum Token<'a> {
    /// An element begins; its attributes and declarations are in the gate until the next token.
    Open(Name<'a>),
    /// The innermost open element ends.
    Close,
    /// Text inside the root, as written and without references.
    Text { at: usize, raw: &'a str },
    /// A reference inside the root.
    Reference { at: usize, means: char },
    /// The text of a CDATA section inside the root, as written.
    Section { at: usize, raw: &'a str },
    /// The document is over and good.
    End,
}

/// The pass itself.
#[derive(Debug)]
pub(crate) struct Gate<'a> {
    source: &'a str,
    encoding: Encoding,
    budget: Budget,
    reader: Reader<&'a [u8]>,
    scope: Scope<'a>,
    elements: usize,
    text_octets: usize,
    /// An empty-element tag was opened and is closed next.
    closes: bool,
}

impl<'a> Gate<'a> {
    /// Checks the octets as such; the tokens follow.
    pub(crate) fn new(octets: &'a [u8], limits: &Limits) -> Result<Self, XmlError> {
        check_length(octets.len(), limits)?;
        // ET-63: the whole of it, before the tokenizer sees any of it.
        let source = std::str::from_utf8(octets)
            .map_err(|error| XmlError::new(error.valid_up_to(), XmlErrorKind::InvalidUtf8))?;
        if source.starts_with('\u{FEFF}') {
            return Err(XmlError::new(0, XmlErrorKind::ByteOrderMark));
        }
        Self::of_text(source, Encoding::Utf8, limits)
    }

    /// Checks the characters of a document that came in the given encoding; the tokens follow.
    pub(crate) fn of_text(
        source: &'a str,
        encoding: Encoding,
        limits: &Limits,
    ) -> Result<Self, XmlError> {
        check_length(source.len(), limits)?;
        // ET-65: raw characters; referenced ones follow with their references.
        if let Some(at) = first_illegal(source) {
            return Err(XmlError::new(at, XmlErrorKind::IllegalCharacter));
        }
        let mut reader = Reader::from_str(source);
        // The gate's own stack compares end tags, without the copies that the reader would make.
        let config = reader.config_mut();
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        Ok(Self {
            source,
            encoding,
            budget: Budget::new(*limits, source.len()),
            reader,
            scope: Scope::new(),
            elements: 0,
            text_octets: 0,
            closes: false,
        })
    }

    /// What is in scope inside the element just opened.
    pub(crate) const fn scope(&self) -> &Scope<'a> {
        &self.scope
    }

    /// The next token. Must not be called again after an error or [`Token::End`].
    pub(crate) fn next_token(&mut self) -> Result<Token<'a>, XmlError> {
        if self.closes {
            self.closes = false;
            self.close();
            return Ok(Token::Close);
        }
        loop {
            let at = self.position();
            self.refuse_special(at)?;
            self.budget.spend(at, 1)?;
            let event = self
                .reader
                .read_event()
                .map_err(|error| XmlError::new(at, tokenizer_kind(&error)))?;
            let token = match event {
                Event::Start(_) => Some(self.open(at, ">")?),
                Event::Empty(_) => {
                    self.closes = true;
                    Some(self.open(at, "/>")?)
                }
                Event::End(_) => Some(self.end_tag(at)?),
                Event::Text(_) => self.text(at)?,
                Event::GeneralRef(name) => Some(self.reference(at, &name)?),
                Event::Eof => Some(self.end(at)?),
                Event::Decl(_) => {
                    self.declaration()?;
                    None
                }
                Event::Comment(_) => {
                    self.comment(at)?;
                    None
                }
                Event::CData(_) => self.section(at)?,
                Event::PI(_) | Event::DocType(_) => {
                    return Err(XmlError::new(at, XmlErrorKind::MalformedMarkup));
                }
            };
            if let Some(token) = token {
                return Ok(token);
            }
        }
    }

    fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    /// What the tokenizer consumed since `at`.
    fn consumed(&self, at: usize) -> &'a str {
        self.source.get(at..self.position()).unwrap_or_default()
    }

    /// ET-64: everything that begins with `<!` or `<?` is refused before the tokenizer looks for
    /// its end; an XML declaration is good at the start only, comments and CDATA sections where
    /// the dialect has them.
    fn refuse_special(&self, at: usize) -> Result<(), XmlError> {
        let rest = self.source.as_bytes().get(at..).unwrap_or_default();
        let is_soap = self.budget.limits.dialect == Dialect::Soap;
        let kind = match rest {
            [b'<', b'!', b'-', b'-', ..] if is_soap => return Ok(()),
            [b'<', b'!', b'[', ..] if is_soap && rest.starts_with(b"<![CDATA[") => return Ok(()),
            [b'<', b'!', b'-' | b'[', ..] if is_soap => XmlErrorKind::MalformedMarkup,
            [b'<', b'?', b'x', b'm', b'l', next, ..] if is_space(*next) || *next == b'?' => {
                if at == 0 {
                    return Ok(());
                }
                XmlErrorKind::DeclarationMisplaced
            }
            [b'<', b'?', ..] => XmlErrorKind::ProcessingInstruction,
            [b'<', b'!', b'-', ..] => XmlErrorKind::Comment,
            [b'<', b'!', b'[', ..] => XmlErrorKind::CdataSection,
            [b'<', b'!', b'D' | b'd', ..] => XmlErrorKind::Doctype,
            [b'<', b'!', ..] => XmlErrorKind::MalformedMarkup,
            _ => return Ok(()),
        };
        Err(XmlError::new(at, kind))
    }

    fn declaration(&self) -> Result<(), XmlError> {
        let text = self.consumed(0);
        let inner = text
            .strip_prefix("<?xml")
            .and_then(|text| text.strip_suffix("?>"))
            .unwrap_or_default();
        let mut attributes = Attributes::new(inner, 5);
        let mut last = 0;
        while let Some(attribute) = attributes.read_next().map_err(|error| XmlError {
            kind: XmlErrorKind::InvalidDeclaration,
            ..error
        })? {
            let value = attribute.value;
            // The order is fixed and the version is required.
            let (place, verdict) = match attribute.name {
                "version" if last == 0 => (1, (value != "1.0", XmlErrorKind::UnsupportedVersion)),
                "encoding" if last == 1 => {
                    let foreign = !value.eq_ignore_ascii_case(self.encoding.name());
                    let kind = match self.encoding {
                        Encoding::Utf8 => XmlErrorKind::EncodingNotUtf8,
                        Encoding::Utf16 => XmlErrorKind::EncodingContradicted,
                    };
                    (2, (foreign, kind))
                }
                "standalone" if last == 1 || last == 2 => {
                    let odd = !matches!(value, "yes" | "no");
                    (3, (odd, XmlErrorKind::InvalidDeclaration))
                }
                _ => (3, (true, XmlErrorKind::InvalidDeclaration)),
            };
            if let (true, kind) = verdict {
                return Err(XmlError::new(attribute.at, kind));
            }
            last = place;
        }
        if last == 0 {
            return Err(XmlError::new(0, XmlErrorKind::InvalidDeclaration));
        }
        Ok(())
    }

    fn text(&mut self, at: usize) -> Result<Option<Token<'a>>, XmlError> {
        let raw = self.consumed(at);
        if self.scope.depth() == 0 {
            // ET-66: white space only.
            return match raw.bytes().position(|octet| !is_space(octet)) {
                None => Ok(None),
                Some(index) => Err(XmlError::new(
                    at.saturating_add(index),
                    XmlErrorKind::ContentOutsideRoot,
                )),
            };
        }
        self.count_text(at, raw.len())?;
        if let Some(index) = section_end(raw) {
            return Err(XmlError::new(
                at.saturating_add(index),
                XmlErrorKind::SectionEndInText,
            ));
        }
        Ok(Some(Token::Text { at, raw }))
    }

    fn reference(&mut self, at: usize, name: &str) -> Result<Token<'a>, XmlError> {
        if self.scope.depth() == 0 {
            return Err(XmlError::new(at, XmlErrorKind::ContentOutsideRoot));
        }
        self.count_text(at, name.len().saturating_add(2))?;
        let means = resolve(name).map_err(|kind| XmlError::new(at, kind))?;
        Ok(Token::Reference { at, means })
    }

    /// A comment holds no `--` and does not end with a third hyphen.
    fn comment(&self, at: usize) -> Result<(), XmlError> {
        let inner = self.consumed(at).strip_prefix("<!--");
        match inner.and_then(|comment| comment.strip_suffix("-->")) {
            Some(inner) if !inner.contains("--") && !inner.ends_with('-') => Ok(()),
            Some(_) | None => Err(XmlError::new(at, XmlErrorKind::MalformedMarkup)),
        }
    }

    fn section(&mut self, at: usize) -> Result<Option<Token<'a>>, XmlError> {
        if self.scope.depth() == 0 {
            return Err(XmlError::new(at, XmlErrorKind::ContentOutsideRoot));
        }
        let inner = self.consumed(at).strip_prefix("<![CDATA[");
        let raw = inner
            .and_then(|section| section.strip_suffix("]]>"))
            .ok_or(XmlError::new(at, XmlErrorKind::MalformedMarkup))?;
        self.count_text(at, raw.len())?;
        Ok((!raw.is_empty()).then_some(Token::Section { at, raw }))
    }

    fn count_text(&mut self, at: usize, octets: usize) -> Result<(), XmlError> {
        self.text_octets = self.text_octets.saturating_add(octets);
        let limit = self.budget.limits.text_octets_max;
        if self.text_octets > limit {
            return Err(XmlError::new(at, XmlErrorKind::TextTooLong { limit }));
        }
        Ok(())
    }

    fn end(&self, at: usize) -> Result<Token<'a>, XmlError> {
        // ET-66: the tokenizer reports a clean end also where elements are open.
        if let Some((open_at, _)) = self.scope.innermost() {
            return Err(XmlError::new(open_at, XmlErrorKind::UnclosedElement));
        }
        if self.elements == 0 {
            return Err(XmlError::new(at, XmlErrorKind::NoRoot));
        }
        Ok(Token::End)
    }

    fn end_tag(&mut self, at: usize) -> Result<Token<'a>, XmlError> {
        let tag = self.consumed(at);
        let name = tag
            .strip_prefix("</")
            .and_then(|tag| tag.strip_suffix('>'))
            .unwrap_or_default()
            .trim_end_matches([' ', '\t', '\r', '\n']);
        if self.scope.innermost().is_none_or(|(_, open)| open != name) {
            return Err(XmlError::new(at, XmlErrorKind::MismatchedEndTag));
        }
        self.close();
        Ok(Token::Close)
    }

    fn close(&mut self) {
        self.scope.leave();
        self.text_octets = 0;
    }

    /// Opens the element whose tag, which ends with `bracket`, was just consumed.
    fn open(&mut self, at: usize, bracket: &str) -> Result<Token<'a>, XmlError> {
        if self.scope.depth() == 0 && self.elements > 0 {
            return Err(XmlError::new(at, XmlErrorKind::SecondRoot));
        }
        self.elements = self.elements.saturating_add(1);
        let limit = self.budget.limits.elements_max;
        if self.elements > limit {
            return Err(XmlError::new(at, XmlErrorKind::TooManyElements { limit }));
        }
        let limit = self.budget.limits.depth_max;
        if self.scope.depth() >= limit {
            return Err(XmlError::new(at, XmlErrorKind::TooDeep { limit }));
        }
        self.text_octets = 0;
        let tag = self
            .consumed(at)
            .strip_prefix('<')
            .and_then(|tag| tag.strip_suffix(bracket))
            .unwrap_or_default();
        let name = self
            .scope
            .enter(tag, at.saturating_add(1), &mut self.budget)?;
        Ok(Token::Open(name))
    }
}

fn check_length(octets: usize, limits: &Limits) -> Result<(), XmlError> {
    let limit = limits.octets_max;
    if octets > limit {
        let kind = XmlErrorKind::DocumentTooLong { limit };
        return Err(XmlError::new(limit, kind));
    }
    Ok(())
}

/// The rule that the tokenizer found broken.
fn tokenizer_kind(error: &Tokenizer) -> XmlErrorKind {
    match error {
        Tokenizer::Syntax(
            SyntaxError::UnclosedTag
            | SyntaxError::UnclosedSingleQuotedAttributeValue
            | SyntaxError::UnclosedDoubleQuotedAttributeValue
            | SyntaxError::UnclosedComment
            | SyntaxError::UnclosedCData,
        ) => XmlErrorKind::UnclosedMarkup,
        Tokenizer::Syntax(SyntaxError::UnclosedXmlDecl) => XmlErrorKind::InvalidDeclaration,
        Tokenizer::IllFormed(IllFormedError::UnclosedReference) => XmlErrorKind::MalformedReference,
        Tokenizer::Syntax(_)
        | Tokenizer::IllFormed(_)
        | Tokenizer::Io(_)
        | Tokenizer::InvalidAttr(_)
        | Tokenizer::Encoding(_)
        | Tokenizer::Escape(_)
        | Tokenizer::Namespace(_) => XmlErrorKind::MalformedMarkup,
    }
}
