//! Data units: a length of four octets, which counts itself, and one document.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// The octets of the length. ET-25
pub const LENGTH_OCTETS: usize = 4;

/// Why a stream is not one data unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length is below 4: it does not even count itself.
    #[error("frame-too-short")]
    TooShort,
    /// The length is 4: no document follows.
    #[error("frame-empty")]
    Empty,
    /// The length is above the cap.
    #[error("frame-too-long")]
    TooLong,
    /// The length is above the cap, and what it really is begins a TLS record.
    #[error("the peer speaks TLS")]
    Tls,
    /// The stream ended inside the data unit. ET-28
    #[error("frame-truncated")]
    Truncated,
    /// The stream ended before a data unit began.
    #[error("no frame")]
    Absent,
}

impl FrameError {
    /// The name in histories and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooShort => "frame-too-short",
            Self::Empty => "frame-empty",
            Self::TooLong => "frame-too-long",
            Self::Tls => "tls-record",
            Self::Truncated => "frame-truncated",
            Self::Absent => "no-frame",
        }
    }
}

/// The octets of the document that a length announces.
///
/// # Errors
/// The rule that the length breaks.
fn document_octets(length: [u8; LENGTH_OCTETS], frame_max: usize) -> Result<usize, FrameError> {
    // ET-26: decided on the number alone, before anything of that size is reserved.
    let number = usize::try_from(u32::from_be_bytes(length)).map_err(|_| FrameError::TooLong)?;
    match number.checked_sub(LENGTH_OCTETS) {
        None => Err(FrameError::TooShort),
        Some(0) => Err(FrameError::Empty),
        Some(_) if number > frame_max && begins_tls(length) => Err(FrameError::Tls),
        Some(_) if number > frame_max => Err(FrameError::TooLong),
        Some(octets) => Ok(octets),
    }
}

/// Whether these are the first octets of a TLS record: its type, then the version 3.x. Read as a
/// length they are above any cap.
const fn begins_tls(octets: [u8; LENGTH_OCTETS]) -> bool {
    matches!(octets, [20..=23, 3, 0..=4, _])
}

/// Reads the length of one data unit and returns how many octets the document has.
///
/// # Errors
/// What the stream says, and in `Ok(Err(..))` what is wrong with the data unit.
async fn read_length(
    stream: &mut (impl AsyncRead + Unpin),
    frame_max: usize,
) -> io::Result<Result<usize, FrameError>> {
    let mut length = [0; LENGTH_OCTETS];
    let mut held = 0_usize;
    while let Some(rest) = length.get_mut(held..).filter(|rest| !rest.is_empty()) {
        match stream.read(rest).await? {
            0 if held == 0 => return Ok(Err(FrameError::Absent)),
            // ET-28: an end inside the data unit is truncation, never an end of message.
            0 => return Ok(Err(FrameError::Truncated)),
            octets => held = held.saturating_add(octets),
        }
    }
    Ok(document_octets(length, frame_max))
}

/// Reads exactly one data unit and nothing beyond it, and returns its document.
///
/// `permit` is asked once the length is known and accepted, and before memory for the document is
/// taken; what it returns is held until the document has been read and returned with it.
///
/// # Errors
/// What the stream says, and in `Ok(Err(..))` what is wrong with the data unit.
pub async fn read_unit<P>(
    stream: &mut (impl AsyncRead + Unpin),
    frame_max: usize,
    permit: impl AsyncFnOnce(usize) -> P,
) -> io::Result<Result<(Vec<u8>, P), FrameError>> {
    let octets = match read_length(stream, frame_max).await? {
        Ok(octets) => octets,
        Err(error) => return Ok(Err(error)),
    };
    let permit = permit(octets).await;
    let mut document = Vec::with_capacity(octets);
    // ET-27: nothing looks into the document before all of it is here.
    let limit = u64::try_from(octets).unwrap_or(u64::MAX);
    stream.take(limit).read_to_end(&mut document).await?;
    if document.len() < octets {
        return Ok(Err(FrameError::Truncated));
    }
    Ok(Ok((document, permit)))
}

/// Puts data units together from octets as they arrive, without a stream.
///
/// The result depends on the octets only, never on where they are split (ET-31).
#[derive(Debug)]
pub struct Reassembly {
    frame_max: usize,
    length: Vec<u8>,
    document: Vec<u8>,
    /// The octets that the document will have, once the length is known.
    expected: Option<usize>,
}

impl Reassembly {
    /// Waits for the first octet of a data unit of at most `frame_max` octets.
    #[must_use]
    pub const fn new(frame_max: usize) -> Self {
        Self {
            frame_max,
            length: Vec::new(),
            document: Vec::new(),
            expected: None,
        }
    }

    /// Takes octets up to the end of the current data unit; returns how many it took and whether
    /// the data unit is complete.
    ///
    /// # Errors
    /// What is wrong with the length. Must not be fed after that.
    pub fn feed(&mut self, octets: &[u8]) -> Result<(usize, bool), FrameError> {
        let mut taken = 0_usize;
        for octet in octets
            .iter()
            .take(LENGTH_OCTETS.saturating_sub(self.length.len()))
        {
            self.length.push(*octet);
            taken = taken.saturating_add(1);
        }
        let Ok(length) = <[u8; LENGTH_OCTETS]>::try_from(self.length.as_slice()) else {
            return Ok((taken, false));
        };
        let expected = match self.expected {
            Some(expected) => expected,
            None => document_octets(length, self.frame_max)?,
        };
        self.expected = Some(expected);
        let rest = octets.get(taken..).unwrap_or_default();
        let missing = expected.saturating_sub(self.document.len());
        let piece = rest.get(..missing).unwrap_or(rest);
        self.document.extend_from_slice(piece);
        Ok((
            taken.saturating_add(piece.len()),
            self.document.len() == expected,
        ))
    }

    /// The document of the complete data unit and the data unit's octets; waits for the next one.
    pub fn take(&mut self) -> (Vec<u8>, usize) {
        let octets = self.held();
        self.length.clear();
        self.expected = None;
        (std::mem::take(&mut self.document), octets)
    }

    /// The octets of the current data unit that have arrived.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.length.len().saturating_add(self.document.len())
    }

    /// What is wrong when the stream ends here; `None` between data units.
    #[must_use]
    pub const fn end(&self) -> Option<FrameError> {
        if self.held() > 0 {
            Some(FrameError::Truncated)
        } else {
            None
        }
    }
}
