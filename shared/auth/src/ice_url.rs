//! Addresses of STUN servers (RFC 7064) and TURN servers (RFC 7065), as browsers take them.

use std::net::{Ipv4Addr, Ipv6Addr};

/// What an address is the address of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IceUrlKind {
    /// `stun:` or `stuns:`.
    Stun,
    /// `turn:` or `turns:`.
    Turn,
}

/// Checks an address. Browsers refuse a whole configuration for one that is malformed, and with it every call.
///
/// # Errors
/// What it must be.
pub fn check_ice_url(kind: IceUrlKind, url: &str) -> Result<(), &'static str> {
    let schemes = match kind {
        IceUrlKind::Stun => ["stun", "stuns"],
        IceUrlKind::Turn => ["turn", "turns"],
    };
    let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
    let (address, query) = match rest.split_once('?') {
        Some((address, query)) => (address, Some(query)),
        None => (rest, None),
    };
    let is_known = schemes.iter().any(|known| scheme.eq_ignore_ascii_case(known));
    if is_known && is_query(kind, query) && is_address(address) { Ok(()) } else { Err(form(kind)) }
}

fn form(kind: IceUrlKind) -> &'static str {
    match kind {
        IceUrlKind::Stun => "must be of the form stun:HOST or stun:HOST:PORT, with nothing behind it",
        IceUrlKind::Turn => {
            "must be of the form turn:HOST or turns:HOST:PORT, optionally with ?transport=udp or ?transport=tcp"
        }
    }
}

fn is_query(kind: IceUrlKind, query: Option<&str>) -> bool {
    match (kind, query) {
        (_, None) => true,
        (IceUrlKind::Stun, Some(_)) => false,
        (IceUrlKind::Turn, Some(query)) => matches!(query, "transport=udp" | "transport=tcp"),
    }
}

/// `HOST` or `HOST:PORT`; an IPv6 address is in brackets.
fn is_address(text: &str) -> bool {
    if let Some((address, port)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address.parse::<Ipv6Addr>().is_ok() && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    match text.split_once(':') {
        Some((host, port)) => is_host(host) && is_port(port),
        None => is_host(text),
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// An IPv4 address, or a name of the DNS; one whose last part is a number would be taken for an address.
fn is_host(text: &str) -> bool {
    let labels: Vec<&str> = text.strip_suffix('.').unwrap_or(text).split('.').collect();
    let is_name = text.len() <= 253 && labels.iter().all(|label| is_label(label));
    let is_numeric = labels.last().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    if is_numeric { text.parse::<Ipv4Addr>().is_ok() } else { is_name }
}

fn is_label(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=63).contains(&text.len()) && text.bytes().all(inside) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_browsers_take_are_taken() {
        for url in
            ["stun:stun.example.org", "stun:stun.example.org:3478", "STUNS:192.0.2.1:5349", "stun:[2001:db8::1]:3478"]
        {
            assert_eq!(check_ice_url(IceUrlKind::Stun, url), Ok(()), "{url}");
        }
        for url in [
            "turn:turn.example.org",
            "turn:turn.example.org:3478?transport=udp",
            "turns:turn.example.org:5349?transport=tcp",
            "turn:[::1]",
            "turn:localhost",
            "turn:turn_1.example.org",
        ] {
            assert_eq!(check_ice_url(IceUrlKind::Turn, url), Ok(()), "{url}");
        }
    }

    #[test]
    fn addresses_that_browsers_refuse_are_refused() {
        for rest in [
            "",
            "//host:3478",
            "host:",
            "host:0",
            "host:65536",
            "host:+1",
            "host:3478/path",
            "user@host",
            "host name",
            "host,other",
            "-host",
            "a..b",
            "192.0.2.256",
            "2001:db8::1",
            "[2001:db8::1",
            "[nonsense]:3478",
            "[::1]3478",
            "host?transport=sctp",
            "host?transport=",
            "host?",
            "host?transport=udp&x=1",
            "host#fragment",
            "stun:host",
        ] {
            for (kind, scheme) in [(IceUrlKind::Stun, "stun:"), (IceUrlKind::Turn, "turn:")] {
                assert!(check_ice_url(kind, &format!("{scheme}{rest}")).is_err(), "{scheme}{rest}");
            }
        }
        assert!(check_ice_url(IceUrlKind::Stun, "stun:host:3478?transport=udp").is_err());
        for (kind, other) in [(IceUrlKind::Stun, "turn:host"), (IceUrlKind::Turn, "stun:host")] {
            assert!(check_ice_url(kind, other).is_err(), "{other}");
        }
        for url in ["host", "host:3478", "http://host", "stun", " stun:host"] {
            assert!(check_ice_url(IceUrlKind::Stun, url).is_err(), "{url}");
        }
    }
}
