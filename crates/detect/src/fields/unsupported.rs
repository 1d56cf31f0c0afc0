//! Fields that Falco has and Seawall has not, so that the message about them is a true one.

#[rustfmt::skip]
const NAMES: &[&str] = &[
    "evt.reltime", "evt.reltime.s", "evt.reltime.ns", "evt.latency", "evt.latency.s", "evt.latency.ns",
    "evt.latency.quantized", "evt.latency.human", "evt.deltatime", "evt.deltatime.s", "evt.deltatime.ns",
    "evt.outputtime", "evt.category", "evt.info", "evt.pluginname", "evt.plugininfo", "evt.is_async",
    "evt.asynctype", "evt.type.is", "evt.is_io", "evt.is_io_read", "evt.is_io_write", "evt.io_dir", "evt.is_wait",
    "evt.wait_latency", "evt.is_syslog", "evt.count.error", "evt.count.error.file", "evt.count.error.net",
    "evt.count.error.memory", "evt.count.error.other", "evt.count.exit", "evt.count.procinfo",
    "evt.count.threadinfo", "evt.around", "evt.abspath", "evt.buflen.in", "evt.buflen.out", "evt.buflen.file",
    "evt.buflen.file.in", "evt.buflen.file.out", "evt.buflen.net", "evt.buflen.net.in", "evt.buflen.net.out",
    "proc.loginshellid", "proc.aargs", "proc.nthreads", "proc.nchilds", "proc.vmsize", "proc.vmrss", "proc.vmswap",
    "proc.fdopencount", "proc.fdlimit", "proc.fdusage", "proc.stdin.type", "proc.stdout.type", "proc.stderr.type",
    "proc.stdin.name", "proc.stdout.name", "proc.stderr.name", "proc.pgid.name", "proc.pgid.exe",
    "proc.pgid.exepath", "proc.is_container_healthcheck", "proc.is_container_liveness_probe",
    "proc.is_container_readiness_probe", "thread.pfmajor", "thread.pfminor", "thread.cgroups", "thread.cgroup",
    "thread.vmsize", "thread.vmrss", "thread.exectime", "thread.totexectime", "thread.cpu", "thread.cpu.user",
    "thread.cpu.system", "thread.nametid", "fd.uid", "fd.containername", "fd.containerdirectory", "fd.proto",
    "fd.cproto", "fd.sproto", "fd.lproto", "fd.rproto", "fd.types", "fd.dev.major", "fd.dev.minor", "fd.callname",
    "fs.path.nameraw", "fs.path.sourceraw", "fs.path.targetraw", "container.healthcheck",
    "container.liveness_probe", "container.readiness_probe", "k8s.rc.name", "k8s.rc.id", "k8s.rc.label",
    "k8s.rc.labels", "k8s.svc.name", "k8s.svc.id", "k8s.svc.label", "k8s.svc.labels", "k8s.ns.id", "k8s.ns.label",
    "k8s.ns.labels", "k8s.rs.name", "k8s.rs.id", "k8s.rs.label", "k8s.rs.labels", "k8s.deployment.name",
    "k8s.deployment.id", "k8s.deployment.label", "k8s.deployment.labels", "syslog.facility", "syslog.facility.str",
    "syslog.severity", "syslog.severity.str", "syslog.message", "fdlist.nums", "fdlist.names", "fdlist.cips",
    "fdlist.sips", "fdlist.cports", "fdlist.sports",
];

/// Whether Falco knows this field.
pub(super) fn is_falcos(name: &str) -> bool {
    NAMES.contains(&name)
}
