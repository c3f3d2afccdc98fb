//! Statements leave at once.
//!
//! sqlx 0.9.0 leaves Nagle's algorithm on (mended after it, transact-rs/sqlx#4336), and gives no
//! way to its socket. The last packet of a statement that takes several would wait for the
//! server's delayed acknowledgement: 40 ms in each commit.
#![expect(unsafe_code, reason = "a socket that another crate owns is known by its number only")]

use std::fs;
use std::os::fd::{BorrowedFd, RawFd};

use socket2::SockRef;

/// Turns Nagle's algorithm off for every connection of this process to a server at this port.
/// Where the system does not list its open files, statements are slower, not wrong.
pub(super) fn send_at_once(port: u16) {
    let Ok(open) = fs::read_dir("/dev/fd") else { return };
    let numbers = open.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<RawFd>().ok());
    for number in numbers {
        // SAFETY: should the file be closed by now, or its number be another's, then what follows
        // fails, or asks a socket whom it speaks to.
        let file = unsafe { BorrowedFd::borrow_raw(number) };
        let socket = SockRef::from(&file);
        let peer = socket.peer_addr().ok().and_then(|peer| peer.as_socket());
        if peer.is_some_and(|peer| peer.port() == port) {
            // A socket that is closed by now needs none.
            let _ = socket.set_tcp_nodelay(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn connections_to_the_port_send_at_once_and_no_others() {
        let [ours, other] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [to_ours, to_other] =
            [&ours, &other].map(|to| TcpStream::connect(to.local_addr().unwrap()).unwrap());
        send_at_once(ours.local_addr().unwrap().port());
        assert!(to_ours.nodelay().unwrap());
        assert!(!to_other.nodelay().unwrap());
    }
}
