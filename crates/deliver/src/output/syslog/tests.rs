//! Messages against the RFCs, and receivers on this machine; rsyslog where it is installed.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use super::*;
use crate::delivery::tests::{delivery, hostile, judged};
use crate::limits::SYSLOG_BYTES;

fn settings(address: SyslogAddress, protocol: Protocol) -> SyslogSettings {
    SyslogSettings {
        address,
        protocol,
        framing: Framing::OctetCounting,
        facility: 16,
        format: Format::Falco,
        line_bytes: SYSLOG_BYTES,
        timeout: Duration::from_secs(2),
    }
}

const MESSAGE: &str = "23:31:56.746609046: Error File below a known binary directory opened for writing (user=root command=touch /bin/hack file=/bin/hack) container_id=0123456789ab container_name=web container_image_repository=shop/web container_image_tag=1.2 k8s_pod_name=<NA> k8s_ns_name=<NA>";

#[test]
fn messages_have_their_heads() {
    let process = std::process::id();
    let check = |address: SyslogAddress, protocol: Protocol, expected: &str| {
        assert_eq!(
            message(&delivery(judged()), &settings(address, protocol)),
            format!("{expected}{MESSAGE}")
        );
    };
    let udp = || SyslogAddress::Udp("127.0.0.1:514".to_owned());
    check(
        udp(),
        Protocol::Rfc5424,
        &format!("<131>1 2017-10-09T23:31:56.746609Z node-1 seawall {process} write-below-binary-dir - "),
    );
    check(udp(), Protocol::Rfc3164, &format!("<131>Oct  9 23:31:56 node-1 seawall[{process}]: "));
    let unix = SyslogAddress::Unix("/dev/log".into());
    check(unix, Protocol::Rfc3164, &format!("<131>Oct  9 23:31:56 seawall[{process}]: "));
}

#[test]
fn nothing_in_a_message_ends_it_or_its_head() {
    let settings = settings(SyslogAddress::Udp(String::new()), Protocol::Rfc5424);
    let mut delivery = delivery(hostile());
    delivery.host = "a host\nwith lines".to_owned();
    let message = message(&delivery, &settings);
    assert!(!message.contains(char::is_control) && message.len() <= SYSLOG_BYTES);
    assert_eq!(message.split(' ').nth(2), Some("ahostwithlines"));
    assert_eq!(message.split(' ').nth(6), Some("-"));
}

#[test]
fn facilities_have_numbers() {
    assert_eq!(facility("local0"), Ok(16));
    assert_eq!(facility("authpriv"), Ok(10));
    assert!(facility("local9").unwrap_err().contains("`local9` is not a facility; use one of: kern, user"));
}

#[test]
fn a_daemon_of_this_machine_gets_datagrams() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let receiver = UnixDatagram::bind(&path).unwrap();
    let mut output = SyslogOutput::new(settings(SyslogAddress::Unix(path.clone()), Protocol::Rfc3164));
    output.send(&[Arc::new(delivery(judged()))]).unwrap();
    let mut buffer = [0; SYSLOG_BYTES];
    let length = receiver.recv(&mut buffer).unwrap();
    assert!(buffer[..length].starts_with(b"<131>Oct  9 23:31:56 seawall["));
    // The daemon is started anew.
    drop(receiver);
    assert!(output.send(&[Arc::new(delivery(judged()))]).is_err());
    std::fs::remove_file(&path).unwrap();
    let receiver = UnixDatagram::bind(&path).unwrap();
    output.send(&[Arc::new(delivery(judged()))]).unwrap();
    assert!(receiver.recv(&mut buffer).unwrap() > 100);
}

#[test]
fn a_stream_counts_octets() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = SyslogAddress::Tcp(listener.local_addr().unwrap().to_string());
    let mut output = SyslogOutput::new(settings(address, Protocol::Rfc5424));
    let two = [Arc::new(delivery(judged())), Arc::new(delivery(hostile()))];
    output.send(&two).unwrap();
    let (mut first, _) = listener.accept().unwrap();
    drop(output);
    let mut text = String::new();
    first.read_to_string(&mut text).unwrap();
    let mut rest = text.as_str();
    let mut messages = 0;
    while let Some((length, after)) = rest.split_once(' ') {
        let (message, more) = after.split_at(length.parse().unwrap());
        assert!(message.starts_with('<'), "{message}");
        (rest, messages) = (more, messages + 1);
    }
    assert_eq!((messages, rest), (2, ""));
}

#[test]
fn a_stream_that_ended_is_begun_again_before_anything_is_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = SyslogAddress::Tcp(listener.local_addr().unwrap().to_string());
    let mut output = SyslogOutput::new(settings(address, Protocol::Rfc5424));
    let one = [Arc::new(delivery(judged()))];
    for _ in 0..3 {
        output.send(&one).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        let mut begin = [0; 10];
        stream.read_exact(&mut begin).unwrap();
        stream.flush().unwrap();
        drop(stream);
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn rsyslog_understands() {
    if Command::new("rsyslogd").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        println!("skipped: rsyslogd is not installed");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let configuration = format!(
        r#"module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{socket}" CreatePath="on")
module(load="imtcp")
input(type="imtcp" port="{port}" address="127.0.0.1")
template(name="t" type="string" string="%syslogfacility-text%|%syslogseverity-text%|%programname%|%msg%\n")
*.* action(type="omfile" file="{out}" template="t")
"#,
        socket = path("log").display(),
        out = path("out").display()
    );
    std::fs::write(path("conf"), configuration).unwrap();
    let mut daemon = Command::new("rsyslogd")
        .arg("-n")
        .arg("-f")
        .arg(path("conf"))
        .arg("-i")
        .arg(path("pid"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let outputs = [
        settings(SyslogAddress::Unix(path("log")), Protocol::Rfc3164),
        settings(SyslogAddress::Tcp(format!("127.0.0.1:{port}")), Protocol::Rfc5424),
    ];
    let sent = outputs.map(|settings| {
        let mut output = SyslogOutput::new(settings);
        (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            output.send(&[Arc::new(delivery(judged()))]).is_ok()
        })
    });
    let expected = format!("local0|err|seawall|{MESSAGE}");
    let arrived = || {
        let text = std::fs::read_to_string(path("out")).unwrap_or_default();
        text.lines().filter(|line| line.replace("| ", "|") == expected).count()
    };
    let all = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        arrived() == 2
    });
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    assert!(sent == [true, true] && all, "{}", std::fs::read_to_string(path("out")).unwrap_or_default());
}
