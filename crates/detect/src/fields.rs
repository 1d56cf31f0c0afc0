//! Every field that a condition or output can name: its type, its argument, and whose events have it.
//!
//! Owns names and meaning of arguments; how a field is read from an event is in `fields/`.

mod audit;
mod container;
mod descriptor;
mod dns;
mod event;
mod image;
mod process;
mod table;
mod unsupported;

use seawall_event::{ArgumentName, Descriptor, DescriptorKind, EventType, EventTypes, Process};

use crate::diagnostic::shown;
use crate::expr::FieldName;
use crate::suggest;
use crate::value::{Occurrence, Value};

pub(crate) use table::FieldId;
use table::TABLE;

/// Where events come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// System calls.
    Syscall,
    /// The Kubernetes audit log.
    K8sAudit,
}

impl Source {
    /// As rules write it.
    pub const fn name(self) -> &'static str {
        match self {
            Source::Syscall => "syscall",
            Source::K8sAudit => "k8s_audit",
        }
    }

    /// The source of this name.
    pub(crate) fn named(name: &str) -> Option<Source> {
        [Source::Syscall, Source::K8sAudit].into_iter().find(|source| source.name() == name)
    }
}

/// The type of a field: which operators it knows and how a value beside it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldType {
    Text,
    Number,
    Bool,
    /// An address.
    Address,
    /// An address that is compared with networks.
    Network,
    Bytes,
    /// Several texts.
    Texts,
    /// The type of an event.
    Type,
}

/// The argument that a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    /// `proc.aname[2]`, or without: every ancestor.
    Index,
    /// `ka.uri.param[command]`.
    Key,
    /// `proc.env[HOME]`, or without: all.
    KeyOrNothing,
    /// `container.mount.dest[0]`, `container.mount.dest[/etc]`.
    IndexOrKey,
    /// `evt.arg.flags`, `evt.arg[flags]`, `evt.arg[0]`.
    Argument,
}

/// What is known of a field.
#[derive(Debug)]
pub(crate) struct FieldInfo {
    pub(crate) name: &'static str,
    pub(crate) id: FieldId,
    pub(crate) kind: FieldType,
    pub(crate) takes: Takes,
}

/// A field with its argument.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Field {
    pub(crate) id: FieldId,
    pub(crate) argument: Argument,
}

/// The argument of a field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Argument {
    None,
    Index(usize),
    Key(Box<str>),
    /// An argument of the event.
    Of(ArgumentName),
}

/// A field as a condition or output names it, looked up.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) field: Field,
    pub(crate) kind: FieldType,
}

/// Why a name is no field.
#[derive(Debug, Clone)]
pub(crate) struct Unknown {
    pub(crate) message: String,
    pub(crate) help: String,
    /// Whether the name itself is unknown, rather than its argument wrong.
    pub(crate) is_name: bool,
}

/// Looks a field up.
pub(crate) fn find(written: &FieldName, source: Source) -> Result<Known, Unknown> {
    let name = written.name.as_str();
    if let Some(info) = by_name(name, source) {
        return Ok(Known { field: with_argument(info, written.argument.as_deref())?, kind: info.kind });
    }
    // `evt.arg.flags` and `container.label.app` carry their argument behind a dot.
    for prefix in ["evt.arg", "evt.rawarg", "container.label", "k8s.pod.label"] {
        let key = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.'));
        if let (Some(key), None, Some(info)) = (key, &written.argument, by_name(prefix, source)) {
            return Ok(Known { field: with_argument(info, Some(key))?, kind: info.kind });
        }
    }
    Err(unknown(name, source))
}

/// The longest known field at the beginning of a dotted name: `%proc.name.` in an output ends a sentence.
pub(crate) fn longest_known(name: &str, source: Source) -> usize {
    let mut end = name.len();
    loop {
        let written = FieldName { name: name[..end].to_owned(), argument: None, at: 0 };
        let is_known = by_name(&name[..end], source).is_some() || find(&written, source).is_ok();
        match name[..end].rfind('.') {
            _ if is_known => return end,
            Some(dot) => end = dot,
            None => return name.len(),
        }
    }
}

fn by_name(name: &str, source: Source) -> Option<&'static FieldInfo> {
    match source {
        Source::Syscall => TABLE.iter().find(|info| info.name == name),
        Source::K8sAudit => audit::FIELDS.iter().find(|info| info.name == name).or_else(|| {
            // What every source has.
            let is_shared = matches!(
                name,
                "evt.num"
                    | "evt.time"
                    | "evt.time.s"
                    | "evt.time.iso8601"
                    | "evt.datetime"
                    | "evt.datetime.s"
                    | "evt.rawtime"
                    | "evt.rawtime.s"
                    | "evt.rawtime.ns"
                    | "evt.source"
                    | "evt.hostname"
            );
            TABLE.iter().find(|info| is_shared && info.name == name)
        }),
    }
}

fn unknown(name: &str, source: Source) -> Unknown {
    let other = match source {
        Source::Syscall => Source::K8sAudit,
        Source::K8sAudit => Source::Syscall,
    };
    let message = if unsupported::is_falcos(name) {
        format!("Falco has the field `{name}`, Seawall has not")
    } else if by_name(name, other).is_some() {
        format!("`{name}` is a field of {} events; this is about {} events", other.name(), source.name())
    } else {
        format!("`{}` is no field", shown(name))
    };
    let names = TABLE.iter().map(|info| info.name);
    let closest = match source {
        Source::Syscall => suggest::closest(name, names),
        Source::K8sAudit => suggest::closest(name, audit::FIELDS.iter().map(|info| info.name)),
    };
    let help = closest.map_or_else(String::new, |closest| format!("did you mean `{closest}`?"));
    Unknown { message, help, is_name: true }
}

fn with_argument(info: &FieldInfo, argument: Option<&str>) -> Result<Field, Unknown> {
    let wrong = |message: String| Unknown { message, help: String::new(), is_name: false };
    let index = |text: &str| text.parse::<u16>().ok().map(usize::from);
    let argument = match (info.takes, argument) {
        (Takes::Nothing, None) | (Takes::Index | Takes::KeyOrNothing, None) => Argument::None,
        (Takes::Nothing, Some(_)) => return Err(wrong(format!("`{}` takes no argument", info.name))),
        (Takes::Index, Some(text)) => Argument::Index(
            index(text).ok_or_else(|| wrong(format!("`{}` takes a number from 0 to 65535", info.name)))?,
        ),
        (Takes::Key | Takes::KeyOrNothing, Some(text)) => Argument::Key(text.into()),
        (Takes::IndexOrKey, Some(text)) => {
            index(text).map_or_else(|| Argument::Key(text.into()), Argument::Index)
        }
        (Takes::Argument, Some(text)) => match (index(text), ArgumentName::named(text)) {
            (Some(index), _) => Argument::Index(index),
            (None, Some(name)) => Argument::Of(name),
            (None, None) => {
                let names = ArgumentName::ALL.iter().map(|name| name.name());
                let help = suggest::closest(text, names)
                    .map_or_else(String::new, |closest| format!("did you mean `{}.{closest}`?", info.name));
                let message = format!("no event has an argument `{}`", shown(text));
                return Err(Unknown { message, help, is_name: true });
            }
        },
        (Takes::Key | Takes::IndexOrKey | Takes::Argument, None) => {
            return Err(wrong(format!("`{}` needs an argument: `{}[…]`", info.name, info.name)));
        }
    };
    Ok(Field { id: info.id, argument })
}

/// The set of event types that a word of a condition means.
pub(crate) fn event_type(name: &str) -> Result<EventType, Unknown> {
    EventType::named(name).ok_or_else(|| {
        let names = EventType::all().map(EventType::name);
        let help = suggest::closest(name, names).map_or_else(String::new, |c| format!("did you mean `{c}`?"));
        Unknown { message: format!("`{}` is no type of an event", shown(name)), help, is_name: true }
    })
}

/// Every event type.
pub(crate) fn all_event_types() -> EventTypes {
    let mut types = EventTypes::default();
    EventType::all().for_each(|kind| types.insert(kind));
    types
}

impl FieldId {
    /// Whether it is about the container.
    pub(crate) fn is_of_container(self) -> bool {
        self.group() == table::Group::Container
    }
}

/// What an alert tells of the executed file beside its rule's output: name and value of what is known.
pub(crate) fn of_image(event: &seawall_event::Event) -> impl Iterator<Item = (&'static str, Value<'_>)> {
    let told = |(name, id): (&'static str, FieldId)| {
        let value = image::value(&Field { id, argument: Argument::None }, event);
        (!matches!(value, Value::Absent)).then_some((name, value))
    };
    image::TOLD.into_iter().filter_map(told)
}

impl Field {
    /// As rules write it.
    pub(crate) fn shown(&self) -> String {
        let name = TABLE.iter().find(|info| info.id == self.id).map_or("?", |info| info.name);
        match &self.argument {
            Argument::None => name.to_owned(),
            Argument::Index(index) => format!("{name}[{index}]"),
            Argument::Key(key) => format!("{name}[{key}]"),
            Argument::Of(argument) => format!("{name}.{}", argument.name()),
        }
    }

    /// What the field is for an event.
    pub(crate) fn value<'e>(&'e self, occurrence: Occurrence<'e>) -> Value<'e> {
        match occurrence {
            Occurrence::Syscall(event) => self.value_of_event(event),
            Occurrence::Audit(event) => audit::value(self, event),
        }
    }

    #[inline]
    fn value_of_event<'e>(&'e self, event: &'e seawall_event::Event) -> Value<'e> {
        match self.id.group() {
            table::Group::Event => event::value(self, event),
            table::Group::Process => process::value(self, event),
            table::Group::Descriptor => descriptor::value(self, event),
            table::Group::Container => container::value(self, event),
            table::Group::Dns => dns::value(self, event),
            table::Group::Image => image::value(self, event),
            table::Group::Audit => Value::Absent,
        }
    }

    /// The text of a field that the event has as it is; `None` for other fields.
    #[inline]
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others go the general way")]
    pub(crate) fn plain_text<'e>(&self, event: &'e seawall_event::Event) -> Option<Option<&'e str>> {
        let process = event.process.as_deref();
        let fd = event.fd.as_ref();
        Some(match self.id {
            FieldId::ProcName => process.and_then(|process| process.name.as_deref()),
            FieldId::ProcPname => process.and_then(|process| process.parent.as_deref()?.name.as_deref()),
            FieldId::ProcCmdLine => process.and_then(Process::command_line),
            FieldId::ProcArgs => process.and_then(Process::args_line),
            FieldId::FdName => match fd {
                Some(fd) if fd.path.is_none() && fd.socket.is_some() => return None,
                fd => fd.and_then(|fd| fd.path.as_deref()),
            },
            FieldId::FdDirectory => fd.and_then(Descriptor::directory),
            FieldId::FdFileName => fd.and_then(Descriptor::file_name),
            FieldId::FdTypeChar => fd.and_then(|fd| fd.kind).map(DescriptorKind::letter),
            _ => return None,
        })
    }

    /// Whether its text is made anew for each question.
    pub(crate) fn is_made(&self) -> bool {
        matches!(
            self.id,
            FieldId::EvtArg
                | FieldId::EvtArgs
                | FieldId::ContainerMounts
                | FieldId::ContainerLabels
                | FieldId::PodLabels
                | FieldId::Audit(_)
        )
    }

    /// Whether it needs the environments of processes.
    pub(crate) fn is_environment(&self) -> bool {
        matches!(self.id, FieldId::ProcEnv | FieldId::ProcAenv)
            || self.argument == Argument::Of(ArgumentName::Env)
    }

    /// Whether it needs the bytes that are sent and received.
    pub(crate) fn is_data(&self) -> bool {
        matches!(self.id, FieldId::EvtBuffer | FieldId::EvtBufferLength)
            || self.argument == Argument::Of(ArgumentName::Data)
    }

    /// Whether it is the name of an address.
    pub(crate) fn is_name_of_address(&self) -> bool {
        use FieldId::{FdCipName, FdLipName, FdRipName, FdSipName};
        matches!(self.id, FdCipName | FdLipName | FdRipName | FdSipName)
    }

    /// Whether it needs the digest of the executed file.
    pub(crate) fn is_digest(&self) -> bool {
        self.id == FieldId::ImageFileDigestMatches
    }

    /// Whether it walks up the ancestors.
    pub(crate) fn is_ancestors(&self) -> bool {
        matches!(
            self.id,
            FieldId::ProcAname
                | FieldId::ProcAexe
                | FieldId::ProcAexePath
                | FieldId::ProcAcmdLine
                | FieldId::ProcAenv
        )
    }
}
