//! d
/// x
pub struct Ability;
/// x
pub struct Report;
/// x
pub fn doctor() -> Report { Report }
