//! Who sends a request.

use std::net::{IpAddr, Ipv6Addr};

use actix_web::HttpMessage;

/// Whoever shares one rate limit. Stands in the extensions of every request that was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// The holders of the key at this place of the settings.
    Key(usize),
    /// A machine; of IPv6 the network, because a machine has as many addresses there as it likes.
    Address(IpAddr),
    /// Nobody knows, as over a socket that is no network's.
    Unknown,
}

impl Client {
    /// Who sends a request that was let in.
    pub(crate) fn of(request: &impl HttpMessage) -> Self {
        request.extensions().get().copied().unwrap_or(Self::Unknown)
    }

    /// Whose requests these are, where keys tell clients apart.
    pub(crate) fn owner(self) -> Option<u64> {
        match self {
            Self::Key(index) => u64::try_from(index).ok(),
            Self::Address(_) | Self::Unknown => None,
        }
    }

    pub(super) fn at(address: Option<IpAddr>) -> Self {
        const NETWORK: u128 = !0 << 64;
        match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V6(address)) => {
                let network = Ipv6Addr::from_bits(address.to_bits() & NETWORK);
                Self::Address(network.into())
            }
            Some(address) => Self::Address(address),
            None => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> Client {
        Client::at(Some(address.parse().unwrap()))
    }

    #[test]
    fn addresses_of_one_network_are_one_client() {
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_ne!(at("192.0.2.1"), at("192.0.2.2"));
        assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
    }
}
