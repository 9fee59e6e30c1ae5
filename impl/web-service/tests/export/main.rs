//! Exports with real files, and what their imports make of a site.

#[cfg(test)]
mod failing;
#[cfg(test)]
mod full;
#[cfg(test)]
mod incremental;
#[cfg(test)]
mod quick;
#[cfg(test)]
mod world;
