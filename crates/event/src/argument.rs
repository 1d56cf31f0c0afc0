//! Arguments of events: names and values.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::FlagKind;

/// One argument.
#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    /// Its name in the event's schema.
    pub name: ArgumentName,
    /// Its value.
    pub value: ArgumentValue,
}

/// The value of an argument.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ArgumentValue {
    /// A number, a size, an id.
    Number(i64),
    /// A path, a name, anything that is text.
    Text(String),
    /// Flags or one of an enumeration, in Linux's numbers; shown by name.
    Flags {
        /// Which names.
        flags: FlagKind,
        /// The number.
        bits: u64,
    },
    /// A file descriptor with what it stands for.
    Descriptor {
        /// The number, or a negated error.
        fd: i64,
        /// Its path or tuple.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
    },
    /// A user or group id.
    User {
        /// The id.
        uid: u32,
        /// Its name in the container.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
}

impl ArgumentValue {
    /// As rules read it: the name of a number that has one, otherwise the number.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            ArgumentValue::Text(text) => Cow::Borrowed(text),
            ArgumentValue::Number(number) => Cow::Owned(number.to_string()),
            ArgumentValue::Flags { flags, bits } => flags.text(*bits),
            ArgumentValue::Descriptor { path: Some(path), .. } => Cow::Borrowed(path),
            ArgumentValue::Descriptor { fd, path: None } => Cow::Owned(fd.to_string()),
            ArgumentValue::User { name: Some(name), .. } => Cow::Borrowed(name),
            ArgumentValue::User { uid, name: None } => Cow::Owned(uid.to_string()),
        }
    }

    /// The number behind it, where there is one.
    pub fn number(&self) -> Option<i64> {
        match self {
            ArgumentValue::Number(number) => Some(*number),
            ArgumentValue::Text(text) => text.parse().ok(),
            ArgumentValue::Flags { bits, .. } => i64::try_from(*bits).ok(),
            ArgumentValue::Descriptor { fd, .. } => Some(*fd),
            ArgumentValue::User { uid, .. } => Some(i64::from(*uid)),
        }
    }
}

impl From<&str> for ArgumentValue {
    fn from(text: &str) -> ArgumentValue {
        ArgumentValue::Text(text.to_owned())
    }
}

impl From<i64> for ArgumentValue {
    fn from(number: i64) -> ArgumentValue {
        ArgumentValue::Number(number)
    }
}

/// The enumeration and its names, so that neither can lack the other.
macro_rules! argument_names {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// The names that arguments have in the schemas of Falco's events.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ArgumentName {
            $(
                #[doc = concat!("`", $name, "`.")]
                $variant
            ),+
        }

        impl ArgumentName {
            /// Every name.
            pub const ALL: &[ArgumentName] = &[$(ArgumentName::$variant),+];

            /// As rules write it.
            pub const fn name(self) -> &'static str {
                match self { $(ArgumentName::$variant => $name),+ }
            }
        }
    };
}

argument_names! {
    Addr = "addr", Address = "address", Args = "args", Arg2Int = "arg2_int", Arg2Str = "arg2_str",
    Backlog = "backlog", CapEffective = "cap_effective", CapInheritable = "cap_inheritable",
    CapPermitted = "cap_permitted", Cgroups = "cgroups", ClockId = "clockid", Cmd = "cmd", Comm = "comm",
    CreatFlags = "creat_flags", Cwd = "cwd", Data = "data", Dev = "dev", Dir = "dir", Dirfd = "dirfd",
    Domain = "domain", Egid = "egid", Env = "env", Euid = "euid", Exe = "exe", ExeIno = "exe_ino",
    ExeInoCtime = "exe_ino_ctime", ExeInoMtime = "exe_ino_mtime", Fd = "fd", FdIn = "fd_in", FdOut = "fd_out",
    Fdlimit = "fdlimit", Filename = "filename", Flags = "flags", Gid = "gid", Handle = "handle", How = "how",
    Img = "img", Ino = "ino", InitVal = "initval", Length = "length", Level = "level", Linkdirfd = "linkdirfd",
    Linkpath = "linkpath", Loginuid = "loginuid", Mask = "mask", Maxevents = "maxevents", Mode = "mode",
    Mountfd = "mountfd", Msgcontrol = "msgcontrol", Name = "name", Newcur = "newcur", Newdir = "newdir",
    Newdirfd = "newdirfd", Newfd = "newfd", Newpath = "newpath", Nstype = "nstype", Offset = "offset",
    Oldcur = "oldcur", Olddir = "olddir", Olddirfd = "olddirfd", Oldfd = "oldfd", Oldpath = "oldpath", Op = "op",
    Option = "option", Optname = "optname", Path = "path", Peer = "peer", PgftMaj = "pgft_maj",
    PgftMin = "pgft_min", Pgid = "pgid", Pid = "pid", Prot = "prot", Proto = "proto", Ptid = "ptid",
    Queuelen = "queuelen", Queuemax = "queuemax", Queuepct = "queuepct", Quotactl = "quota_fmt",
    Request = "request", Res = "res", Resolve = "resolve", Resource = "resource", Rgid = "rgid", Ruid = "ruid",
    Sgid = "sgid", Sig = "sig", Size = "size", Source = "source", Special = "special", Status = "status",
    Suid = "suid", Target = "target", TargetFd = "target_fd", Tid = "tid", TrustedExepath = "trusted_exepath",
    Tty = "tty", Tuple = "tuple", Type = "type", Uargs = "uargs", Uid = "uid", Val = "val", VmRss = "vm_rss",
    VmSize = "vm_size", VmSwap = "vm_swap", Vpgid = "vpgid", Vpid = "vpid", Vtid = "vtid", Whence = "whence",
}

impl ArgumentName {
    /// The argument of this name.
    pub fn named(name: &str) -> Option<ArgumentName> {
        ArgumentName::ALL.iter().copied().find(|argument| argument.name() == name)
    }
}

/// A JSON object whose keys are the arguments' names, in the event's order.
pub(crate) mod as_map {
    use std::fmt;

    use serde::de::{Error, MapAccess, Visitor};
    use serde::ser::SerializeMap;
    use serde::{Deserializer, Serializer};

    use super::{Argument, ArgumentName, ArgumentValue};

    pub(crate) fn serialize<S: Serializer>(arguments: &[Argument], serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(arguments.len()))?;
        for argument in arguments {
            map.serialize_entry(argument.name.name(), &argument.value)?;
        }
        map.end()
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Argument>, D::Error> {
        deserializer.deserialize_map(Arguments)
    }

    struct Arguments;

    impl<'de> Visitor<'de> for Arguments {
        type Value = Vec<Argument>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of arguments")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Argument>, A::Error> {
            let mut arguments = Vec::new();
            while let Some((name, value)) = map.next_entry::<String, ArgumentValue>()? {
                let name = ArgumentName::named(&name)
                    .ok_or_else(|| A::Error::custom(format!("`{name}` is no argument of an event")))?;
                arguments.push(Argument { name, value });
            }
            Ok(arguments)
        }
    }
}
