//! The fields of system-call events, one line each.

use super::{FieldInfo, FieldType, Takes};

/// Which field. Fields that differ only in how they are compared share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[rustfmt::skip]
pub(crate) enum FieldId {
    EvtNum, EvtTime, EvtTimeS, EvtTimeIso, EvtDateTime, EvtDateTimeS, EvtRawTime, EvtRawTimeS, EvtRawTimeNs,
    EvtSource, EvtHostname, EvtType, EvtDir, EvtCpu, EvtArgs, EvtArg, EvtRawArg, EvtBuffer, EvtBufferLength,
    EvtRes, EvtRawRes, EvtFailed, EvtCount, EvtIsOpenRead, EvtIsOpenWrite, EvtIsOpenExec, EvtIsOpenCreate,
    FsPathName, FsPathSource, FsPathTarget,
    ProcPid, ProcVpid, ProcPpid, ProcPvpid, ProcApid, ProcPgid, ProcVpgid, ProcSid, ProcName, ProcExe,
    ProcExePath, ProcArgs, ProcCmdLine, ProcExeLine, ProcEnv, ProcAenv, ProcCwd, ProcTty, ProcDuration,
    ProcPpidDuration, ProcPidTs, ProcPpidTs, ProcPidnsInitStart, ProcPname, ProcPexe, ProcPexePath,
    ProcPcmdLine, ProcAname, ProcAexe, ProcAexePath, ProcAcmdLine, ProcSname, ProcSidExe, ProcSidExePath,
    ProcVpgidName, ProcVpgidExe, ProcVpgidExePath, ProcIsVpgidLeader, ProcIsPgidLeader, ProcIsSidLeader,
    ProcCmdNargs, ProcCmdLenArgs, ProcIsExeWritable, ProcIsExeUpperLayer, ProcIsExeLowerLayer,
    ProcIsExeFromMemfd, ProcExeIno, ProcExeInoCtime, ProcExeInoMtime, ProcExeInoCtimeProc,
    ProcExeInoCtimePidns, ThreadTid, ThreadVtid, ThreadIsMain, ThreadCapEffective, ThreadCapPermitted,
    ThreadCapInheritable, UserUid, UserName, UserHome, UserShell, UserLoginUid, UserLoginName, GroupGid,
    GroupName,
    FdNum, FdType, FdTypeChar, FdName, FdNameRaw, FdDirectory, FdFileName, FdIp, FdCip, FdSip, FdLip, FdRip,
    FdPort, FdCport, FdSport, FdLport, FdRport, FdCipName, FdSipName, FdLipName, FdRipName, FdL4Proto,
    FdSockFamily, FdIsServer, FdConnected, FdNameChanged, FdDev, FdIno, FdIsUpperLayer, FdIsLowerLayer,
    ContainerId, ContainerFullId, ContainerName, ContainerType, ContainerImage, ContainerImageId,
    ContainerImageRepository, ContainerImageTag, ContainerImageDigest, ContainerPrivileged,
    ContainerHostPid, ContainerHostNetwork, ContainerHostIpc, ContainerMounts, ContainerMount,
    ContainerMountSource, ContainerMountDest, ContainerMountMode, ContainerMountRdwr,
    ContainerMountPropagation, ContainerStartTs, ContainerDuration, ContainerIp, ContainerCni,
    ContainerLabel, ContainerLabels, PodName, PodNamespace, PodUid, PodSandboxId, PodFullSandboxId,
    PodLabel, PodLabels, PodIp, PodCni,
    DnsQuestion, DnsDomain, DnsType, DnsIsAnswer, DnsRcode, DnsAnswers,
    ImageFileKnown, ImageFileMounted, ImageFileDigest, ImageFileDigestMatches, ImageFilePackage,
    ImagePackageVulnerable, ImagePackageVulnerability, ImagePackageSeverity, ImagePackageExploited,
    /// A field of the audit log, by its place in that table.
    Audit(u16),
}

/// What of an event a field is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Event,
    Process,
    Descriptor,
    Container,
    Dns,
    Image,
    Audit,
}

impl FieldId {
    #[rustfmt::skip]
    pub(super) const fn group(self) -> Group {
        use FieldId::*;
        match self {
            EvtNum | EvtTime | EvtTimeS | EvtTimeIso | EvtDateTime | EvtDateTimeS | EvtRawTime
                | EvtRawTimeS | EvtRawTimeNs | EvtSource | EvtHostname | EvtType | EvtDir | EvtCpu
                | EvtArgs | EvtArg | EvtRawArg | EvtBuffer | EvtBufferLength | EvtRes | EvtRawRes
                | EvtFailed | EvtCount | EvtIsOpenRead | EvtIsOpenWrite | EvtIsOpenExec
                | EvtIsOpenCreate | FsPathName | FsPathSource | FsPathTarget => Group::Event,
            ProcPid | ProcVpid | ProcPpid | ProcPvpid | ProcApid | ProcPgid | ProcVpgid | ProcSid
                | ProcName | ProcExe | ProcExePath | ProcArgs | ProcCmdLine | ProcExeLine | ProcEnv
                | ProcAenv | ProcCwd | ProcTty | ProcDuration | ProcPpidDuration | ProcPidTs
                | ProcPpidTs | ProcPidnsInitStart | ProcPname | ProcPexe | ProcPexePath | ProcPcmdLine
                | ProcAname | ProcAexe | ProcAexePath | ProcAcmdLine | ProcSname | ProcSidExe
                | ProcSidExePath | ProcVpgidName | ProcVpgidExe | ProcVpgidExePath | ProcIsVpgidLeader
                | ProcIsPgidLeader | ProcIsSidLeader | ProcCmdNargs | ProcCmdLenArgs | ProcIsExeWritable
                | ProcIsExeUpperLayer | ProcIsExeLowerLayer | ProcIsExeFromMemfd | ProcExeIno
                | ProcExeInoCtime | ProcExeInoMtime | ProcExeInoCtimeProc | ProcExeInoCtimePidns
                | ThreadTid | ThreadVtid | ThreadIsMain | ThreadCapEffective | ThreadCapPermitted
                | ThreadCapInheritable | UserUid | UserName | UserHome | UserShell | UserLoginUid
                | UserLoginName | GroupGid | GroupName => Group::Process,
            FdNum | FdType | FdTypeChar | FdName | FdNameRaw | FdDirectory | FdFileName | FdIp | FdCip
                | FdSip | FdLip | FdRip | FdPort | FdCport | FdSport | FdLport | FdRport | FdCipName
                | FdSipName | FdLipName | FdRipName | FdL4Proto | FdSockFamily | FdIsServer
                | FdConnected | FdNameChanged | FdDev | FdIno | FdIsUpperLayer | FdIsLowerLayer => Group::Descriptor,
            ContainerId | ContainerFullId | ContainerName | ContainerType | ContainerImage
                | ContainerImageId | ContainerImageRepository | ContainerImageTag | ContainerImageDigest
                | ContainerPrivileged | ContainerHostPid | ContainerHostNetwork | ContainerHostIpc
                | ContainerMounts | ContainerMount | ContainerMountSource | ContainerMountDest
                | ContainerMountMode | ContainerMountRdwr | ContainerMountPropagation | ContainerStartTs
                | ContainerDuration | ContainerIp | ContainerCni | ContainerLabel | ContainerLabels
                | PodName | PodNamespace | PodUid | PodSandboxId | PodFullSandboxId | PodLabel
                | PodLabels | PodIp | PodCni => Group::Container,
            DnsQuestion | DnsDomain | DnsType | DnsIsAnswer | DnsRcode | DnsAnswers => Group::Dns,
            ImageFileKnown | ImageFileMounted | ImageFileDigest | ImageFileDigestMatches | ImageFilePackage
                | ImagePackageVulnerable | ImagePackageVulnerability | ImagePackageSeverity
                | ImagePackageExploited => Group::Image,
            Audit(_) => Group::Audit,
        }
    }
}

#[rustfmt::skip]
pub(super) const TABLE: &[FieldInfo] = {
    use FieldId::*;
    use FieldType::*;
    use Takes::{Argument, Index, IndexOrKey, Key, KeyOrNothing, Nothing};
    const fn row(name: &'static str, id: FieldId, kind: FieldType, takes: Takes) -> FieldInfo {
        FieldInfo { name, id, kind, takes }
    }
    &[
        row("evt.num", EvtNum, Number, Nothing),
        row("evt.time", EvtTime, Text, Nothing),
        row("evt.time.s", EvtTimeS, Text, Nothing),
        row("evt.time.iso8601", EvtTimeIso, Text, Nothing),
        row("evt.datetime", EvtDateTime, Text, Nothing),
        row("evt.datetime.s", EvtDateTimeS, Text, Nothing),
        row("evt.rawtime", EvtRawTime, Number, Nothing),
        row("evt.rawtime.s", EvtRawTimeS, Number, Nothing),
        row("evt.rawtime.ns", EvtRawTimeNs, Number, Nothing),
        row("evt.source", EvtSource, Text, Nothing),
        row("evt.hostname", EvtHostname, Text, Nothing),
        row("evt.type", EvtType, Type, Nothing),
        row("syscall.type", EvtType, Type, Nothing),
        row("evt.dir", EvtDir, Text, Nothing),
        row("evt.cpu", EvtCpu, Number, Nothing),
        row("evt.args", EvtArgs, Text, Nothing),
        row("evt.arg", EvtArg, Text, Argument),
        row("evt.rawarg", EvtRawArg, Number, Argument),
        row("evt.buffer", EvtBuffer, Bytes, Nothing),
        row("evt.buflen", EvtBufferLength, Number, Nothing),
        row("evt.res", EvtRes, Text, Nothing),
        row("evt.rawres", EvtRawRes, Number, Nothing),
        row("evt.failed", EvtFailed, Bool, Nothing),
        row("evt.count", EvtCount, Number, Nothing),
        row("evt.is_open_read", EvtIsOpenRead, Bool, Nothing),
        row("evt.is_open_write", EvtIsOpenWrite, Bool, Nothing),
        row("evt.is_open_exec", EvtIsOpenExec, Bool, Nothing),
        row("evt.is_open_create", EvtIsOpenCreate, Bool, Nothing),
        row("fs.path.name", FsPathName, Text, Nothing),
        row("fs.path.source", FsPathSource, Text, Nothing),
        row("fs.path.target", FsPathTarget, Text, Nothing),
        row("proc.pid", ProcPid, Number, Nothing),
        row("proc.vpid", ProcVpid, Number, Nothing),
        row("proc.ppid", ProcPpid, Number, Nothing),
        row("proc.pvpid", ProcPvpid, Number, Nothing),
        row("proc.apid", ProcApid, Number, Index),
        row("proc.pgid", ProcPgid, Number, Nothing),
        row("proc.vpgid", ProcVpgid, Number, Nothing),
        row("proc.sid", ProcSid, Number, Nothing),
        row("proc.name", ProcName, Text, Nothing),
        row("proc.exe", ProcExe, Text, Nothing),
        row("proc.exepath", ProcExePath, Text, Nothing),
        row("proc.args", ProcArgs, Text, Nothing),
        row("proc.cmdline", ProcCmdLine, Text, Nothing),
        row("proc.exeline", ProcExeLine, Text, Nothing),
        row("proc.env", ProcEnv, Text, KeyOrNothing),
        row("proc.aenv", ProcAenv, Text, Index),
        row("proc.cwd", ProcCwd, Text, Nothing),
        row("proc.tty", ProcTty, Number, Nothing),
        row("proc.duration", ProcDuration, Number, Nothing),
        row("proc.ppid.duration", ProcPpidDuration, Number, Nothing),
        row("proc.pid.ts", ProcPidTs, Number, Nothing),
        row("proc.ppid.ts", ProcPpidTs, Number, Nothing),
        row("proc.pidns_init_start_ts", ProcPidnsInitStart, Number, Nothing),
        row("proc.pname", ProcPname, Text, Nothing),
        row("proc.pexe", ProcPexe, Text, Nothing),
        row("proc.pexepath", ProcPexePath, Text, Nothing),
        row("proc.pcmdline", ProcPcmdLine, Text, Nothing),
        row("proc.aname", ProcAname, Text, Index),
        row("proc.aexe", ProcAexe, Text, Index),
        row("proc.aexepath", ProcAexePath, Text, Index),
        row("proc.acmdline", ProcAcmdLine, Text, Index),
        row("proc.sname", ProcSname, Text, Nothing),
        row("proc.sid.exe", ProcSidExe, Text, Nothing),
        row("proc.sid.exepath", ProcSidExePath, Text, Nothing),
        row("proc.vpgid.name", ProcVpgidName, Text, Nothing),
        row("proc.vpgid.exe", ProcVpgidExe, Text, Nothing),
        row("proc.vpgid.exepath", ProcVpgidExePath, Text, Nothing),
        row("proc.is_vpgid_leader", ProcIsVpgidLeader, Bool, Nothing),
        row("proc.is_pgid_leader", ProcIsPgidLeader, Bool, Nothing),
        row("proc.is_sid_leader", ProcIsSidLeader, Bool, Nothing),
        row("proc.cmdnargs", ProcCmdNargs, Number, Nothing),
        row("proc.cmdlenargs", ProcCmdLenArgs, Number, Nothing),
        row("proc.is_exe_writable", ProcIsExeWritable, Bool, Nothing),
        row("proc.is_exe_upper_layer", ProcIsExeUpperLayer, Bool, Nothing),
        row("proc.is_exe_lower_layer", ProcIsExeLowerLayer, Bool, Nothing),
        row("proc.is_exe_from_memfd", ProcIsExeFromMemfd, Bool, Nothing),
        row("proc.exe_ino", ProcExeIno, Number, Nothing),
        row("proc.exe_ino.ctime", ProcExeInoCtime, Number, Nothing),
        row("proc.exe_ino.mtime", ProcExeInoMtime, Number, Nothing),
        row("proc.exe_ino.ctime_duration_proc_start", ProcExeInoCtimeProc, Number, Nothing),
        row("proc.exe_ino.ctime_duration_pidns_start", ProcExeInoCtimePidns, Number, Nothing),
        row("thread.tid", ThreadTid, Number, Nothing),
        row("thread.vtid", ThreadVtid, Number, Nothing),
        row("thread.ismain", ThreadIsMain, Bool, Nothing),
        row("thread.cap_effective", ThreadCapEffective, Text, Nothing),
        row("thread.cap_permitted", ThreadCapPermitted, Text, Nothing),
        row("thread.cap_inheritable", ThreadCapInheritable, Text, Nothing),
        row("user.uid", UserUid, Number, Nothing),
        row("user.name", UserName, Text, Nothing),
        row("user.homedir", UserHome, Text, Nothing),
        row("user.shell", UserShell, Text, Nothing),
        row("user.loginuid", UserLoginUid, Number, Nothing),
        row("user.loginname", UserLoginName, Text, Nothing),
        row("group.gid", GroupGid, Number, Nothing),
        row("group.name", GroupName, Text, Nothing),
        row("fd.num", FdNum, Number, Nothing),
        row("fd.type", FdType, Text, Nothing),
        row("fd.typechar", FdTypeChar, Text, Nothing),
        row("fd.name", FdName, Text, Nothing),
        row("fd.nameraw", FdNameRaw, Text, Nothing),
        row("fd.directory", FdDirectory, Text, Nothing),
        row("fd.filename", FdFileName, Text, Nothing),
        row("fd.ip", FdIp, Address, Nothing),
        row("fd.cip", FdCip, Address, Nothing),
        row("fd.sip", FdSip, Address, Nothing),
        row("fd.lip", FdLip, Address, Nothing),
        row("fd.rip", FdRip, Address, Nothing),
        row("fd.net", FdIp, Network, Nothing),
        row("fd.cnet", FdCip, Network, Nothing),
        row("fd.snet", FdSip, Network, Nothing),
        row("fd.lnet", FdLip, Network, Nothing),
        row("fd.rnet", FdRip, Network, Nothing),
        row("fd.port", FdPort, Number, Nothing),
        row("fd.cport", FdCport, Number, Nothing),
        row("fd.sport", FdSport, Number, Nothing),
        row("fd.lport", FdLport, Number, Nothing),
        row("fd.rport", FdRport, Number, Nothing),
        row("fd.cip.name", FdCipName, Text, Nothing),
        row("fd.sip.name", FdSipName, Text, Nothing),
        row("fd.lip.name", FdLipName, Text, Nothing),
        row("fd.rip.name", FdRipName, Text, Nothing),
        row("fd.l4proto", FdL4Proto, Text, Nothing),
        row("fd.sockfamily", FdSockFamily, Text, Nothing),
        row("fd.is_server", FdIsServer, Bool, Nothing),
        row("fd.connected", FdConnected, Bool, Nothing),
        row("fd.name_changed", FdNameChanged, Bool, Nothing),
        row("fd.dev", FdDev, Number, Nothing),
        row("fd.ino", FdIno, Number, Nothing),
        row("fd.is_upper_layer", FdIsUpperLayer, Bool, Nothing),
        row("fd.is_lower_layer", FdIsLowerLayer, Bool, Nothing),
        row("container.id", ContainerId, Text, Nothing),
        row("container.full_id", ContainerFullId, Text, Nothing),
        row("container.name", ContainerName, Text, Nothing),
        row("container.type", ContainerType, Text, Nothing),
        row("container.image", ContainerImage, Text, Nothing),
        row("container.image.id", ContainerImageId, Text, Nothing),
        row("container.image.repository", ContainerImageRepository, Text, Nothing),
        row("container.image.tag", ContainerImageTag, Text, Nothing),
        row("container.image.digest", ContainerImageDigest, Text, Nothing),
        row("container.privileged", ContainerPrivileged, Bool, Nothing),
        row("container.host_pid", ContainerHostPid, Bool, Nothing),
        row("container.host_network", ContainerHostNetwork, Bool, Nothing),
        row("container.host_ipc", ContainerHostIpc, Bool, Nothing),
        row("container.mounts", ContainerMounts, Text, Nothing),
        row("container.mount", ContainerMount, Text, IndexOrKey),
        row("container.mount.source", ContainerMountSource, Text, IndexOrKey),
        row("container.mount.dest", ContainerMountDest, Text, IndexOrKey),
        row("container.mount.mode", ContainerMountMode, Text, IndexOrKey),
        row("container.mount.rdwr", ContainerMountRdwr, Text, IndexOrKey),
        row("container.mount.propagation", ContainerMountPropagation, Text, IndexOrKey),
        row("container.start_ts", ContainerStartTs, Number, Nothing),
        row("container.duration", ContainerDuration, Number, Nothing),
        row("container.ip", ContainerIp, Text, Nothing),
        row("container.cni.json", ContainerCni, Text, Nothing),
        row("container.label", ContainerLabel, Text, Key),
        row("container.labels", ContainerLabels, Text, Nothing),
        row("image.file.known", ImageFileKnown, Bool, Nothing),
        row("image.file.mounted", ImageFileMounted, Bool, Nothing),
        row("image.file.digest", ImageFileDigest, Text, Nothing),
        row("image.file.digest_matches", ImageFileDigestMatches, Bool, Nothing),
        row("image.file.package", ImageFilePackage, Text, Nothing),
        row("image.package.vulnerable", ImagePackageVulnerable, Bool, Nothing),
        row("image.package.vulnerability", ImagePackageVulnerability, Text, Nothing),
        row("image.package.severity", ImagePackageSeverity, Text, Nothing),
        row("image.package.exploited", ImagePackageExploited, Bool, Nothing),
        row("k8s.pod.name", PodName, Text, Nothing),
        row("k8s.ns.name", PodNamespace, Text, Nothing),
        row("k8s.pod.uid", PodUid, Text, Nothing),
        row("k8s.pod.id", PodUid, Text, Nothing),
        row("k8s.pod.sandbox_id", PodSandboxId, Text, Nothing),
        row("k8s.pod.full_sandbox_id", PodFullSandboxId, Text, Nothing),
        row("k8s.pod.label", PodLabel, Text, Key),
        row("k8s.pod.labels", PodLabels, Text, Nothing),
        row("k8s.pod.ip", PodIp, Text, Nothing),
        row("k8s.pod.cni.json", PodCni, Text, Nothing),
        row("dns.question", DnsQuestion, Text, Nothing),
        row("dns.domain", DnsDomain, Text, Nothing),
        row("dns.type", DnsType, Text, Nothing),
        row("dns.is_answer", DnsIsAnswer, Bool, Nothing),
        row("dns.rcode", DnsRcode, Text, Nothing),
        row("dns.answers", DnsAnswers, Texts, Nothing),
    ]
};
