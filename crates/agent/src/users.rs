//! Stand-in until the branch wt-context is merged.

use std::path::Path;

use seawall_event::{Group, User};

/// Names of users.
#[derive(Debug)]
pub struct Users;

impl Users {
    /// Of the machine below this `/proc`.
    pub fn new(_: &Path) -> Self {
        Self
    }

    /// A user as the process's own files name it.
    pub fn user(&mut self, _: u32, _: u32, uid: u32) -> User {
        let name = (uid == 0).then(|| "root".to_owned());
        User { uid: i64::from(uid), name, ..User::default() }
    }

    /// A group likewise.
    pub fn group(&mut self, _: u32, _: u32, gid: u32) -> Group {
        Group { gid: i64::from(gid), name: None }
    }
}
