//! Sources: which addresses are counted as one.

use std::net::IpAddr;

use super::settings::StartupSettings;
use crate::ids::Prefix;

/// The source that `address` counts to.
pub fn source(address: IpAddr, settings: &StartupSettings) -> Prefix {
    match address.to_canonical() {
        IpAddr::V4(_) => Prefix::of(address, settings.source_prefix_ipv4),
        IpAddr::V6(_) => Prefix::of(address, settings.source_prefix_ipv6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Prefix {
        source(text.parse().unwrap(), &StartupSettings::default())
    }

    #[test]
    fn an_ipv6_network_is_one_source_and_an_ipv4_address_is_one() {
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
