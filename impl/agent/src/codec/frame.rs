//! Data units: a length of four octets, which counts itself, and one document.

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
    /// The stream ended inside the data unit. ET-28
    #[error("frame-truncated")]
    Truncated,
    /// The stream ended before a data unit began.
    #[error("no frame")]
    Absent,
}
