//! The client's hello.

use lifeline::proto::netconf::Hello;
use lifeline::xml::Limits;

pub fn run(data: &[u8]) {
    if let Ok(hello) = Hello::decode_client(data, &Limits::default()) {
        let _ = hello.base();
        let text = hello.encode();
        lifeline::xml::parse_str(&text).expect("a hello is XML");
    }
}
