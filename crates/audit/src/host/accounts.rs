//! `/etc/passwd`, `/etc/group`: the users and groups of the files; those of a directory service are not seen.

use crate::limits::LINES_MAX;
use crate::root::{Root, Unread};

/// Users and groups.
#[derive(Debug)]
pub(crate) struct Accounts {
    pub(crate) users: Result<Vec<User>, Unread>,
    pub(crate) groups: Result<Vec<Group>, Unread>,
}

/// A line of `/etc/passwd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// A line of `/etc/group`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) gid: u32,
    pub(crate) members: Vec<String>,
}

impl Accounts {
    pub(crate) fn read(root: &Root) -> Accounts {
        Accounts {
            users: root
                .text("/etc/passwd")
                .map(|text| text.lines().take(LINES_MAX).filter_map(user).collect()),
            groups: root
                .text("/etc/group")
                .map(|text| text.lines().take(LINES_MAX).filter_map(group).collect()),
        }
    }

    pub(crate) fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().flatten().find(|group| group.name == name)
    }

    /// Everybody who is in a group, by its line or as their own group.
    pub(crate) fn members(&self, group: &Group) -> Vec<String> {
        let mut members = group.members.clone();
        let own = self.users.iter().flatten().filter(|user| user.gid == group.gid);
        members.extend(own.map(|user| user.name.clone()));
        members.sort_unstable();
        members.dedup();
        members
    }

    pub(crate) fn user_name(&self, uid: u32) -> String {
        let user = self.users.iter().flatten().find(|user| user.uid == uid);
        user.map_or_else(|| uid.to_string(), |user| user.name.clone())
    }

    pub(crate) fn group_name(&self, gid: u32) -> String {
        let group = self.groups.iter().flatten().find(|group| group.gid == gid);
        group.map_or_else(|| gid.to_string(), |group| group.name.clone())
    }
}

fn user(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let (name, _, uid, gid) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    Some(User { name: name.to_owned(), uid: uid.parse().ok()?, gid: gid.parse().ok()? })
}

fn group(line: &str) -> Option<Group> {
    let mut fields = line.split(':');
    let (name, _, gid) = (fields.next()?, fields.next()?, fields.next()?);
    let members = fields.next().unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
    Some(Group {
        name: name.to_owned(),
        gid: gid.parse().ok()?,
        members: members.map(str::to_owned).collect(),
    })
}
