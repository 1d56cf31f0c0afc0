//! Ruby gems: the specifications that RubyGems writes of what it installs, and Bundler's lock file.

mod bundler;
mod installed;

use crate::Reader;

pub(crate) const READERS: &[Reader] = &[installed::READER, bundler::READER];
