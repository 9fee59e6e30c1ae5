//! The codec: what is written, what is read, and what is refused.

mod properties;
