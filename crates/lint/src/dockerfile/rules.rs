//! The checks, in the order of the reports: what a file is built from, how it is built, what it ships, its form.

mod add;
mod base_image;
mod build_power;
mod command_credentials;
mod context;
pub(crate) mod controls;
mod copy;
mod directories;
mod forms;
mod health;
mod invalid_instruction;
mod labels;
mod package_caches;
mod package_installs;
mod package_pins;
mod permissions;
mod piped;
mod platform;
mod programs;
mod repeated;
mod secret_variables;
mod secrets;
mod shell_code;
mod signatures;
mod stages;
mod suppressions;
mod syntax;
mod transport;
mod user;
mod variables;

use seawall_finding::{Rule, Severity};

use super::Options;
use super::check::{Check, Hits, Standing};
use super::model::File;

pub(crate) use secret_variables::names_secret;

/// Every check of build files.
pub const CHECKS: &[&Check] = &[
    &invalid_instruction::CHECK,
    &syntax::UNKNOWN,
    &syntax::UNPINNED,
    &base_image::UNTAGGED,
    &base_image::LATEST,
    &base_image::UNDIGESTED,
    &base_image::REGISTRY,
    &base_image::END_OF_LIFE,
    &platform::CONSTANT,
    &platform::REDUNDANT,
    &variables::IN_FROM,
    &variables::EMPTY_DEFAULT,
    &stages::DUPLICATE,
    &stages::RESERVED,
    &stages::CASING,
    &stages::UNUSED,
    &copy::FROM_ITSELF,
    &copy::FROM_UNKNOWN,
    &copy::WHOLE,
    &copy::TARGET_NO_DIRECTORY,
    &copy::RELATIVE_TARGET,
    &add::FOR_COPY,
    &add::UNVERIFIED,
    &context::IGNORED,
    &context::UNFILTERED,
    &context::CREDENTIALS,
    &secret_variables::IN_VARIABLE,
    &secrets::IN_ADDRESS,
    &secrets::PASSWORD_SET,
    &secrets::MOUNT_LEAKS,
    &command_credentials::CHECK,
    &build_power::INSECURE,
    &build_power::HOST_NETWORK,
    &build_power::SOCKET,
    &piped::DOWNLOAD_RUN,
    &piped::NO_PIPEFAIL,
    &transport::TLS,
    &signatures::CHECK,
    &transport::HOST_KEYS,
    &package_installs::UPDATE_ALONE,
    &package_installs::RELEASE_UPGRADE,
    &package_installs::ASKS,
    &package_installs::APT,
    &package_installs::RECOMMENDED,
    &package_pins::UNPINNED,
    &package_caches::LISTS,
    &package_caches::CACHES,
    &programs::SUDO,
    &programs::NEEDLESS,
    &programs::DEBUG_TOOLS,
    &programs::TWO_FETCHERS,
    &programs::WGET_PROGRESS,
    &programs::SHELL_LINK,
    &programs::USERADD,
    &programs::UNPACKED,
    &permissions::WORLD_WRITABLE,
    &permissions::SETUID,
    &directories::RELATIVE,
    &directories::SYSTEM,
    &directories::VOLUME,
    &directories::CD,
    &directories::CD_UNCHECKED,
    &user::ROOT,
    &user::MISSING,
    &user::BY_NAME,
    &user::NEVER_USED,
    &health::CHECK,
    &repeated::CHECK,
    &build_power::SSH_PORT,
    &build_power::PORT,
    &stages::STOP,
    &stages::EMPTY_SHELL,
    &stages::CONSECUTIVE,
    &variables::UNDEFINED,
    &variables::SELF_REFERENCE,
    &labels::KEY,
    &labels::VALUE,
    &labels::MISSING,
    &shell_code::SYNTAX,
    &shell_code::BASHISM,
    &shell_code::UNQUOTED,
    &shell_code::BACKQUOTES,
    &shell_code::AND_OR,
    &forms::SHELL_FORM,
    &forms::MAINTAINER,
    &forms::LEGACY,
    &forms::CASING,
    &forms::AS_CASING,
    &forms::BLANK_LINE,
    &suppressions::UNREASONED,
    &suppressions::UNKNOWN,
    &suppressions::FOREIGN,
];
