//! The web page that a request comes from, if it comes from one.
//!
//! Browsers let every page send requests to every server and only keep the answer from it. Programs
//! outside browsers send no origin.

use actix_web::http::Uri;

use super::host;

/// The origins that may use the server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    any: bool,
    named: Vec<String>,
}

impl Origins {
    pub(super) fn new(origins: &[String]) -> Self {
        let named = origins.iter().map(|origin| origin.trim_end_matches('/').to_owned()).collect();
        Self { any: origins.iter().any(|origin| origin == "*"), named }
    }

    /// Whether no origin was named.
    pub(crate) fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// Whether every origin may.
    pub(super) fn any(&self) -> bool {
        self.any
    }

    /// Whether this origin was named.
    pub(super) fn names(&self, origin: &[u8]) -> bool {
        self.any || self.named.iter().any(|named| named.as_bytes().eq_ignore_ascii_case(origin))
    }

    /// Whether a page of `origin` may send more than it could read without asking: it was named, is
    /// the server's own, is served from this machine, or is part of a program and not of the web.
    pub(super) fn admits(&self, origin: &[u8], host: Option<&str>) -> bool {
        if self.names(origin) {
            return true;
        }
        let Ok(uri) = Uri::try_from(origin) else {
            // `null` is a page that hides where it comes from.
            return false;
        };
        match (uri.scheme_str(), uri.authority()) {
            (Some("http" | "https"), Some(authority)) => {
                let own = host.is_some_and(|host| host.eq_ignore_ascii_case(authority.as_str()));
                let name = authority.host();
                let loopback = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
                own || host::is_localhost(name) || loopback.is_ok_and(|ip| ip.is_loopback())
            }
            // Desktop programs and extensions have schemes of their own, which no website gets.
            (Some(_), _) => true,
            (None, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(origin: &str, allowed: &[&str]) -> bool {
        let allowed: Vec<_> = allowed.iter().map(|&origin| origin.to_owned()).collect();
        Origins::new(&allowed).admits(origin.as_bytes(), Some("board:5000"))
    }

    #[test]
    fn own_local_and_named_origins_may() {
        for origin in [
            "http://board:5000",
            "HTTP://BOARD:5000",
            "http://localhost:3000",
            "https://127.0.0.1",
            "http://[::1]:80",
            "vscode-webview://abc",
            "app://obsidian.md",
        ] {
            assert!(admits(origin, &[]), "{origin}");
        }
        assert!(admits("https://chat.example", &["https://chat.example/"]));
        assert!(admits("https://evil.example", &["*"]));
    }

    #[test]
    fn websites_may_not() {
        for origin in [
            "https://evil.example",
            "http://board",
            "http://board:5001",
            "http://localhost.evil.example",
            "null",
            "",
            "http://127.0.0.1.nip.io",
        ] {
            assert!(!admits(origin, &[]), "{origin}");
        }
        assert!(!admits("https://chat.example.evil", &["https://chat.example"]));
        assert!(!admits("https://chat.example:444", &["https://chat.example"]));
    }
}
