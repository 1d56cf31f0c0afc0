//! Events made for tests, a word for each thing that a rule looks at.

use std::sync::Arc;

use seawall_event::{
    Argument, ArgumentName, ArgumentValue, Capabilities, Container, Descriptor, DescriptorKind, Dns, Event,
    EventType, ExeFile, FlagKind, Image, Lineage, Mount, Pod, Process, Protocol, Socket, User,
};

/// When every event happens.
const NOW_NS: u64 = 1_795_824_001_500_000_000;

/// An event on its way.
#[derive(Clone)]
pub(crate) struct Made {
    event: Event,
    process: Process,
    container: Option<Container>,
}

/// A call of a process named `x` of root on the host.
pub(crate) fn call(kind: &str) -> Made {
    let event = Event {
        number: 7,
        kind: EventType::named(kind).unwrap(),
        time_ns: NOW_NS,
        result: Some(0),
        ..Event::default()
    };
    let process = Process { tty: Some(0), start_ns: Some(NOW_NS - 1_000_000_000), ..Process::default() };
    Made { event, process, container: Some(Container::host()) }.by("x").user(0, "root").below(&["systemd"])
}

/// The execution of a command line.
pub(crate) fn exec(line: &str) -> Made {
    call("execve").by(line)
}

/// A file opened with flags, as Linux names them.
pub(crate) fn open(path: &str, flags: &str) -> Made {
    let mut made = call("openat").file(path).result(3);
    made.event.fd.as_mut().unwrap().number = Some(3);
    let flags = ArgumentValue::Flags { flags: FlagKind::Open, bits: FlagKind::Open.bits(flags) };
    made.arg("name", path).value("flags", flags)
}

/// A connection over TCP from this process.
pub(crate) fn connect(server: &str) -> Made {
    call("connect").socket("10.0.0.2:40000", server, Protocol::Tcp, false)
}

/// A connection over TCP to this process.
pub(crate) fn accept(client: &str) -> Made {
    call("accept4").socket(client, "10.0.0.2:8080", Protocol::Tcp, true)
}

impl Made {
    pub(crate) fn event(self) -> Event {
        let Made { mut event, process, container } = self;
        event.process = Some(Arc::new(process));
        event.container = container.map(Arc::new);
        event
    }

    /// The command line of who does it.
    pub(crate) fn by(mut self, line: &str) -> Made {
        let mut words = line.split(' ');
        let exe = words.next().unwrap();
        let name = exe.rsplit('/').next().unwrap();
        self.process.name = Some(name.chars().take(15).collect());
        self.process.exe = Some(exe.to_owned());
        self.process.exe_path = Some(format!("/usr/bin/{name}"));
        self.process.args = Some(words.map(str::to_owned).collect());
        self
    }

    /// The command lines of its ancestors, the parent first.
    pub(crate) fn below(mut self, lines: &[&str]) -> Made {
        self.process.parent = Lineage::default();
        for line in lines.iter().rev() {
            let mut ancestor = call_process(line);
            ancestor.parent = std::mem::take(&mut self.process.parent);
            self.process.parent = Lineage::below(ancestor);
        }
        self
    }

    pub(crate) fn user(mut self, uid: i64, name: &str) -> Made {
        self.process.user = Some(User { uid, name: Some(name.to_owned()), ..User::default() });
        self
    }

    pub(crate) fn login(mut self, uid: i64) -> Made {
        self.process.login = Some(User { uid, ..User::default() });
        self
    }

    pub(crate) fn tty(mut self, tty: u32) -> Made {
        self.process.tty = Some(tty);
        self
    }

    pub(crate) fn env(mut self, variables: &[&str]) -> Made {
        self.process.env = Some(variables.iter().map(|variable| (*variable).to_owned()).collect());
        self
    }

    pub(crate) fn caps(mut self, names: &[&str]) -> Made {
        let set = names.iter().map(|name| Capabilities::bit(name).unwrap()).sum();
        self.process.capabilities = Some(Capabilities { effective: set, permitted: set, inheritable: 0 });
        self
    }

    pub(crate) fn vpid(mut self, vpid: i64) -> Made {
        self.process.vpid = Some(vpid);
        self
    }

    pub(crate) fn vpgid(mut self, vpgid: i64) -> Made {
        self.process.vpgid = Some(vpgid);
        self
    }

    pub(crate) fn seconds_old(mut self, seconds: u64) -> Made {
        self.process.start_ns = Some(NOW_NS - seconds * 1_000_000_000);
        self
    }

    pub(crate) fn upper_layer(mut self, is_upper_layer: bool) -> Made {
        let file = ExeFile { is_upper_layer: Some(is_upper_layer), ..ExeFile::default() };
        self.process.exe_file = Some(file);
        self
    }

    pub(crate) fn in_memory_only(mut self) -> Made {
        self.process.exe_file = Some(ExeFile { is_from_memfd: Some(true), ..ExeFile::default() });
        self
    }

    pub(crate) fn without_process(mut self) -> Made {
        self.process = Process::default();
        self
    }

    /// In a container of an image that no rule excepts.
    pub(crate) fn inside(mut self) -> Made {
        self.container = Some(Container {
            id: Some("3ad7b26ded6d".to_owned()),
            name: Some("web-1".to_owned()),
            engine: Some("docker".to_owned()),
            image: Some(Image {
                repository: Some("registry.example/web".to_owned()),
                tag: Some("1.2".to_owned()),
                ..Image::default()
            }),
            privileged: Some(false),
            mounts: Some(Vec::new()),
            ..Container::default()
        });
        self
    }

    pub(crate) fn container(&mut self) -> &mut Container {
        self.container.as_mut().unwrap()
    }

    /// In a container that nothing is known of but its id.
    pub(crate) fn inside_unknown(mut self) -> Made {
        self.container = Some(Container { id: Some("3ad7b26ded6d".to_owned()), ..Container::default() });
        self
    }

    pub(crate) fn privileged(mut self) -> Made {
        self.container().privileged = Some(true);
        self
    }

    pub(crate) fn image(mut self, repository: &str) -> Made {
        self.container().image.as_mut().unwrap().repository = Some(repository.to_owned());
        self
    }

    pub(crate) fn namespace(mut self, namespace: &str) -> Made {
        self.container().pod = Some(Pod { namespace: Some(namespace.to_owned()), ..Pod::default() });
        self
    }

    pub(crate) fn label(mut self, key: &str, value: &str) -> Made {
        self.container().labels.insert(key.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn mount(mut self, source: &str, destination: &str) -> Made {
        let (source, destination) = (source.to_owned(), destination.to_owned());
        let mount = Mount { source, destination, writable: true, ..Mount::default() };
        self.container().mounts = Some(vec![mount]);
        self
    }

    pub(crate) fn result(mut self, result: i64) -> Made {
        self.event.result = Some(result);
        self
    }

    pub(crate) fn arg(self, name: &str, text: &str) -> Made {
        self.value(name, ArgumentValue::from(text))
    }

    pub(crate) fn number(self, name: &str, number: i64) -> Made {
        self.value(name, ArgumentValue::from(number))
    }

    pub(crate) fn flags(self, name: &str, flags: FlagKind, text: &str) -> Made {
        self.value(name, ArgumentValue::Flags { flags, bits: flags.bits(text) })
    }

    pub(crate) fn value(mut self, name: &str, value: ArgumentValue) -> Made {
        self.event.arguments.push(Argument { name: ArgumentName::named(name).unwrap(), value });
        self
    }

    pub(crate) fn file(mut self, path: &str) -> Made {
        self.event.fd = Some(Descriptor {
            kind: Some(DescriptorKind::File),
            path: Some(path.to_owned()),
            ..Descriptor::default()
        });
        self
    }

    pub(crate) fn raw(mut self, path: &str) -> Made {
        self.event.fd.as_mut().unwrap().raw_path = Some(path.to_owned());
        self
    }

    pub(crate) fn fd_number(mut self, number: i64) -> Made {
        self.event.fd.as_mut().unwrap().number = Some(number);
        self
    }

    pub(crate) fn socket(mut self, client: &str, server: &str, protocol: Protocol, is_server: bool) -> Made {
        let (client, server): (std::net::SocketAddr, _) = (client.parse().unwrap(), server.parse().unwrap());
        let kind = if client.is_ipv4() { DescriptorKind::Ipv4 } else { DescriptorKind::Ipv6 };
        self.event.fd = Some(Descriptor {
            kind: Some(kind),
            number: Some(3),
            socket: Some(Socket {
                protocol: Some(protocol),
                client: Some(client),
                server: Some(server),
                is_server,
                ..Socket::default()
            }),
            ..Descriptor::default()
        });
        self
    }

    pub(crate) fn server_name(mut self, name: &str) -> Made {
        let socket = self.event.fd.as_mut().unwrap().socket.as_mut().unwrap();
        socket.server_names = name.into();
        self
    }

    pub(crate) fn udp(mut self) -> Made {
        self.event.fd.as_mut().unwrap().socket.as_mut().unwrap().protocol = Some(Protocol::Udp);
        self
    }

    pub(crate) fn dns(mut self, dns: Dns) -> Made {
        self.event.dns = Some(Box::new(dns));
        self
    }

    pub(crate) fn data(mut self, data: &[u8]) -> Made {
        self.event.data = Some(data.to_vec());
        self
    }

    /// So many seconds later.
    pub(crate) fn later(mut self, seconds: u64) -> Made {
        self.event.time_ns += seconds * 1_000_000_000;
        self
    }
}

fn call_process(line: &str) -> Process {
    let mut words = line.split(' ');
    let exe = words.next().unwrap();
    Process {
        name: Some(exe.rsplit('/').next().unwrap().chars().take(15).collect()),
        exe: Some(exe.to_owned()),
        args: Some(words.map(str::to_owned).collect()),
        ..Process::default()
    }
}

impl Made {
    /// The same, as another call.
    pub(crate) fn named(mut self, kind: &str) -> Made {
        self.event.kind = EventType::named(kind).unwrap();
        self
    }

    pub(crate) fn dup(self) -> Made {
        self.named("dup2")
    }
}
