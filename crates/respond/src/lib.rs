//! Carries out responses: kill, freeze, isolate, stop, quarantine, capture; guarded, rehearsal first.
//!
//! Owns the actions, their guards and their receipts. Refuses the decision what to do about a finding (`policy`) and
//! how people hear of it (`deliver`).
