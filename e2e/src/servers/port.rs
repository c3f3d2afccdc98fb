//! Free ports of this machine for servers that come back on the same one after they died.

use std::{
    fs,
    net::{SocketAddr, TcpListener, UdpSocket},
    ops::Range,
};

use super::random;

const LOWEST: u16 = 10_000;
/// Where Linux begins to take ports for outgoing connections, unless it is told otherwise.
const OUTGOING: u16 = 32_768;
const TRIES_MAX: usize = 1_000;

/// A port that no other test takes as long as this lives, nor any outgoing connection at all.
pub(super) struct Port {
    pub(super) address: SocketAddr,
    /// Our servers speak TCP: the UDP port of the same number tells other tests that it is taken.
    _claim: UdpSocket,
}

impl Port {
    /// # Panics
    /// When none is free.
    pub(super) fn free() -> Self {
        let range = range();
        (0..TRIES_MAX)
            .find_map(|_| {
                let offset = random() % u64::from(range.end - range.start);
                Self::claim(range.start + u16::try_from(offset).ok()?)
            })
            .unwrap_or_else(|| panic!("no free port on 127.0.0.1 in {range:?}"))
    }

    fn claim(number: u16) -> Option<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], number));
        let claim = UdpSocket::bind(address).ok()?;
        TcpListener::bind(address).is_ok().then_some(Self { address, _claim: claim })
    }
}

fn range() -> Range<u16> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = text.split_whitespace().next().and_then(|word| word.parse().ok());
    LOWEST..first.filter(|first| *first > LOWEST + 1_000).unwrap_or(OUTGOING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_of_one_server_even_while_nothing_listens() {
        let port = Port::free();
        assert!(Port::claim(port.address.port()).is_none());
        let listener = TcpListener::bind(port.address).unwrap();
        let number = port.address.port();
        drop(port);
        assert!(Port::claim(number).is_none(), "somebody listens there");
        drop(listener);
        assert!(Port::claim(number).is_some());
    }
}
