//! Guests that answer probes: a TCP port at every guest's own addresses, open while the guest answers.
//!
//! Whoever orchestrates probes guests, so there has to be something to probe. An address can be served where this
//! machine takes it for its own: all of 127.0.0.0/8 on Linux, and what an administrator routes to it. A guest that is
//! down, frozen or cut off refuses the connection; what is said on one is not listened to.
//!
//! ```text
//! cloudsim::Cloud: who answers -> follow, every LOOK -> one listener for each address -> accepts, closes
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::world::Sim;

/// How long after a guest fell silent, or came to, its port may tell otherwise.
const LOOK: Duration = Duration::from_millis(25);

/// Keeps the guests' ports as the guests are, until dropped.
pub async fn follow(sim: Arc<Sim>, port: u16) {
    let mut ports = Ports::new(port);
    loop {
        let answering = sim.now().cloud.answering();
        ports.set(&answering).await;
        tokio::time::sleep(LOOK).await;
    }
}

/// The ports that are open.
struct Ports {
    port: u16,
    open: BTreeMap<IpAddr, tokio::task::AbortHandle>,
    /// Addresses that this machine does not have.
    foreign: BTreeSet<IpAddr>,
    /// Closes all of them when it is dropped.
    tasks: JoinSet<()>,
}

impl Ports {
    fn new(port: u16) -> Self {
        Self {
            port,
            open: BTreeMap::new(),
            foreign: BTreeSet::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Opens and closes ports until those of `answering` are open.
    async fn set(&mut self, answering: &BTreeSet<IpAddr>) {
        self.foreign.retain(|address| answering.contains(address));
        let closing = |address: &IpAddr, task: &mut tokio::task::AbortHandle| {
            let stays = answering.contains(address);
            if !stays {
                task.abort();
            }
            stays
        };
        let before = self.open.len();
        self.open.retain(closing);
        if self.open.len() < before {
            // an aborted listener is closed once its task has been told
            tokio::task::yield_now().await;
        }
        while self.tasks.try_join_next().is_some() {}
        for address in answering {
            if self.open.contains_key(address) || self.foreign.contains(address) {
                continue;
            }
            match TcpListener::bind(SocketAddr::new(*address, self.port)).await {
                Ok(listener) => {
                    let task = self.tasks.spawn(take_all(listener));
                    self.open.insert(*address, task);
                }
                Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                    tracing::warn!(%address, "not an address of this machine: its guest answers nobody");
                    self.foreign.insert(*address);
                }
                Err(error) => tracing::warn!(%error, %address, port = self.port, "a guest's port"),
            }
        }
    }
}

/// Takes connections and closes them.
async fn take_all(listener: TcpListener) {
    loop {
        if listener.accept().await.is_err() {
            // out of sockets: others may give theirs back
            tokio::time::sleep(LOOK).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpStream;

    async fn answers(address: &str, port: u16) -> bool {
        let address: IpAddr = address.parse().unwrap();
        TcpStream::connect((address, port)).await.is_ok()
    }

    #[tokio::test]
    async fn a_port_is_open_as_long_as_its_guest_answers() {
        // reserved where no guest of the test is
        let reserved = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = reserved.local_addr().unwrap().port();
        let guests = |texts: &[&str]| -> BTreeSet<IpAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let mut ports = Ports::new(port);
        ports.set(&guests(&["127.77.3.9", "127.77.3.10"])).await;
        assert!(answers("127.77.3.9", port).await && answers("127.77.3.10", port).await);
        ports.set(&guests(&["127.77.3.10"])).await;
        assert!(!answers("127.77.3.9", port).await && answers("127.77.3.10", port).await);
        // back at once, beside one that this machine does not have
        ports.set(&guests(&["127.77.3.9", "192.0.2.7"])).await;
        assert!(answers("127.77.3.9", port).await && !answers("127.77.3.10", port).await);
        assert_eq!(ports.foreign, guests(&["192.0.2.7"]));
        drop(ports);
        tokio::task::yield_now().await;
        assert!(!answers("127.77.3.9", port).await);
    }
}
