//! Proxies in front of the gateway, whose word about a client is believed.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, header::FORWARDED};
use ipnet::IpNet;

/// The networks of proxies that are trusted. Nobody else's forwarding headers are read.
#[derive(Debug, Default)]
pub(crate) struct Proxies(Vec<IpNet>);

/// What a chain of proxies says of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) address: IpAddr,
    /// Whether it spoke TLS to the proxy that it reached.
    pub(crate) secure: bool,
}

impl Proxies {
    pub(crate) fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Who is behind a TCP connection from `peer`: the last address on the way that is not a trusted proxy's.
    ///
    /// A proxy writes one of `X-Forwarded-For` and `Forwarded` and may pass on what a client wrote into the other. So when
    /// both are there and name different clients, neither is believed.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return Client { address: peer, secure: false };
        }
        let listed = values(headers, "x-forwarded-for");
        let forwarded = values(headers, FORWARDED.as_str());
        let by_list = self.last_untrusted(peer, listed.iter().map(|value| address(value)));
        let by_standard = self.last_untrusted(peer, forwarded.iter().map(|hop| address(parameter(hop, "for")?)));
        let address = match (listed.is_empty(), forwarded.is_empty()) {
            (_, true) => by_list,
            (true, false) => by_standard,
            (false, false) if by_list == by_standard => by_list,
            (false, false) => peer,
        };
        Client { address, secure: is_secure(headers, &forwarded) }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Follows the hops back from `peer`. One that cannot be read ends the way at the proxy that wrote it.
    fn last_untrusted(&self, peer: IpAddr, hops: impl DoubleEndedIterator<Item = Option<IpAddr>>) -> IpAddr {
        let mut client = peer;
        for hop in hops.rev() {
            match hop {
                Some(address) if self.trusts(client) => client = address,
                Some(_) | None => break,
            }
        }
        client
    }
}

/// The members of a header that is a list, over all its lines.
fn values<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let lines = headers.get_all(name).into_iter().map(|value| value.to_str().unwrap_or("unknown"));
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|member| !member.is_empty()).collect()
}

/// A parameter of one hop ([RFC 7239](https://www.rfc-editor.org/rfc/rfc7239)), without its quotes.
fn parameter<'a>(hop: &'a str, name: &str) -> Option<&'a str> {
    hop.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

/// An address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let parsed = bare.parse::<IpAddr>().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    parsed.map(|address| address.to_canonical())
}

fn is_secure(headers: &HeaderMap, forwarded: &[&str]) -> bool {
    let listed = values(headers, "x-forwarded-proto").first().copied();
    let protocol = listed.or_else(|| parameter(forwarded.first()?, "proto"));
    protocol.is_some_and(|protocol| protocol.eq_ignore_ascii_case("https"))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn client(peer: &str, headers: &[(&'static str, &'static str)]) -> String {
        let proxies =
            Proxies::new(["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"].map(|net| net.parse().expect("a net")).to_vec());
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .fold(HeaderMap::new(), |mut all, (name, value)| {
                all.append(name, value);
                all
            });
        proxies.client(peer.parse().expect("an address"), &headers).address.to_string()
    }

    #[test]
    fn a_stranger_is_whoever_connects_whatever_it_claims() {
        let claims = [("x-forwarded-for", "1.2.3.4"), ("forwarded", "for=1.2.3.4")];
        assert_eq!(client("192.0.2.1", &claims), "192.0.2.1");
    }

    #[test]
    fn behind_trusted_proxies_the_client_is_the_last_stranger_on_the_way() {
        for (claimed, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("1.2.3.4, 192.0.2.7", "192.0.2.7"),
            ("1.2.3.4, 192.0.2.7, 10.1.2.3", "192.0.2.7"),
            ("192.0.2.7:4711", "192.0.2.7"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("10.9.9.9", "10.9.9.9"),
            ("1.2.3.4, unknown", "127.0.0.1"),
            ("1.2.3.4, nonsense, 10.1.2.3", "10.1.2.3"),
            ("", "127.0.0.1"),
        ] {
            assert_eq!(client("127.0.0.1", &[("x-forwarded-for", claimed)]), expected, "{claimed}");
        }
    }

    #[test]
    fn the_standard_header_says_the_same() {
        for (claimed, expected) in [
            ("for=192.0.2.7", "192.0.2.7"),
            ("For=1.2.3.4, by=x;for=192.0.2.7;proto=https", "192.0.2.7"),
            ("for=\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("for=192.0.2.7, for=10.1.2.3", "192.0.2.7"),
            ("for=_hidden", "127.0.0.1"),
            ("proto=https", "127.0.0.1"),
        ] {
            assert_eq!(client("127.0.0.1", &[("forwarded", claimed)]), expected, "{claimed}");
        }
    }

    #[test]
    fn several_lines_are_one_list() {
        let lines = [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "192.0.2.7")];
        assert_eq!(client("127.0.0.1", &lines), "192.0.2.7");
    }

    #[test]
    fn of_two_headers_that_differ_neither_is_believed() {
        let same = [("x-forwarded-for", "192.0.2.7"), ("forwarded", "for=192.0.2.7")];
        assert_eq!(client("127.0.0.1", &same), "192.0.2.7");
        let other = [("x-forwarded-for", "192.0.2.7"), ("forwarded", "for=1.2.3.4")];
        assert_eq!(client("127.0.0.1", &other), "127.0.0.1");
    }
}
