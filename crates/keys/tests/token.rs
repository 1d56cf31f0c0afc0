//! A token of SoftHSM's that goes while its key is in use, and a key that several threads use. SoftHSM finds its tokens
//! by a variable, which only a process of its own can be given: so the test starts itself once more.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use seawall_keys::{Place, token};
use seawall_trust::Secret;

const MODULES: [&str; 2] =
    ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];

#[test]
fn a_token_goes_while_its_key_is_in_use() {
    let module = MODULES.into_iter().find(|path| Path::new(path).exists());
    let runs = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let (Some(module), true, true) = (module, runs("softhsm2-util"), runs("pkcs11-tool")) else {
        println!("skipped: softhsm2 and opensc are not installed");
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let (tokens, configuration) = (directory.path().join("tokens"), directory.path().join("softhsm.conf"));
    std::fs::create_dir(&tokens).unwrap();
    std::fs::write(&configuration, format!("directories.tokendir = {}\n", tokens.display())).unwrap();
    let must = |program: &Path, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).env("SOFTHSM2_CONF", &configuration).env("TEST_TOKENS", &tokens);
        let output = command.env("TEST_MODULE", module).output().unwrap();
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{arguments:?}: {told}");
        told
    };
    let made = ["--init-token", "--free", "--label", "t", "--pin", "1234", "--so-pin", "5678"];
    must(Path::new("softhsm2-util"), &made);
    let login = ["--module", module, "--token-label", "t", "--login", "--pin", "1234"];
    let key = ["--keypairgen", "--key-type", "EC:prime256v1", "--label", "k", "--id", "01"];
    must(Path::new("pkcs11-tool"), &[&login[..], &key].concat());
    let told = must(&std::env::current_exe().unwrap(), &["--exact", "in_a_process_of_its_own", "--ignored"]);
    assert!(told.contains("1 passed"), "{told}");
}

#[test]
#[ignore = "the other test starts it, with a token"]
fn in_a_process_of_its_own() {
    let [tokens, module] =
        ["TEST_TOKENS", "TEST_MODULE"].map(|name| PathBuf::from(std::env::var_os(name).unwrap()));
    let Place::Token(uri) = Place::parse(OsStr::new("pkcs11:token=t;object=k")).unwrap() else { panic!() };
    let access = token::Access { module: Some(&module), pin: &|_| Ok(Secret::new("1234")) };
    let key = token::private_key(&uri, &access).unwrap();
    std::thread::scope(|scope| {
        let sign = || (0..20).all(|_| key.sign(b"message").is_ok());
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(sign)).collect();
        assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
    });
    // A second key of the same token: the module is started once.
    assert_eq!(token::private_key(&uri, &access).unwrap().public(), key.public());
    std::fs::remove_dir_all(&tokens).unwrap();
    let error = key.sign(b"message").unwrap_err();
    let told = format!("{error}: {}", std::error::Error::source(&error).unwrap());
    assert!(told.contains("the token `t` is no longer there"), "{told}");
}
