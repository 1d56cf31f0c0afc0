//! Compiles the eBPF programs with clang. Nothing generated is kept in the repository.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=bpf");
    println!("cargo::rerun-if-env-changed=CLANG");
    let clang = env::var("CLANG").unwrap_or_else(|_| "clang".to_owned());
    let architecture = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let (target, multiarch) = match architecture.as_str() {
        "x86_64" => ("x86", "x86_64-linux-gnu"),
        "aarch64" => ("arm64", "aarch64-linux-gnu"),
        other => fail(&format!("the sensor knows the registers of x86_64 and aarch64, not of {other}")),
    };
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    for name in ["sensor.bpf", "probe.bpf", "deny.bpf"] {
        let object = out.join(name).with_extension("bpf.o");
        let built = Command::new(&clang)
            .args(["-g", "-O2", "-Wall", "-Werror", "-target", "bpf", "-mcpu=v3"])
            .arg(format!("-D__TARGET_ARCH_{target}"))
            .arg(format!("-I/usr/include/{multiarch}"))
            .args(["-c", &format!("bpf/{name}.c"), "-o"])
            .arg(&object)
            .status();
        match built {
            Ok(status) if status.success() => strip(&object),
            Ok(status) => fail(&format!(
                "{clang} could not compile bpf/{name}.c ({status}); it needs the headers of libbpf and Linux \
                 (Debian: apt-get install clang libbpf-dev linux-libc-dev)"
            )),
            Err(error) => fail(&format!(
                "{clang} could not be started ({error}); the sensor's programs are compiled by clang (Debian: \
                 apt-get install clang libbpf-dev). Without it, build Seawall without the feature `runtime`"
            )),
        }
    }
}

/// DWARF is most of the object and nothing reads it; where llvm-strip is missing it stays.
fn strip(object: &Path) {
    let stripped = object.with_extension("stripped");
    let done = Command::new("llvm-strip").arg("-g").arg(object).arg("-o").arg(&stripped).status();
    if done.is_ok_and(|status| status.success()) {
        fs::rename(&stripped, object).unwrap_or_else(|error| fail(&error.to_string()));
    }
}

fn fail(reason: &str) -> ! {
    println!("cargo::error={}", reason.replace('\n', " "));
    std::process::exit(1)
}
