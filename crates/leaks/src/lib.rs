//! Leaked credentials: a file's bytes → findings with `Evidence::Leaked`.
//!
//! Owns the rules (`rules/leaks/*.yaml`), the engine that runs them in one pass, and the extractors that know
//! where credential files keep theirs. Refuses I/O, network, and ever handing out a value.
