//! Which probe answers for which target.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::icmp::Pinger;
use super::settings::Settings;
use super::tcp;
use crate::clock::Clock;
use crate::engine::port::{PortFuture, ProbeTarget, Prober, Probers, Verdict};

/// All probes: dispatches by VIM first, then by collector.
pub struct Probes {
    clock: Arc<dyn Clock>,
    tcp_port: u16,
    pinger: Pinger,
    in_vim: Arc<dyn Probers>,
}

impl Probes {
    /// `in_vim`: VIMs (by connector id) that answer the collectors of their VMs themselves.
    pub fn new(settings: &Settings, clock: Arc<dyn Clock>, in_vim: Arc<dyn Probers>) -> Self {
        Self {
            pinger: Pinger::new(clock.clone()),
            clock,
            tcp_port: settings.tcp_port,
            in_vim,
        }
    }

    async fn ask(&self, target: ProbeTarget) -> Verdict {
        if let Some(vim) = self.in_vim.prober(&target.vim)
            && vim.answers(&target.collector)
        {
            return vim.probe(target).await;
        }
        let Some(address) = target.address.as_deref() else {
            return Verdict::CannotTell;
        };
        match (target.collector.as_str(), address.parse::<IpAddr>()) {
            ("ICMPPing", Ok(address)) => self.pinger.ping(address, target.timeout).await,
            ("TCPConnect", Ok(address)) => {
                let address = SocketAddr::new(address, self.tcp_port);
                tcp::connect(&*self.clock, address, target.timeout).await
            }
            _ => {
                tracing::debug!(?target, "no such collector, or not an address");
                Verdict::CannotTell
            }
        }
    }
}

impl Prober for Probes {
    fn probe(&self, target: ProbeTarget) -> PortFuture<'_, Verdict> {
        Box::pin(self.ask(target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::ids::VmId;
    use std::collections::BTreeMap;
    use std::time::Duration;

    struct Always(Verdict);

    impl Prober for Always {
        fn probe(&self, _: ProbeTarget) -> PortFuture<'_, Verdict> {
            Box::pin(async { self.0 })
        }
    }

    #[tokio::test]
    async fn the_vim_answers_first_and_nonsense_cannot_tell() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let settings = Settings {
            tcp_port: listener.local_addr().unwrap().port(),
            ..Settings::default()
        };
        let sim: Arc<dyn Prober> = Arc::new(Always(Verdict::Alive(7.0)));
        let in_vim = Arc::new(BTreeMap::from([("sim".to_owned(), sim)]));
        let probes = Probes::new(&settings, Arc::new(SystemClock::new()), in_vim);
        let ask = async |vim: &str, collector: &str, address: Option<&str>| {
            let target = ProbeTarget {
                collector: collector.into(),
                vim: vim.into(),
                vm_id: VmId::new("vm"),
                address: address.map(str::to_owned),
                timeout: Duration::from_millis(500),
            };
            probes.probe(target).await
        };
        assert_eq!(ask("sim", "ICMPPing", None).await, Verdict::Alive(7.0));
        assert_eq!(ask("real", "ICMPPing", None).await, Verdict::CannotTell);
        assert_eq!(
            ask("real", "TCPConnect", Some("host")).await,
            Verdict::CannotTell
        );
        assert_eq!(
            ask("real", "SNMP", Some("127.0.0.1")).await,
            Verdict::CannotTell
        );
        let open = ask("real", "TCPConnect", Some("127.0.0.1")).await;
        assert!(matches!(open, Verdict::Alive(_)));
    }
}
