//! One module for each verb: arguments → plan → result → exit code.

pub(crate) mod db;
pub(crate) mod diff;
pub(crate) mod explain;
pub(crate) mod manual;
pub(crate) mod sbom;
pub(crate) mod scan;
