use super::extract;
use crate::samples::{Sequence, fill};

/// What is extracted from a file at `path`: rule and value. `content` is a pattern of samples.
fn check(path: &str, content: &str, expected: &[(&str, &str)]) {
    let text = fill(content, &mut Sequence(1));
    let found = extract(path, text.as_bytes());
    let found: Vec<_> =
        found.iter().map(|one| (one.rule, std::str::from_utf8(&one.value).unwrap())).collect();
    assert_eq!(found, expected, "{path}: {text}");
}

#[test]
fn registries() {
    check(
        "root/.docker/config.json",
        r#"{"auths": {"r.io": {"auth": "ZGVwbG95Okt4Nw"}}, "credsStore": "x"}"#,
        &[("docker-registry-auth", "ZGVwbG95Okt4Nw")],
    );
    check(
        "root/.npmrc",
        "registry=https://r/\n//r/:_authToken=kx7-lampion\n//r/:_password=${P}\n",
        &[("npmrc-auth", "kx7-lampion")],
    );
    check("app/.yarnrc.yml", "npmAuthToken: \"kx7-lampion\"\n", &[("npmrc-auth", "kx7-lampion")]);
    check(
        "root/.pypirc",
        "[pypi]\nusername = __token__\npassword = kx7-lampion\n",
        &[("pypirc-password", "kx7-lampion")],
    );
    check(
        "root/.cargo/credentials.toml",
        "[registry]\ntoken = \"kx7-lampion\"\n",
        &[("cargo-credentials", "kx7-lampion")],
    );
    check(
        "root/.gem/credentials",
        "---\n:rubygems_api_key: kx7-lampion\n",
        &[("gem-credentials", "kx7-lampion")],
    );
    check(
        "root/.composer/auth.json",
        r#"{"github-oauth": {"github.com": "kx7-lampion"}, "http-basic": {"a": {"username": "u", "password": "kx8-lampion"}}}"#,
        &[("composer-auth", "kx7-lampion"), ("composer-auth", "kx8-lampion")],
    );
    check(
        "root/.m2/settings.xml",
        "<server><id>a</id><password>kx7-lampion</password></server><password>${env.P}</password>",
        &[("maven-settings-password", "kx7-lampion")],
    );
    check(
        "root/.gradle/gradle.properties",
        "nexusPassword=kx7-lampion\nversion=1\n",
        &[("gradle-properties-secret", "kx7-lampion")],
    );
}

#[test]
fn passwords_of_clients() {
    check(
        "root/.netrc",
        "machine a login b password kx7-lampion\nmachine c\n  login d\n  password $X\n",
        &[("netrc-password", "kx7-lampion")],
    );
    check("root/.pgpass", "*:5432:app:app:kx7:lampion\n# a:b:c:d:e\n", &[("pgpass-password", "kx7:lampion")]);
    check(
        "root/.my.cnf",
        "[client]\nuser=a\npassword='kx7-lampion'\n",
        &[("mysql-option-password", "kx7-lampion")],
    );
    check(
        "root/.git-credentials",
        "https://me:kx7-lampion@git.corp.net\n",
        &[("git-credentials", "kx7-lampion")],
    );
    check(
        "src/.git/config",
        "[remote \"origin\"]\n\turl = https://kx7lampionkx7lampionkx7@git.corp.net/a.git\n",
        &[("git-credentials", "kx7lampionkx7lampionkx7")],
    );
    check("src/.git/config", "\turl = https://me@git.corp.net/a.git\n", &[]);
    check(
        "root/.config/gh/hosts.yml",
        "github.com:\n    oauth_token: kx7-lampion\n    user: me\n",
        &[("gh-hosts-token", "kx7-lampion")],
    );
    check(
        "root/.config/filezilla/sitemanager.xml",
        "<Server><Pass encoding=\"base64\">a3g3LWxhbXBpb24=</Pass></Server>",
        &[("filezilla-password", "a3g3LWxhbXBpb24=")],
    );
    check(
        "app/.vscode/sftp.json",
        "{\n // server\n \"host\": \"a\", \"password\": \"kx7-lampion\"}",
        &[("sftp-config-password", "kx7-lampion")],
    );
    check(
        "etc/postfix/sasl_passwd",
        "[smtp.corp.net]:587 me:kx7-lampion\n",
        &[("mail-client-password", "kx7-lampion")],
    );
    check(
        "opt/tomcat/conf/tomcat-users.xml",
        "<!-- <user password=\"kx6-lampion\"/> --><user username=\"a\" password=\"kx7-lampion\"/>",
        &[("tomcat-password", "kx7-lampion")],
    );
}

#[test]
fn clouds() {
    check(
        "root/.aws/credentials",
        "[default]\naws_access_key_id = AKIA\naws_secret_access_key = kx7-lampion\n",
        &[("aws-credentials-file", "kx7-lampion")],
    );
    check(
        "root/.config/gcloud/application_default_credentials.json",
        r#"{"client_id": "a", "refresh_token": "1//kx7-lampion"}"#,
        &[("gcp-credentials-file", "1//kx7-lampion")],
    );
    check(
        "root/.kube/config",
        "users:\n- name: a\n  user:\n    token: kx7-lampion\n    client-certificate-data: AAAA\n",
        &[("kubeconfig-credential", "kx7-lampion")],
    );
    check(
        "k/s.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\ndata:\n  password: a3g3LWxhbXBpb24=\nstringData:\n  b: kx8-lampion\n---\nkind: ConfigMap\ndata:\n  c: a3g3LWxhbXBpb24=\n",
        &[("kubernetes-secret", "a3g3LWxhbXBpb24="), ("kubernetes-secret", "kx8-lampion")],
    );
    check(
        "root/.s3cfg",
        "[default]\naccess_key = a\nsecret_key = kx7-lampion\n",
        &[("s3cfg-secret", "kx7-lampion")],
    );
    check(
        "t/terraform.tfstate",
        r#"{"resources": [{"instances": [{"attributes": {"password": "kx7-lampion", "name": "a"}}]}], "outputs": {"db_password": {"value": "kx8-lampion"}}}"#,
        &[("terraform-state-secret", "kx8-lampion"), ("terraform-state-secret", "kx7-lampion")],
    );
    check(
        "root/.terraform.d/credentials.tfrc.json",
        "{\"credentials\": {\n\"app.terraform.io\": {\n\"token\": \"kx7-lampion\"\n}}}",
        &[("terraform-credentials", "kx7-lampion")],
    );
}

#[test]
fn applications() {
    check(
        "app/.env",
        "# PASSWORD=kx6-lampion\nexport DB_PASSWORD=\"kx7-lampion\" \nAPI_TOKEN_FILE=/run/x\nPORT=80\nSECRET=changeme\n",
        &[("dotenv-secret", "kx7-lampion")],
    );
    check(
        "app/.env",
        "APP_KEY=base64:kx7lampionkx7lampion=\n",
        &[("laravel-app-key", "base64:kx7lampionkx7lampion=")],
    );
    check(
        "www/wp-config.php",
        "define( 'DB_PASSWORD', 'kx7-lampion' );\ndefine('AUTH_KEY', 'put your unique phrase here');\n",
        &[("wordpress-secret", "kx7-lampion")],
    );
    check(
        "app/app/settings.py",
        "SECRET_KEY = 'django-insecure-kx7-lampion'\nX = 1\n",
        &[("django-secret-key", "django-insecure-kx7-lampion")],
    );
    check("app/app/settings.py", "SECRET_KEY = os.environ['SECRET_KEY_OF_IT']\n", &[]);
    check(
        "app/config/master.key",
        "<hex:32>\n",
        &[("rails-master-key", &fill("<hex:32>", &mut Sequence(1)))],
    );
    check(
        "app/config/database.yml",
        "production:\n  password: kx7-lampion\n",
        &[("database-config-password", "kx7-lampion")],
    );
}

#[test]
fn hashes_of_passwords() {
    check(
        "etc/shadow",
        "root:*:1::\ndaemon:!:1::\nme:$6$saltsalt$<alnum:40>:1::\n",
        &[("shadow-hash", &format!("$6$saltsalt${}", fill("<alnum:40>", &mut Sequence(1))))],
    );
    check("etc/nginx/.htpasswd", "me:$apr1$abc$kx7lampion\n", &[("htpasswd-hash", "$apr1$abc$kx7lampion")]);
}

#[test]
fn files_that_are_no_text() {
    check("src/.git/HEAD", "ref: refs/heads/main\n", &[("git-directory", "ref: refs/heads/main\n")]);
    let names =
        |path: &str, bytes: &[u8]| extract(path, bytes).into_iter().map(|one| one.rule).collect::<Vec<_>>();
    let store = [&[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0][..], &[1], &[9; 40]].concat();
    assert_eq!(names("app/key.jks", &store), ["key-store"]);
    // A trusted certificate is no secret.
    let trusted = [&[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0][..], &[2], &[9; 40]].concat();
    assert_eq!(names("etc/ssl/certs/java/cacerts", &trusted), [""; 0]);
    assert_eq!(names("root/.vnc/passwd", &[1; 8]), ["vnc-password"]);
    assert_eq!(names("etc/krb5.keytab", &[&[5, 2][..], &[7; 40]].concat()), ["keytab"]);
}

#[test]
fn blank_lines_and_bare_names_are_no_assignments() {
    check(
        "srv/.env",
        "\n   \nexport \n:\nA\n\nDB_PASSWORD=kx7-Lampion9\n\n",
        &[("dotenv-secret", "kx7-Lampion9")],
    );
}
