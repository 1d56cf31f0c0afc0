//! Configurations that work, and the words for those that do not.

use std::path::Path;

use super::*;

fn resolver(source: &SecretSource) -> Result<Secret, String> {
    match source {
        SecretSource::Env(name) if name == "URL" => Ok(Secret::new("https://hooks.example/T00/B00/s3cret/")),
        SecretSource::File(path) if path == Path::new("/run/token") => Ok(Secret::new("t0ken-of-service")),
        SecretSource::Env(_) | SecretSource::File(_) => Err("it is not there".to_owned()),
    }
}

#[test]
fn every_kind_of_output_can_be_configured() {
    let text = r#"
version: 1
spool: {directory: /var/lib/seawall/spool, bytes: 128MiB}
outputs:
  - name: alerts
    file: {path: /var/log/alerts.jsonl, format: falco-json, rotate: {bytes: 10MiB, every: 24h, keep: 3}, durability: machine}
  - syslog: {address: "tcp://logs.example:601", facility: local0}
    filter: {priority: warning, sources: [syscall]}
  - unix: {path: /run/x.sock, kind: datagram, format: ocsf, timeout: 3s}
    queue: {count: 5, bytes: 1MiB, spool_bytes: 5MiB}
  - program: {command: [jq, -c, .], environment: {T: {file: /run/token}}, lifetime: each-finding}
    spool: false
  - name: slack
    http: {template: slack, url: {env: URL}, headers: {X-A: b}, proxy: "http://proxy.example:3128"}
  - name: search
    http: {template: elasticsearch, url: "https://es.example:9200/", token: {file: /run/token}, settings: {index: x}, batch: 50}
    fold: 5m
  - otlp: {url: "http://localhost:4318"}
  - statsd: {address: "127.0.0.1:8125"}
"#;
    let config = Config::parse(text, &resolver).unwrap();
    let names: Vec<&str> = config.names().collect();
    assert_eq!(
        names,
        ["alerts", "output-2", "output-3", "output-4", "slack", "search", "output-7", "output-8"]
    );
    let kinds: Vec<&str> = config.outputs.iter().map(|planned| planned.output.kind()).collect();
    assert_eq!(kinds, ["file", "syslog", "unix", "program", "http", "http", "http", "statsd"]);
    let spooled: Vec<bool> = config.outputs.iter().map(|planned| planned.spool.is_some()).collect();
    assert_eq!(spooled, [false, true, true, false, true, true, true, false]);
    assert_eq!(config.outputs[1].spool, Some((PathBuf::from("/var/lib/seawall/spool/output-2"), 128 << 20)));
    assert_eq!(config.outputs[2].spool.as_ref().unwrap().1, 5 << 20);
    let folds: Vec<Option<u64>> =
        config.outputs.iter().map(|planned| planned.fold.map(|time| time.as_secs())).collect();
    assert_eq!(folds, [None, None, None, None, Some(60), Some(300), None, None]);
    assert_eq!((config.outputs[2].queue_count, config.outputs[2].queue_bytes), (5, 1 << 20));
    let shown = format!("{config:?}");
    assert!(!shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");
}

#[test]
fn mistakes_are_named() {
    let check = |output: &str, expected: &str| {
        let text = format!("version: 1\noutputs:\n  - {output}\n");
        let error = Config::parse(&text, &resolver).unwrap_err().to_string();
        assert!(error.contains(expected), "{output}: {error}");
        assert!(!error.contains("s3cret") && !error.contains("t0ken"), "{error}");
    };
    check("{name: x}", "output `x`: it has to have one of: file, syslog");
    check("{file: {path: /a}, statsd: {address: 'a:1'}}", "it has to have one of");
    check("{file: {path: /a, colour: red}}", "colour");
    check("{file: {path: /a, format: xml}}", "`xml` is not a format");
    check("{file: {path: /a, line_bytes: 10}}", "`line_bytes` is 10; the least for `json` is 2560");
    check("{file: {path: /a, rotate: {keep: 5000}}}", "the most is 1000");
    check("{file: {path: /a}, name: ../x}", "its name has to be of letters");
    check("{file: {path: /a}, fold: often}", "`often` is neither a time like 60s nor off");
    check("{file: {path: /a}, filter: {priority: urgent}}", "`urgent` is not a priority");
    check("{syslog: {address: 'tls://x:1'}}", "`address` has to be like unix:/dev/log");
    check("{syslog: {address: 'udp://x'}}", "`x` is not host:port");
    check("{syslog: {facility: local9}}", "`local9` is not a facility");
    check("{program: {command: []}}", "`command` is a list");
    check("{http: {template: slak, url: 'https://a'}}", "`slak` is not a template");
    check("{http: {template: slack}}", "its template needs `url`");
    check(
        "{http: {template: slack, url: {env: NONE}}}",
        "cannot read the environment variable NONE: it is not there",
    );
    check("{http: {template: slack, url: 'ftp://a'}}", "its address does not begin with http");
    check("{http: {template: slack, url: 'https://a', token: x}}", "its template does not know `token`");
    check("{http: {template: slack, url: {env: URL}, batch: 5}}", "`batch` has to be 1 to 1");
    check("{http: {url: 'https://a', tls: {certificate: /c}}}", "`tls` has to have both");
    check("{http: {url: 'https://a', tls: {ca: /no/such}}}", "cannot use /no/such");
    check("{http: {url: 'https://a', method: 'G ET'}}", "its method, address or headers are not valid");
    check(
        "{http: {url: 'https://a', template: slack, template_file: /x}}",
        "a `template` and a `template_file`",
    );
    check("{http: {url: 'https://a', timeout: 0s}}", "`timeout` is 0");
    check("{http: {url: 'https://a', template_file: /no/such}}", "cannot use /no/such");
    let parse = |text: &str| Config::parse(text, &resolver).unwrap_err().to_string();
    assert!(parse("version: 2\noutputs: []").contains("this Seawall reads version 1"));
    assert!(parse("outputs: []").contains("version"));
    assert!(parse(&"a".repeat(CONFIG_BYTES_MAX + 1)).contains("more than"));
    let many = "\n  - {statsd: {address: 'a:1'}}".repeat(OUTPUTS_MAX + 1);
    assert!(parse(&format!("version: 1\noutputs:{many}")).contains("there are more than 64"));
    let same = "\n  - {name: a, statsd: {address: 'a:1'}}".repeat(2);
    assert!(parse(&format!("version: 1\noutputs:{same}")).contains("another one has this name"));
    // Aliases that multiply.
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c]\n";
    parse(bomb);
}
