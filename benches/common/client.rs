//! A NETCONF client on russh: base:1.1, one message at a time.

use std::net::SocketAddr;
use std::sync::Arc;

use russh::client::{Config, Handle, Handler, Msg};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg};

/// The user that the benches log in as.
pub const USER: &str = "bench";
const END: &[u8] = b"\n##\n";

/// Trusts the server it started itself.
pub struct AnyHost;

impl Handler for AnyHost {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

/// One session.
pub struct Client {
    _handle: Handle<AnyHost>,
    channel: Channel<Msg>,
    received: Vec<u8>,
}

impl Client {
    /// Logs in and exchanges hellos.
    pub async fn connect(address: SocketAddr, key: Arc<PrivateKey>) -> Self {
        let config = Arc::new(Config {
            nodelay: true,
            ..Config::default()
        });
        let mut handle = russh::client::connect(config, address, AnyHost)
            .await
            .expect("connect");
        let key = PrivateKeyWithHashAlg::new(key, None);
        let login = handle.authenticate_publickey(USER, key).await;
        assert!(login.expect("login").success(), "login refused");
        let channel = handle.channel_open_session().await.expect("channel");
        channel
            .request_subsystem(true, "netconf")
            .await
            .expect("subsystem");
        let mut client = Self {
            _handle: handle,
            channel,
            received: Vec::new(),
        };
        client.until(b"]]>]]>").await;
        client
            .channel
            .data_bytes(
                r#"<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability><capability>urn:ietf:params:netconf:base:1.1</capability></capabilities></hello>]]>]]>"#,
            )
            .await
            .expect("hello");
        client
    }

    /// Sends a request and returns the reply, framing included.
    pub async fn rpc(&mut self, operation: &str) -> String {
        let rpc = format!(
            r#"<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1">{operation}</rpc>"#
        );
        let framed = format!("\n#{}\n{rpc}\n##\n", rpc.len());
        self.channel.data_bytes(framed).await.expect("request");
        self.message().await
    }

    /// Sends octets as they are.
    pub async fn octets(&mut self, octets: Vec<u8>) {
        self.channel.data_bytes(octets).await.expect("octets");
    }

    /// Sends a request that must be answered with `<ok/>`.
    pub async fn ok(&mut self, operation: &str) {
        let reply = self.rpc(operation).await;
        assert!(reply.contains("<ok/>"), "{reply}");
    }

    /// The next message, framing included.
    pub async fn message(&mut self) -> String {
        self.until(END).await
    }

    async fn until(&mut self, end: &[u8]) -> String {
        let mut looked = 0;
        loop {
            let from = looked.min(self.received.len());
            let found = self
                .received
                .get(from..)
                .and_then(|rest| rest.windows(end.len()).position(|window| window == end));
            if let Some(at) = found {
                let message: Vec<u8> = self.received.drain(..from + at + end.len()).collect();
                return String::from_utf8(message).expect("UTF-8");
            }
            looked = self.received.len().saturating_sub(end.len());
            match self.channel.wait().await {
                Some(ChannelMsg::Data { data }) => self.received.extend_from_slice(&data),
                Some(_) => {}
                None => panic!("the server closed the session"),
            }
        }
    }
}

/// An edit-config of running.
pub fn edit_config(config: &str) -> String {
    format!("<edit-config><target><running/></target><config>{config}</config></edit-config>")
}

/// A subscription to stream `escEvent`.
pub const SUBSCRIBE: &str = r#"<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"><stream>escEvent</stream></create-subscription>"#;
