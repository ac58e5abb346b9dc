//! Sources: which addresses are counted as one.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::settings::StartupSettings;

/// The addresses that share their first bits. The address is stored with the other bits cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    network: IpAddr,
    bits: u8,
}

impl Prefix {
    /// `127.0.0.0/8`.
    pub const LOOPBACK_IPV4: Self = Self {
        network: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)),
        bits: 8,
    };
    /// `::1/128`.
    pub const LOOPBACK_IPV6: Self = Self {
        network: IpAddr::V6(Ipv6Addr::LOCALHOST),
        bits: 128,
    };

    /// The prefix of the given length that holds `address`; a length too long is cut.
    pub fn of(address: IpAddr, bits: u8) -> Self {
        let address = address.to_canonical();
        match address {
            IpAddr::V4(v4) => {
                let bits = bits.min(32);
                let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
                Self {
                    network: IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask)),
                    bits,
                }
            }
            IpAddr::V6(v6) => {
                let bits = bits.min(128);
                let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
                Self {
                    network: IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask)),
                    bits,
                }
            }
        }
    }

    /// The source that `address` counts to.
    pub fn source(address: IpAddr, settings: &StartupSettings) -> Self {
        match address.to_canonical() {
            IpAddr::V4(_) => Self::of(address, settings.source_prefix_ipv4),
            IpAddr::V6(_) => Self::of(address, settings.source_prefix_ipv6),
        }
    }

    /// The network of it with that many leading bits, of IPv4 and of IPv6.
    pub fn within(&self, (ipv4, ipv6): (u8, u8)) -> Self {
        let bits = match self.network {
            IpAddr::V4(_) => ipv4,
            IpAddr::V6(_) => ipv6,
        };
        Self::of(self.network, bits.min(self.bits))
    }

    /// Whether `other` lies wholly inside.
    pub fn contains(&self, other: &Self) -> bool {
        other.bits >= self.bits && Self::of(other.network, self.bits).network == self.network
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.bits)
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("not an address or prefix: {text:?}");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(|_| bad())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(longest);
        if bits > longest {
            return Err(bad());
        }
        Ok(Self::of(address, bits))
    }
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Prefix {
        Prefix::source(text.parse().unwrap(), &StartupSettings::default())
    }

    #[test]
    fn an_ipv6_network_is_one_source_and_an_ipv4_address_is_one() {
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:1"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
    }

    #[test]
    fn prefixes_contain_what_lies_inside() {
        assert!(Prefix::LOOPBACK_IPV4.contains(&source("127.9.9.9")));
        assert!(!Prefix::LOOPBACK_IPV4.contains(&source("128.0.0.1")));
        let all: Prefix = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains(&source("8.8.8.8")));
        assert!("10.0.0.0/33".parse::<Prefix>().is_err());
        assert!("ten".parse::<Prefix>().is_err());
    }

    #[test]
    fn loopback_ipv6_is_exempt_also_when_sources_are_networks() {
        // ::1 counts to ::/64, which the prefix ::1/128 does not hold: exemption asks the address.
        let one = Prefix::of("::1".parse().unwrap(), 128);
        assert!(Prefix::LOOPBACK_IPV6.contains(&one));
    }
}
