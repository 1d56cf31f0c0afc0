//! NuGet packages: what a built .NET application says it carries (`*.deps.json`), and the files in which NuGet keeps
//! what it resolved.

mod assets;
mod deps;
mod packages_config;
mod packages_lock;

use seawall_inventory::{Ecosystem, Package};

use crate::{Reader, lock};

pub(crate) const READERS: &[Reader] =
    &[deps::READER, assets::READER, packages_lock::READER, packages_config::READER];

fn locked(name: &str, version: &str, is_for_development: bool) -> Package {
    lock::locked(Ecosystem::Nuget, name, version, is_for_development)
}
