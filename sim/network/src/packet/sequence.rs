//! TCP sequence numbers.

use std::ops::{Add, Sub};

/// A sequence number; arithmetic wraps and comparison is meaningful within 2^31 (RFC 9293 3.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sequence(pub u32);

impl Sequence {
    /// How far this number is ahead of `other`; negative when it is behind.
    #[must_use]
    pub const fn ahead_of(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0).cast_signed()
    }

    /// Whether this number comes after `other`.
    #[must_use]
    pub const fn is_after(self, other: Self) -> bool {
        self.ahead_of(other) > 0
    }

    /// Whether this number comes before `other`.
    #[must_use]
    pub const fn is_before(self, other: Self) -> bool {
        self.ahead_of(other) < 0
    }
}

impl Add<u32> for Sequence {
    type Output = Self;

    fn add(self, octets: u32) -> Self {
        Self(self.0.wrapping_add(octets))
    }
}

impl Sub<u32> for Sequence {
    type Output = Self;

    fn sub(self, octets: u32) -> Self {
        Self(self.0.wrapping_sub(octets))
    }
}
