//! CIS Docker 4: images and how they were built. What only a look into an image tells comes from its scan, where the
//! caller has one.

mod content;
mod history;

pub(super) use content::is_credential_name;

use seawall_finding::{Outcome, Rule, Severity, Subject};

use crate::answer::{Answer, Report, Section, cis, few};
use crate::inputs::ScannedImage;
use crate::machine::{EngineFacts, ImageFacts, Machine};

/// A question about each image.
struct Question {
    rule: Rule,
    ask: fn(&Asked<'_>) -> Answer,
}

/// An image that is being asked about.
struct Asked<'m> {
    machine: &'m Machine<'m>,
    engine: &'m EngineFacts,
    image: &'m ImageFacts,
    scan: Option<&'m ScannedImage>,
}

impl Asked<'_> {
    fn looked_at(&self) -> String {
        self.engine.asked(&format!("image {}", self.image.name()))
    }

    /// The answer where nobody has looked into the image.
    fn not_scanned(&self) -> Answer {
        let why = format!(
            "the image was not scanned; `seawall scan {}:{}` does it",
            self.engine.kind_name(),
            self.image.name()
        );
        Answer::not_checked(self.looked_at(), why)
    }

    /// A list of what should not be there, from the scan.
    fn none_of(&self, found: Option<&[String]>, what: &str) -> Answer {
        match found {
            None => self.not_scanned(),
            Some([]) => Answer::new(Outcome::Pass, "scan of the image", format!("no {what}")),
            Some(found) => Answer::new(
                Outcome::Fail,
                "scan of the image",
                format!("{} {what}: {}", found.len(), few(found)),
            ),
        }
    }
}

const QUESTIONS: &[Question] = &[
    Question {
        rule: Rule {
            id: "image-user",
            title: "User of the image",
            why: "A container that says nothing else runs as the image's user; as root, one hole in the program or the \
                  kernel is enough.",
            fix: "Make a user in the Dockerfile and name it by number: `USER 10001`.",
            severity: Severity::Medium,
            references: &["https://docs.docker.com/build/building/best-practices/#user"],
            controls: &cis("4.1", "4.1.2"),
        },
        ask: user,
    },
    Question {
        rule: Rule {
            id: "image-health-check",
            title: "Health check of the image",
            why: "Without one a program that hangs counts as one that runs.",
            fix: "Add a HEALTHCHECK to the Dockerfile.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/reference/dockerfile/#healthcheck"],
            controls: &cis("4.6", "4.1.2"),
        },
        ask: health,
    },
];

const FAMILIES: [&[Question]; 3] = [QUESTIONS, content::QUESTIONS, history::QUESTIONS];

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    let of_images = FAMILIES.into_iter().flatten().map(|question| &question.rule);
    of_images.chain([&content::CONTENT_TRUST])
}

pub(super) fn ask(machine: &Machine<'_>, report: &mut Report) {
    let scans = scans(machine);
    for question in FAMILIES.into_iter().flatten() {
        let mut is_asked = false;
        for (engine, image, scan) in &scans {
            let asked = Asked { machine, engine, image, scan: scan.as_ref() };
            let subject = Subject::Image { name: image.name().to_owned() };
            report.add(Section::Images, &question.rule, (question.ask)(&asked).about(subject));
            is_asked = true;
        }
        if !is_asked {
            let answer = machine.nothing_of("images");
            report.add(Section::Images, &question.rule, answer.about(machine.host.subject()));
        }
    }
    let answer = content::content_trust(machine).about(machine.host.subject());
    report.add(Section::Images, &content::CONTENT_TRUST, answer);
}

type Scanned<'m> = (&'m EngineFacts, &'m ImageFacts, Option<ScannedImage>);

fn scans<'m>(machine: &'m Machine<'_>) -> Vec<Scanned<'m>> {
    let of = |engine: &'m EngineFacts| engine.images.iter().map(move |image| (engine, image));
    let images = machine.engines.iter().flat_map(of);
    images.map(|(engine, image)| (engine, image, (machine.inputs.scanned)(&image.image.id))).collect()
}

/// Whether Docker's `user[:group]` is root, in numbers or by name.
fn is_root(user: &str) -> bool {
    let user = user.split(':').next().unwrap_or_default().trim();
    matches!(user, "" | "root" | "toor") || user.parse::<i64>() == Ok(0)
}

fn user(asked: &Asked<'_>) -> Answer {
    let user = asked.image.image.config.user.as_str();
    let seen =
        if user.is_empty() { "it names none, which means root".to_owned() } else { format!("USER {user}") };
    Answer::judged(!is_root(user), asked.looked_at(), seen)
        .of("Config.User")
        .expecting("a user that is not root")
}

fn health(asked: &Asked<'_>) -> Answer {
    let test = asked.image.image.config.healthcheck.as_ref().map(|check| check.test.as_slice());
    let (is_good, seen) = match test {
        None | Some([]) => (false, "it has none".to_owned()),
        Some([kind]) if kind == "NONE" => (false, "it is switched off".to_owned()),
        Some(words) => (true, words.join(" ")),
    };
    Answer::judged(is_good, asked.looked_at(), seen).of("Config.Healthcheck").expecting("a HEALTHCHECK")
}
