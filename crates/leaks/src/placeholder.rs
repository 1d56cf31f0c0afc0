//! What stands where a secret would and is none: variables, templates, words of examples.

/// Words in a value, in lower case, that nobody has in a real one.
const WORDS: &[&str] = &[
    "example",
    "changeme",
    "change_me",
    "change-me",
    "change.me",
    "placeholder",
    "redacted",
    "your_",
    "your-",
    "yourpass",
    "yourtoken",
    "yoursecret",
    "yourkey",
    "yourapi",
    "my_secret",
    "mysecret",
    "my-secret",
    "mypassword",
    "my_password",
    "my-password",
    "mytoken",
    "insert_",
    "insert-",
    "replace",
    "dummy",
    "sample",
    "foobar",
    "notasecret",
    "not_a_secret",
    "not-a-secret",
    "supersecret",
    "topsecret",
    "somepassword",
    "some_password",
    "password123",
    "passw0rd",
    "p@ssw0rd",
    "p4ssw0rd",
    "secret123",
    "qwerty",
    "12345678",
    "abcdefgh",
    "deadbeef",
    "xxxx",
    "****",
    "....",
    "----",
    "____",
    "undefined",
    "lorem",
    "todo",
    "fixme",
    "generated",
    "default",
    "<password",
    "hunter2",
    "letmein",
    "test_",
    "test-",
    "_test",
    "-test",
    "testing",
    "fake",
    "mock",
    "null",
    "none",
    "stdin",
    "prompt",
    "keyring",
    "localhost",
];

/// Whole values of examples and default installations.
const PASSWORDS: &[&str] = &[
    "password",
    "passwd",
    "pass",
    "pwd",
    "pw",
    "secret",
    "token",
    "root",
    "admin",
    "administrator",
    "user",
    "username",
    "test",
    "guest",
    "postgres",
    "mysql",
    "mariadb",
    "mongo",
    "mongodb",
    "redis",
    "rabbitmq",
    "oracle",
    "system",
    "sa",
    "changeit",
    "public",
    "private",
    "nobody",
    "demo",
    "foo",
    "bar",
    "baz",
    "hello",
    "welcome",
    "docker",
    "toor",
    "key",
    "true",
    "false",
    "yes",
    "no",
    "string",
    "value",
    "required",
    "optional",
    "empty",
    "api_key",
    "apikey",
    "access_token",
    "bearer",
    "basic",
    "x-oauth-basic",
    "x-access-token",
    "oauth2",
    "port",
    "host",
    "hostname",
    "server",
    "database",
    "dev",
    "credentials",
    "auth",
    "passphrase",
    "encrypted",
    "hidden",
    "hash",
    "base64",
    "file",
    "env",
    "vault",
    "pass@word",
    "wordpress",
    "drupal",
    "airflow",
    "sonar",
    "grafana",
    "keycloak",
    "minio",
    "minioadmin",
    "elastic",
    "kibana",
    "neo4j",
    "tiger",
    "scott",
    "vagrant",
    "ubuntu",
    "debian",
    "pi",
    "raspberry",
    "alice",
    "bob",
    "myuser",
    "app",
    "name",
    "login",
    "id",
    "me",
    "you",
];

/// Whether a value is a reference to another one: `$X`, `${X}`, `{{ x }}`, `<x>`, `%X%`, `@x@`, `#{x}`, `os.environ[…]`.
pub(crate) fn is_reference(value: &[u8]) -> bool {
    let has = |needle: &[u8]| memchr::memmem::find(value, needle).is_some();
    let begins = |c: u8| value.first() == Some(&c);
    let ends = |c: u8| value.last() == Some(&c);
    let is_shell =
        begins(b'$') && !value.starts_with(b"$2") && !value.starts_with(b"$1$") && !value.starts_with(b"$6$");
    is_shell
        || has(b"${")
        || has(b"$(")
        || has(b"{{")
        || has(b"#{")
        || has(b"<%")
        || begins(b'<') && ends(b'>')
        || begins(b'{') && ends(b'}')
        || begins(b'[') && ends(b']')
        || begins(b'%') && (ends(b'%') || value.get(1) == Some(&b'('))
        || begins(b'@') && ends(b'@')
        || value.starts_with(b"%s")
        || value.starts_with(b"%v")
        || value.starts_with(b"%(")
        || has(b"process.env")
        || has(b"os.environ")
        || has(b"getenv")
        || has(b"secretKeyRef")
        || has(b"valueFrom")
        || value.starts_with(b"vault:")
        || value.starts_with(b"op://")
        || value.starts_with(b"arn:")
        || value.starts_with(b"file:")
        || value.starts_with(b"env:")
        || value.starts_with(b"ENC[")
        || value.starts_with(b"/run/secrets/")
}

/// Whether every byte is one of at most two, or the bytes count up or down.
fn is_monotonous(value: &[u8]) -> bool {
    let mut distinct = [false; 256];
    value.iter().for_each(|byte| distinct[usize::from(*byte)] = true);
    let kinds = distinct.iter().filter(|seen| **seen).count();
    let steps = value.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) <= 1).count();
    kinds <= 2 || value.len() >= 8 && steps + 2 >= value.len()
}

/// Whether it is obviously no real token of a strict format.
pub(crate) fn is_example_token(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    let has = |needle: &str| memchr::memmem::find(&lower, needle.as_bytes()).is_some();
    has("example")
        || has("xxxxxx")
        || has("placeholder")
        || has("000000000000")
        || has("your_")
        || has("123456789")
        || is_monotonous(value)
}

/// Whether it is no secret although it stands where one would.
pub(crate) fn is_placeholder(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    let trimmed = lower.trim_ascii();
    is_reference(value)
        || is_monotonous(value)
        || PASSWORDS.iter().any(|word| word.as_bytes() == trimmed)
        || WORDS.iter().any(|word| memchr::memmem::find(trimmed, word.as_bytes()).is_some())
}

/// Whether a value that people choose can be one: not a word with a digit behind it, no path, no identifier of a
/// program.
pub(crate) fn is_plausible_password(value: &[u8]) -> bool {
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let stem: &[u8] = value.trim_ascii_end();
    let stem = &stem[..stem
        .iter()
        .rposition(|byte| !byte.is_ascii_digit() && !b"!@#".contains(byte))
        .map_or(0, |at| at + 1)];
    let stem = stem.to_ascii_lowercase();
    let is_word = PASSWORDS.iter().any(|word| word.as_bytes() == stem);
    value.len() >= 5
        && letters > 0
        && !is_word
        && !value.starts_with(b"/")
        && !value.starts_with(b"./")
        && !value.ends_with(b"()")
}

/// Whether a password is so simple that only its place speaks for it: letters alone, and few.
pub(crate) fn is_simple(value: &[u8]) -> bool {
    value.len() <= 12 && value.iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-'))
}

/// Whether an address's host, of which the first bytes are given, is one of examples.
pub(crate) fn is_example_host(host: &[u8]) -> bool {
    let lower = host.to_ascii_lowercase();
    let names: [&[u8]; 12] = [
        b"example",
        b"host",
        b"localhost",
        b"127.0.0.1",
        b"0.0.0.0",
        b"[::1]",
        b"server",
        b"domain",
        b"foo",
        b"bar",
        b"your",
        b"test",
    ];
    names.iter().any(|name| lower.starts_with(name))
}

/// Whether a value of an unknown kind looks like an identifier, a path, a sentence, a version: not like a secret.
pub(crate) fn is_prose(value: &[u8]) -> bool {
    let rest = crate::entropy::restlessness(value);
    let has_separator = value.iter().any(|byte| b"/.-_:".contains(byte));
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let is_hex = value.iter().all(u8::is_ascii_hexdigit);
    let is_address = memchr::memmem::find(value, b"://").is_some();
    let has_odd =
        value.iter().any(|byte| b"()[]{}<>,;| ".contains(byte)) && memchr::memchr(b'(', value).is_some();
    is_address
        || has_odd
        || value.contains(&0x5c)
        || !is_hex && rest < 0.18
        || has_separator && rest < 0.4 && digits * 6 < value.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders() {
        for value in [
            "${TOKEN}",
            "$TOKEN",
            "<token>",
            "{{ .Values.x }}",
            "%(db)s",
            "changeme",
            "postgres",
            "XXXXXXXX",
            "aaaaaaaa",
            "YOUR_KEY_HERE",
            "abcdefgh",
        ] {
            assert!(is_placeholder(value.as_bytes()), "{value}");
        }
        for value in ["k3Jx9!pLq2", "Tr0ub4dor&3", "$2y$10$abc"] {
            assert!(!is_placeholder(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn words_with_a_number_are_no_password() {
        assert!(!is_plausible_password(b"admin123!"));
        assert!(!is_plausible_password(b"/run/secrets/x"));
        assert!(is_plausible_password(b"Kx7-lampion"));
    }
}
