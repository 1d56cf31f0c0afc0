//! The machine as its files tell it: mounts, accounts, processes, units, audit rules, kernel settings.

mod accounts;
mod audit_rules;
mod loaded_rules;
mod mounts;
mod processes;
mod units;

pub(crate) use accounts::Accounts;
pub(crate) use audit_rules::AuditRules;
pub(crate) use mounts::{Mount, holding, mounts};
pub(crate) use processes::{Process, Processes, command_line, effective_uid};
pub(crate) use units::{Unit, words};

/// The unit that a snap of Docker has.
pub(crate) const SNAP_UNIT: &str = "snap.docker.dockerd.service";

use seawall_finding::Subject;

use crate::root::{Root, Unread};

/// The machine.
#[derive(Debug)]
pub(crate) struct Host<'a> {
    pub(crate) root: &'a Root,
    pub(crate) name: String,
    pub(crate) mounts: Result<Vec<Mount>, Unread>,
    pub(crate) accounts: Accounts,
    pub(crate) processes: Processes,
    pub(crate) audit_rules: AuditRules,
}

impl Host<'_> {
    pub(crate) fn look(root: &Root) -> Host<'_> {
        let name = ["/proc/sys/kernel/hostname", "/etc/hostname"];
        let name = name.iter().find_map(|path| root.text(path).ok()).unwrap_or_default();
        let loaded = if root.is_live() { loaded_rules::watched_paths() } else { None };
        Host {
            root,
            name: name.trim().to_owned(),
            mounts: mounts(root),
            accounts: Accounts::read(root),
            processes: Processes::look(root),
            audit_rules: AuditRules::read(root, loaded),
        }
    }

    pub(crate) fn subject(&self) -> Subject {
        Subject::Host { name: self.name.clone() }
    }

    /// A unit with its drop-ins, where there is one.
    pub(crate) fn unit(&self, name: &str) -> Result<Unit, Unread> {
        Unit::read(self.root, name)
    }

    /// The unit of the Docker daemon, of its package or its snap.
    pub(crate) fn docker_unit(&self) -> Result<Unit, Unread> {
        self.unit("docker.service").or_else(|error| self.unit(SNAP_UNIT).map_err(|_| error))
    }

    /// A kernel setting of `/proc/sys`, by its name with dots.
    pub(crate) fn sysctl(&self, name: &str) -> Result<String, Unread> {
        Ok(self.root.text(&format!("/proc/sys/{}", name.replace('.', "/")))?.trim().to_owned())
    }

    /// The first of these programs' paths that exists.
    pub(crate) fn program(&self, name: &str) -> Option<String> {
        const DIRECTORIES: [&str; 6] =
            ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/bin", "/sbin"];
        DIRECTORIES.iter().map(|directory| format!("{directory}/{name}")).find(|path| self.root.exists(path))
    }

    /// The security modules of the kernel, where it tells.
    pub(crate) fn security_modules(&self) -> Result<Vec<String>, Unread> {
        match self.root.text("/sys/kernel/security/lsm") {
            Ok(text) => {
                Ok(text.trim().split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect())
            }
            // Without securityfs a module still shows itself.
            Err(Unread::Absent) if self.root.exists("/sys/kernel") => {
                let signs = [
                    ("apparmor", "/sys/module/apparmor/parameters/enabled"),
                    ("selinux", "/sys/fs/selinux/enforce"),
                ];
                let is_on =
                    |path: &str| self.root.text(path).is_ok_and(|text| text.starts_with(['Y', '1', '0']));
                Ok(signs.iter().filter(|(_, path)| is_on(path)).map(|(name, _)| (*name).to_owned()).collect())
            }
            Err(error) => Err(error),
        }
    }
}
