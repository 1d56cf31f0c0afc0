use std::os::unix::fs::PermissionsExt;

use super::*;

fn shown(found: Result<Credential, CredentialError>) -> String {
    match found {
        Ok(Credential::Anonymous) => "anonymous".to_owned(),
        Ok(Credential::Basic { username, password }) => format!("{username}:{}", password.expose()),
        Ok(Credential::IdentityToken(token)) => format!("identity {}", token.expose()),
        Ok(Credential::RegistryToken(token)) => format!("registry {}", token.expose()),
        Err(error) => {
            let cause =
                std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            format!("error: {error}{cause}")
        }
    }
}

/// Looks `name` (`registry/repository`) up in a file with this content, with helpers `docker-credential-NAME`.
fn check_with(helpers: &[(&str, &str)], file: &str, name: &str, expected: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    std::fs::write(&path, file).unwrap();
    for (name, script) in helpers {
        let path = directory.path().join(format!("docker-credential-{name}"));
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let credentials = Credentials {
        files: vec![directory.path().join("absent.json"), path],
        helper_path: Some(format!("{}:/usr/bin:/bin", directory.path().display()).into()),
        ..Credentials::default()
    };
    let (registry, repository) = name.split_once('/').unwrap();
    let found = shown(credentials.find(registry, repository));
    let found = found.replace(&directory.path().display().to_string(), "DIR");
    assert_eq!(found, expected, "{name} in {file}");
}

fn check(file: &str, name: &str, expected: &str) {
    check_with(&[], file, name, expected);
}

#[test]
fn files_of_docker_and_podman() {
    // echo -n user:pass:word | base64
    let hub = r#"{"auths":{"https://index.docker.io/v1/":{"auth":"dXNlcjpwYXNzOndvcmQ="}}}"#;
    check(hub, "docker.io/library/alpine", "user:pass:word");
    check(hub, "quay.io/library/alpine", "anonymous");
    check(r#"{"auths":{"docker.io":{"auth":"dTpw"}}}"#, "docker.io/a/b", "u:p");
    check(r#"{"auths":{"https://r.example:5000/v2/":{"auth":"dTpw"}}}"#, "r.example:5000/a", "u:p");
    check(r#"{"auths":{"r.example":{"username":"u","password":"p"}}}"#, "r.example/a", "u:p");
    check(r#"{"auths":{"r.example":{"auth":"dTpw","identitytoken":"t"}}}"#, "r.example/a", "identity t");
    check(r#"{"auths":{"r.example":{"registrytoken":"t"}}}"#, "r.example/a", "registry t");
    check(r#"{"auths":{"r.example":{}}}"#, "r.example/a", "anonymous");
    check(r#"{"auths":{"r.example.evil":{"auth":"dTpw"}}}"#, "r.example/a", "anonymous");
    check(r#"{"auths":null,"credHelpers":null}"#, "r.example/a", "anonymous");
    check("", "r.example/a", "anonymous");
}

#[test]
fn the_longest_prefix_wins() {
    let file = r#"{"auths":{"r.example":{"auth":"YTph"},"r.example/team":{"auth":"Yjpi"},
        "r.example/team/app":{"auth":"Yzpj"}}}"#;
    check(file, "r.example/team/app", "c:c");
    check(file, "r.example/team/app/sub", "c:c");
    check(file, "r.example/team/application", "b:b");
    check(file, "r.example/other", "a:a");
}

#[test]
fn what_is_no_credentials_file_is_told_without_quoting_it() {
    check(
        r#"{"auths":{"r.example":{"auth":"%%"}}}"#,
        "r.example/a",
        "error: DIR/config.json is not a credentials file: `auth` is not Base64",
    );
    check(
        r#"{"auths":{"r.example":{"auth":"YWJj"}}}"#,
        "r.example/a",
        "error: DIR/config.json is not a credentials file: `auth` has no colon",
    );
    check(
        r#"{"auths":["hunter2"]}"#,
        "r.example/a",
        "error: DIR/config.json is not a credentials file: JSON error at line 1 column 9",
    );
}

#[test]
fn helpers_are_asked() {
    let echo = r#"read s; echo "{\"ServerURL\":\"$s\",\"Username\":\"$s\",\"Secret\":\"p\"}""#;
    let none = "echo credentials not found in native keychain; exit 1";
    check_with(&[("x", echo)], r#"{"credHelpers":{"r.example":"x"}}"#, "r.example/a", "r.example:p");
    check_with(&[("x", echo)], r#"{"credsStore":"x"}"#, "docker.io/a", "https://index.docker.io/v1/:p");
    check_with(&[("x", none)], r#"{"credsStore":"x"}"#, "r.example/a", "anonymous");
    check_with(
        &[("x", none)],
        r#"{"credsStore":"x","auths":{"r.example":{"auth":"dTpw"}}}"#,
        "r.example/a",
        "u:p",
    );
    check_with(
        &[("x", none), ("y", r#"echo '{"Username":"<token>","Secret":"t"}'"#)],
        r#"{"credsStore":"x","credHelpers":{"https://r.example":"y"}}"#,
        "r.example/a",
        "identity t",
    );
}

#[test]
fn helpers_that_misbehave() {
    let error = "error: the credential helper docker-credential-x failed: ";
    let file = r#"{"credsStore":"x"}"#;
    check_with(
        &[("x", "echo hunter2; exit 3")],
        file,
        "r.example/a",
        &format!("{error}it printed no credentials"),
    );
    check_with(&[], file, "r.example/a", &format!("{error}No such file or directory (os error 2)"));
    let endless =
        "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done";
    check_with(&[("x", endless)], file, "r.example/a", &format!("{error}it printed no credentials"));
    check(
        r#"{"credsStore":"../../bin/x"}"#,
        "r.example/a",
        "error: the credential helper docker-credential-../../bin/x failed: its name is not one of a helper",
    );
}

#[test]
fn a_given_credential_wins_and_nothing_prints_it() {
    let password = Secret::new("hunter2");
    let given = Credential::Basic { username: "u".into(), password };
    assert!(!format!("{given:?}").contains("hunter2"));
    let credentials = Credentials {
        given: BTreeMap::from([("r.example".to_owned(), given)]),
        files: vec!["/dev/null/absent".into()],
        ..Credentials::default()
    };
    assert_eq!(shown(credentials.find("r.example", "a")), "u:hunter2");
}

#[test]
fn the_usual_files_follow_the_environment() {
    let places = CredentialPlaces { home: Some(Path::new("/home/a")), ..CredentialPlaces::default() };
    let files = usual_files(&places);
    assert_eq!(files[0], Path::new("/home/a/.docker/config.json"));
    assert_eq!(files[1], Path::new("/home/a/.config/containers/auth.json"));
    let places = CredentialPlaces { registry_auth_file: Some(Path::new("/x")), ..places };
    assert_eq!(usual_files(&places), [Path::new("/x")]);
}
