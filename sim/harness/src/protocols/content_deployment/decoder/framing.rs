//! Where one HTTP/1.1 message ends and the next begins, octet by octet.

/// The longest head that is read; what is longer is no HTTP to the decoder.
const HEAD_OCTETS_MAX: usize = 128 << 10;

/// Room for the heads of most messages.
const HEAD_OCTETS: usize = 512;

/// The longest line of a chunk's size or of a trailer.
const LINE_OCTETS_MAX: usize = 8 << 10;

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Framing {
    /// It has so many octets.
    Length(u64),
    /// It comes in chunks.
    Chunked,
    /// It ends with the connection, so that nothing follows it.
    UntilClose,
}

/// What the messages of one direction say.
pub(in super::super) trait Side {
    /// Takes a whole head.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn head(&mut self, head: &[u8]) -> Result<Framing, &'static str>;

    /// Takes the next octets of the body.
    fn body(&mut self, octets: &[u8]);
}

/// What came of some octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Found {
    /// They are not the end of anything.
    Nothing,
    /// A message of so many octets ends with the last of those taken.
    Message(u64),
    /// From here on the stream cannot be read; why, and how many octets were taken since the last
    /// message.
    Lost(&'static str, u64),
}

/// Finds the messages of one direction of a connection.
#[derive(Debug, Default)]
pub(in super::super) struct Stream {
    state: State,
    /// Octets of the message that is being read.
    octets: u64,
}

#[derive(Debug)]
enum State {
    Head(Vec<u8>),
    /// So many octets of the body are to come.
    Body(u64),
    Chunk(Chunk),
    Silent,
}

/// A chunked body.
#[derive(Debug)]
enum Chunk {
    /// The line with the size.
    Size(Vec<u8>),
    /// So many octets of the chunk are to come.
    Octets(u64),
    /// The end of the line behind them.
    Behind,
    /// The trailer: so many octets of its present line.
    Trailer(usize),
}

impl Default for State {
    fn default() -> Self {
        Self::Head(Vec::new())
    }
}

impl Stream {
    /// Takes octets from the front of `octets`, up to the end of a message if one ends there.
    pub(in super::super) fn take(&mut self, octets: &mut &[u8], side: &mut impl Side) -> Found {
        while let Some((&first, rest)) = octets.split_first() {
            let found = match &mut self.state {
                State::Silent => {
                    *octets = &[];
                    return Found::Nothing;
                }
                State::Body(left) | State::Chunk(Chunk::Octets(left)) => {
                    let here = u64::try_from(octets.len()).unwrap_or(u64::MAX);
                    let count = usize::try_from(here.min(*left)).unwrap_or(octets.len());
                    let (now, later) = octets.split_at(count);
                    side.body(now);
                    *octets = later;
                    *left -= here.min(*left);
                    self.octets += here - u64::try_from(later.len()).unwrap_or(0);
                    self.emptied()
                }
                State::Head(head) => {
                    // A head ends with a line, so that lines are looked at and not octets.
                    let end = octets.iter().position(|octet| *octet == b'\n');
                    let line = end.map_or(octets.len(), |end| end + 1);
                    let (now, later) = octets.split_at(line.min(HEAD_OCTETS_MAX - head.len()));
                    if head.is_empty() {
                        head.reserve(HEAD_OCTETS);
                    }
                    head.extend_from_slice(now);
                    *octets = later;
                    self.octets += now.len() as u64;
                    self.grown(side)
                }
                State::Chunk(chunk) => {
                    *octets = rest;
                    self.octets += 1;
                    match chunk.step(first) {
                        Ok(false) => Found::Nothing,
                        Ok(true) => self.end(),
                        Err(problem) => self.lose(problem),
                    }
                }
            };
            if found != Found::Nothing {
                return found;
            }
        }
        Found::Nothing
    }

    /// The head has grown by a line or a part of one; it is shorter than the longest.
    fn grown(&mut self, side: &mut impl Side) -> Found {
        let State::Head(head) = &mut self.state else {
            return Found::Nothing;
        };
        // Empty lines before a message are not part of it, and readers pass over them.
        if matches!(head.as_slice(), b"\r\n" | b"\n") {
            head.clear();
            return Found::Nothing;
        }
        if !head.ends_with(b"\n\r\n") && !head.ends_with(b"\n\n") {
            return match head.len() < HEAD_OCTETS_MAX {
                true => Found::Nothing,
                false => self.lose("head-too-long"),
            };
        }
        let head = std::mem::take(head);
        match side.head(&head) {
            Ok(Framing::Length(length)) => {
                self.state = State::Body(length);
                self.emptied()
            }
            Ok(Framing::Chunked) => {
                self.state = State::Chunk(Chunk::Size(Vec::new()));
                Found::Nothing
            }
            Ok(Framing::UntilClose) => {
                let found = self.end();
                self.state = State::Silent;
                found
            }
            Err(problem) => self.lose(problem),
        }
    }

    /// A body or a chunk may be at its end.
    fn emptied(&mut self) -> Found {
        match &mut self.state {
            State::Body(0) => self.end(),
            State::Chunk(chunk @ Chunk::Octets(0)) => {
                *chunk = Chunk::Behind;
                Found::Nothing
            }
            State::Head(_) | State::Body(_) | State::Chunk(_) | State::Silent => Found::Nothing,
        }
    }

    fn end(&mut self) -> Found {
        self.state = State::default();
        Found::Message(std::mem::take(&mut self.octets))
    }

    fn lose(&mut self, problem: &'static str) -> Found {
        self.state = State::Silent;
        Found::Lost(problem, std::mem::take(&mut self.octets))
    }
}

impl Chunk {
    /// Takes one octet that is not in a chunk; whether the body is over.
    fn step(&mut self, octet: u8) -> Result<bool, &'static str> {
        match self {
            Self::Size(line) if octet == b'\n' => {
                *self = match size(line).ok_or("chunk-size")? {
                    0 => Self::Trailer(0),
                    size => Self::Octets(size),
                };
            }
            Self::Size(line) if line.len() < LINE_OCTETS_MAX => line.push(octet),
            Self::Behind if octet == b'\n' => *self = Self::Size(Vec::new()),
            Self::Behind if octet == b'\r' => {}
            Self::Trailer(length) => match octet {
                b'\n' if *length == 0 => return Ok(true),
                b'\n' => *length = 0,
                b'\r' => {}
                _ if *length < LINE_OCTETS_MAX => *length += 1,
                _ => return Err("trailer-too-long"),
            },
            Self::Size(_) | Self::Octets(_) | Self::Behind => return Err("chunk-framing"),
        }
        Ok(false)
    }
}

/// The size in the line before a chunk, without its extensions.
fn size(line: &[u8]) -> Option<u64> {
    let line = std::str::from_utf8(line).ok()?;
    let digits = line.split(';').next()?.trim();
    u64::from_str_radix(digits, 16).ok()
}
