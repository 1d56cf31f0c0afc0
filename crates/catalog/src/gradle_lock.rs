//! Gradle's lock files: `gradle.lockfile`, `buildscript-gradle.lockfile`, and the older
//! `gradle/dependency-locks/CONFIGURATION.lockfile`.
//!
//! Format: <https://docs.gradle.org/current/userguide/dependency_locking.html>: `group:artifact:version=CONFIGURATIONS`
//! a line; the older files have no configurations, their name is one.

use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package};

use crate::document;
use crate::lock;
use crate::project;
use crate::{Catalog, Reader};

pub(crate) const READERS: &[Reader] = &[Reader { name: "gradle-lock", interest, read }];

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    project::lock_if(project::ends(entry, ".lockfile") && kind(entry).is_some(), entry)
}

/// What a lock file is about.
enum Kind<'a> {
    /// The project's configurations.
    Project,
    /// Gradle's plugins.
    BuildScript,
    /// One configuration.
    Configuration(&'a str),
}

fn kind<'a>(entry: &Entry<'a>) -> Option<Kind<'a>> {
    match entry.name() {
        "gradle.lockfile" => Some(Kind::Project),
        "buildscript-gradle.lockfile" => Some(Kind::BuildScript),
        name => {
            let directory = entry.parent();
            let is_older =
                directory == "gradle/dependency-locks" || directory.ends_with("/gradle/dependency-locks");
            name.strip_suffix(".lockfile").filter(|_| is_older).map(Kind::Configuration)
        }
    }
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(kind) = kind(entry) else { return };
    let Some(text) = document::text(entry, content, catalog) else {
        return;
    };
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let packages: Vec<Package> = lines().filter_map(|line| package(line, &kind)).collect();
    if packages.is_empty() && lines().any(|line| !line.starts_with("empty=")) {
        return document::malformed(entry, catalog, "not a Gradle lock file: no module is in it");
    }
    catalog.declare_each_once(entry.path, packages);
}

fn package(line: &str, kind: &Kind<'_>) -> Option<Package> {
    let (coordinates, configurations) = line.split_once('=').unwrap_or((line, ""));
    let (name, version) = coordinates.rsplit_once(':')?;
    let (group, artifact) = name.split_once(':')?;
    let is_module =
        [group, artifact, version].iter().all(|part| !part.is_empty() && !part.contains([' ', ':']));
    let is_for_development = match kind {
        Kind::Project => {
            let mut used =
                configurations.split(',').map(str::trim).filter(|name| !name.is_empty()).peekable();
            used.peek().is_some() && used.all(is_development)
        }
        Kind::BuildScript => true,
        Kind::Configuration(name) => is_development(name),
    };
    is_module.then(|| lock::locked(Ecosystem::Maven, name, version, is_for_development))
}

/// Whether a configuration is one of tests (`testRuntimeClasspath`, `debugAndroidTestCompileClasspath`) or of a tool
/// that runs while building, by the names that Gradle and its common plugins give.
fn is_development(configuration: &str) -> bool {
    const TOOLS: [&str; 12] = [
        "annotationProcessor",
        "checkstyle",
        "classpath",
        "codenarc",
        "detekt",
        "errorprone",
        "jacocoAgent",
        "jacocoAnt",
        "ktlint",
        "pmd",
        "pmdAux",
        "spotbugs",
    ];
    configuration.starts_with("test") || configuration.contains("Test") || TOOLS.contains(&configuration)
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    const LOCK: &str = "# This is a Gradle generated file for dependency locking.\n\
        # Manual edits can break the build and are not advised.\n\
        com.google.guava:guava:31.1-jre=compileClasspath,runtimeClasspath,testRuntimeClasspath\n\
        org.junit:junit-bom:5.9.0=testCompileClasspath,testRuntimeClasspath\n\
        com.puppycrawl.tools:checkstyle:10.0=checkstyle\n\
        org.example:unused:1.0\n\
        broken:1.0=compileClasspath\n\
        empty=annotationProcessor,testAnnotationProcessor\n";

    #[test]
    fn modules_are_read_with_their_configurations() {
        check(
            "app/gradle.lockfile",
            LOCK,
            &[
                "maven com.google.guava:guava 31.1-jre locked",
                "maven com.puppycrawl.tools:checkstyle 10.0 locked-for-development",
                "maven org.example:unused 1.0 locked",
                "maven org.junit:junit-bom 5.9.0 locked-for-development",
            ],
        );
        check("buildscript-gradle.lockfile", "a:b:1=classpath\n", &["maven a:b 1 locked-for-development"]);
        check("gradle/dependency-locks/runtimeClasspath.lockfile", "a:b:1\n", &["maven a:b 1 locked"]);
        check(
            "x/gradle/dependency-locks/testRuntimeClasspath.lockfile",
            "a:b:1\n",
            &["maven a:b 1 locked-for-development"],
        );
        check("x/other.lockfile", "a:b:1\n", &[]);
    }

    #[test]
    fn what_is_no_lock_file_is_a_gap() {
        check("gradle.lockfile", "# only\nempty=\n", &[]);
        check(
            "gradle.lockfile",
            ":::\na:b\n",
            &["gap malformed: not a Gradle lock file: no module is in it"],
        );
    }
}
