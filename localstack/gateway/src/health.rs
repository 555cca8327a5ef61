//! `tunrtc health`: asks the server on this machine whether it is well. A container's health check, where no other program is.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks for `/health` on that port of this machine.
///
/// # Errors
/// Nobody answers within 2 s, or the answer is not 200.
pub fn check(port: u16) -> io::Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut status = String::new();
    BufReader::new(stream).read_line(&mut status)?;
    let well = status.split(' ').nth(1) == Some("200");
    well.then_some(()).ok_or_else(|| io::Error::other(format!("it answers {:?}", status.trim_end())))
}
