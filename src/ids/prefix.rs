//! Prefixes: addresses that share their first bits.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

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

impl Prefix {
    /// Whether an address is let in by a list of prefixes; an empty list lets all in.
    pub fn allows(list: &[Self], address: IpAddr) -> bool {
        let address = Self::of(address, 128);
        list.is_empty() || list.iter().any(|allowed| allowed.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Prefix {
        Prefix::of(text.parse().unwrap(), 128)
    }

    #[test]
    fn prefixes_contain_what_lies_inside() {
        assert!(Prefix::LOOPBACK_IPV4.contains(&one("127.9.9.9")));
        assert!(!Prefix::LOOPBACK_IPV4.contains(&one("128.0.0.1")));
        let all: Prefix = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains(&one("8.8.8.8")));
        assert!("10.0.0.0/33".parse::<Prefix>().is_err());
        assert!("ten".parse::<Prefix>().is_err());
    }

    #[test]
    fn a_list_of_prefixes_lets_in_what_lies_inside_and_an_empty_one_lets_all_in() {
        let list = ["10.0.0.0/8", "2001:db8::/32"].map(|text| text.parse().unwrap());
        for (address, let_in) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("11.0.0.1", false),
            ("2001:db8:1::1", true),
            ("::1", false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(Prefix::allows(&list, address), let_in, "{address}");
            assert!(Prefix::allows(&[], address));
        }
    }

    #[test]
    fn a_network_is_as_wide_as_it_is_asked_for() {
        let bits = (24, 48);
        let wide = |text: &str| one(text).within(bits).to_string();
        assert_eq!(wide("192.0.2.9"), "192.0.2.0/24");
        assert_eq!(wide("2001:db8:1:2::3"), "2001:db8:1::/48");
        let narrow = Prefix::of("10.0.0.0".parse().unwrap(), 8);
        assert_eq!(narrow.within(bits), narrow);
    }

    #[test]
    fn loopback_ipv6_is_exempt_also_when_sources_are_networks() {
        // ::1 counts to ::/64, which the prefix ::1/128 does not hold: exemption asks the address.
        assert!(Prefix::LOOPBACK_IPV6.contains(&one("::1")));
    }
}
