//! Which container a cgroup is, and what the engines know of it.

mod cgroup;
mod limits;
