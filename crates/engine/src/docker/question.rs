//! The read-only questions whose answers are passed on as the engine writes them.

use crate::{Docker, EngineError};

/// A question to Docker or podman whose answer is JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question<'n> {
    /// `docker info`.
    Info,
    /// `docker version`: the engine and its components.
    Version,
    /// `docker ps --all`.
    Containers,
    /// `docker container inspect`.
    Container(&'n str),
    /// `docker images`.
    Images,
    /// `docker image inspect`.
    Image(&'n str),
    /// `docker history`.
    History(&'n str),
    /// `docker network ls`, with options.
    Networks,
    /// A command that runs in a container.
    Exec(&'n str),
    /// `docker swarm`'s settings; only a manager answers.
    Swarm,
    /// `docker node ls`.
    Nodes,
    /// `docker service ls`.
    Services,
    /// `docker secret ls`: names only.
    Secrets,
    /// Past `exec` events between two times in seconds since 1970.
    Execs {
        /// The first second.
        since: i64,
        /// The last second; the answer ends there.
        until: i64,
    },
}

impl Docker {
    /// Asks, and gives the answer as it came.
    ///
    /// # Errors
    /// The engine does not answer, or refuses.
    pub fn answer(&self, question: &Question<'_>) -> Result<Vec<u8>, EngineError> {
        let operation = format!("answer {question:?}");
        let path = match question {
            Question::Info => "/info".to_owned(),
            Question::Version => "/version".to_owned(),
            Question::Containers => "/containers/json?all=true".to_owned(),
            Question::Container(name) => format!("/containers/{}/json", self.encode(name, &operation)?),
            Question::Images => "/images/json".to_owned(),
            Question::Image(name) => format!("/images/{}/json", self.encode(name, &operation)?),
            Question::History(name) => format!("/images/{}/history", self.encode(name, &operation)?),
            Question::Networks => "/networks".to_owned(),
            Question::Exec(id) => format!("/exec/{}/json", self.encode(id, &operation)?),
            Question::Swarm => "/swarm".to_owned(),
            Question::Nodes => "/nodes".to_owned(),
            Question::Services => "/services".to_owned(),
            Question::Secrets => "/secrets".to_owned(),
            Question::Execs { since, until } => {
                let filters =
                    "%7B%22type%22%3A%5B%22container%22%5D%2C%22event%22%3A%5B%22exec_create%22%5D%7D";
                format!("/events?since={since}&until={until}&filters={filters}")
            }
        };
        self.http.call(&path).map_err(|failure| self.error(&operation, failure))
    }
}
