//! From a match to a finding.

use std::collections::BTreeMap;

use seawall_event::{AuditEvent, Container, Event, Image, Process};
use seawall_finding::{
    Confidence, ContainerIdentity, Evidence, FieldValue, Finding, Happened, ProcessIdentity, Subject,
};
use seawall_inventory::Place;

use crate::clock;
use crate::limits;
use crate::output::printable;
use crate::rule::Rule;
use crate::value::Occurrence;

/// The finding of a rule that matched.
pub(crate) fn finding(rule: &Rule, occurrence: Occurrence<'_>, events: u64) -> Finding {
    let output = rule.output.render(occurrence);
    let told = match occurrence {
        Occurrence::Syscall(event) => of_event(event),
        Occurrence::Audit(event) => of_audit(event),
    };
    let happened = Happened {
        rule: rule.name.clone(),
        priority: rule.priority,
        source: rule.source.name().to_owned(),
        event: told.event,
        number: told.number,
        time: clock::rfc_3339(told.time_ns),
        output: output.clone(),
        fields: rule.output.values(occurrence),
        suggested: told.suggested,
        lineage: told.lineage,
        tags: rule.tags.clone(),
        events,
        about: told.about,
        process: told.process,
        container: told.container,
        respond: rule.respond.clone(),
        denial: None,
    };
    Finding {
        rule: rule.id(),
        subject: told.subject,
        place: Place::default(),
        severity: rule.priority.severity(),
        confidence: Confidence::High,
        summary: output,
        evidence: Evidence::Happened(Box::new(happened)),
        remedy: String::new(),
        references: Vec::new(),
        controls: rule.controls(),
    }
}

/// What an event tells beside the rule's output.
struct Told {
    subject: Subject,
    event: String,
    number: u64,
    time_ns: u64,
    lineage: Vec<String>,
    about: String,
    suggested: BTreeMap<String, FieldValue>,
    process: Option<ProcessIdentity>,
    container: Option<ContainerIdentity>,
}

fn of_event(event: &Event) -> Told {
    let process = event.process.as_deref();
    let executable = process.and_then(|process| process.exe_path.as_deref().or(process.name.as_deref()));
    let object = event.fd.as_ref().and_then(|fd| {
        // A connection is its peer: the local port is another one each time.
        let remote = fd
            .socket
            .as_ref()
            .and_then(|socket| if socket.is_server { socket.server } else { socket.remote() });
        fd.path.clone().or_else(|| remote.map(|remote| remote.to_string()))
    });
    Told {
        subject: subject(event),
        event: event.kind.name().to_owned(),
        number: event.number,
        time_ns: event.time_ns,
        lineage: process.map(lineage).unwrap_or_default(),
        about: [executable, object.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" "),
        suggested: suggested(event.container.as_deref()),
        process: process.and_then(process_identity),
        container: container_identity(event),
    }
}

fn process_identity(process: &Process) -> Option<ProcessIdentity> {
    let pid = process.pid.and_then(|pid| u32::try_from(pid).ok())?;
    Some(ProcessIdentity { pid, start_ns: process.start_ns })
}

fn container_identity(event: &Event) -> Option<ContainerIdentity> {
    let container = event.container.as_deref().filter(|container| !container.is_host())?;
    Some(ContainerIdentity {
        id: container.full_id.clone().or_else(|| container.id.clone())?,
        name: container.name.clone().unwrap_or_default(),
        engine: container.engine.clone().unwrap_or_default(),
        image: container.image.as_ref().and_then(Image::reference).unwrap_or_default(),
    })
}

/// Falco appends these to the output of every rule for system calls (the container plugin's fields with
/// `suggested output`, and `append_output` in Falco's own falco.yaml, since 0.41). An image that is known or needs none has
/// an empty tag, where everything else that is not known is absent.
fn suggested(container: Option<&Container>) -> BTreeMap<String, FieldValue> {
    let text = |text: Option<&String>| {
        text.map_or(FieldValue::Null, |text| FieldValue::Text(printable(text, limits::FIELD_BYTES_MAX)))
    };
    let image = container.and_then(|container| container.image.as_ref());
    let of_image = |part: Option<&String>| match (part, container) {
        (None, Some(container)) if image.is_some() || container.is_host() => FieldValue::Text(String::new()),
        (part, _) => text(part),
    };
    let pod = container.and_then(|container| container.pod.as_ref());
    let fields = [
        ("container.id", text(container.and_then(|container| container.id.as_ref()))),
        ("container.name", text(container.and_then(|container| container.name.as_ref()))),
        ("container.image.repository", of_image(image.and_then(|image| image.repository.as_ref()))),
        ("container.image.tag", of_image(image.and_then(|image| image.tag.as_ref()))),
        ("k8s.pod.name", text(pod.and_then(|pod| pod.name.as_ref()))),
        ("k8s.ns.name", text(pod.and_then(|pod| pod.namespace.as_ref()))),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The container, where it is in one that is known, otherwise the host.
fn subject(event: &Event) -> Subject {
    match event.container.as_deref().filter(|container| !container.is_host()) {
        Some(container) => Subject::Container {
            engine: container.engine.clone().unwrap_or_default(),
            name: container.name.clone().or_else(|| container.id.clone()).unwrap_or_default(),
        },
        None => Subject::Host { name: event.hostname.clone().unwrap_or_default() },
    }
}

fn lineage(process: &Process) -> Vec<String> {
    let line = |process: &Process| {
        let line = process.command_line().unwrap_or("<NA>");
        line[..line.floor_char_boundary(limits::FIELD_BYTES_MAX)].to_owned()
    };
    std::iter::once(process).chain(process.ancestors()).take(limits::LINEAGE_MAX).map(line).collect()
}

fn of_audit(event: &AuditEvent) -> Told {
    let text =
        |pointer: &str| event.json.pointer(pointer).and_then(|value| value.as_str()).unwrap_or_default();
    let object = |key: &str| text(&format!("/objectRef/{key}")).to_owned();
    Told {
        subject: Subject::Workload {
            workload: object("resource"),
            namespace: object("namespace"),
            name: object("name"),
            container: String::new(),
        },
        event: text("/verb").to_owned(),
        number: event.number,
        time_ns: event.time_ns,
        lineage: Vec::new(),
        about: format!("{} {}", text("/user/username"), text("/requestURI")),
        suggested: BTreeMap::new(),
        process: None,
        container: None,
    }
}
