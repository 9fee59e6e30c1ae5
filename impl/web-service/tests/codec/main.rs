//! The codec: what is written, what is read, and what is refused.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod aspnet;
#[cfg(test)]
mod described;
#[cfg(test)]
mod forms;
#[cfg(test)]
mod hazards;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod query;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod spec;
