//! Brings judged findings to where people and programs wait for them: files, sockets, syslog, HTTP.
//!
//! Owns the line formats of alerts, the outputs, their bounded queues and the metrics. Refuses decisions.
