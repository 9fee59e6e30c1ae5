//! Nothing of its own: the benches are the targets of this package, described in its README.
