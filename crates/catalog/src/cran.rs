//! R packages: what is installed in a library, and the lock file of renv.

mod installed;
mod renv;

use crate::Reader;

pub(crate) const READERS: &[Reader] = &[installed::READER, renv::READER];
