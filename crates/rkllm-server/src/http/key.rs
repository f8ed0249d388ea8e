//! The keys that requests may have to carry.

use std::fmt;

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use subtle::{Choice, ConstantTimeEq};

/// Longest key in bytes; it has to fit a header.
const MAX_KEY: usize = 4096;

/// A secret that a client shows to be let in. Cannot be printed.
#[derive(Clone)]
pub(crate) struct Key(Box<str>);

/// A text that cannot be a key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyError {
    /// It has no characters.
    #[error("a key is empty; give at least one character")]
    Empty,
    /// It does not fit a header.
    #[error("a key has {0} bytes; at most {MAX_KEY} are allowed")]
    Long(usize),
    /// It has characters that headers cannot carry.
    #[error("a key has a space, a control character or one outside ASCII; headers cannot carry it")]
    Character,
}

impl Key {
    /// A key from its text.
    pub(crate) fn new(text: &str) -> Result<Self, KeyError> {
        match text.len() {
            0 => return Err(KeyError::Empty),
            length if length > MAX_KEY => return Err(KeyError::Long(length)),
            _ => {}
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(KeyError::Character);
        }
        Ok(Self(text.into()))
    }

    /// Takes as long for a wrong key as for the right one.
    fn matches(&self, shown: &[u8]) -> Choice {
        self.0.as_bytes().ct_eq(shown)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// What a request shows: `Authorization: Bearer …` or `x-api-key: …`. Clients that send both mean
/// the same key, or have a made-up one in the other, so each counts.
pub(super) fn shown(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let bearer = headers.get_all(AUTHORIZATION).filter_map(|value| bearer(value.as_bytes()));
    let plain = headers.get_all("x-api-key").map(|value| value.as_bytes());
    bearer.chain(plain)
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(6)?;
    let separated = rest.first().is_some_and(|byte| byte.is_ascii_whitespace());
    (scheme.eq_ignore_ascii_case(b"bearer") && separated).then(|| rest.trim_ascii())
}

/// Which of the keys is shown. Every key is compared with everything shown, whatever matched
/// before.
pub(super) fn find<'a>(keys: &[Key], shown: impl Iterator<Item = &'a [u8]>) -> Option<usize> {
    let mut found = None;
    for shown in shown {
        for (index, key) in keys.iter().enumerate() {
            if bool::from(key.matches(shown)) {
                found = Some(index);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn keys() -> Vec<Key> {
        vec![Key::new("one").unwrap(), Key::new("two").unwrap()]
    }

    fn asked(headers: &[(&'static str, &'static str)]) -> Option<usize> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        find(&keys(), shown(&map))
    }

    #[test]
    fn keys_come_in_either_header() {
        assert_eq!(asked(&[("authorization", "Bearer two")]), Some(1));
        assert_eq!(asked(&[("authorization", "bearer   one")]), Some(0));
        assert_eq!(asked(&[("x-api-key", "one")]), Some(0));
        assert_eq!(asked(&[("authorization", "Bearer ollama"), ("x-api-key", "two")]), Some(1));
    }

    #[test]
    fn anything_else_is_no_key() {
        for value in ["", "Bearer", "Bearer ", "Bearer on", "Bearer onee", "Bearerone", "Basic one"]
        {
            assert_eq!(asked(&[("authorization", value)]), None, "{value}");
        }
        assert_eq!(asked(&[]), None);
        assert_eq!(asked(&[("x-api-key", "")]), None);
    }

    #[test]
    fn keys_that_no_header_can_carry_are_refused() {
        assert_eq!(Key::new("").unwrap_err(), KeyError::Empty);
        assert_eq!(Key::new("a b").unwrap_err(), KeyError::Character);
        assert_eq!(Key::new("schlüssel").unwrap_err(), KeyError::Character);
        assert_eq!(Key::new(&"x".repeat(4097)).unwrap_err(), KeyError::Long(4097));
    }

    #[test]
    fn a_key_cannot_be_printed() {
        assert_eq!(format!("{:?}", keys()), "[Key(…), Key(…)]");
    }
}
