//! The key of a server that wants one.

use std::fmt;

use reqwest::header::HeaderValue;

use crate::Error;

/// The key of a server that wants one; sent with every request and shown nowhere.
///
/// ```
/// # use rkllm_client::ApiKey;
/// assert_eq!(format!("{:?}", ApiKey::new("secret")), "ApiKey(…)");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// A key as the server was started with.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The value of the header `Authorization`.
    pub(crate) fn header(&self) -> Result<HeaderValue, Error> {
        let mut value =
            HeaderValue::from_str(&format!("Bearer {}", self.0)).map_err(|_| Error::Key)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_header_can_carry_is_refused_without_being_shown() {
        let error = ApiKey::new("sec\nret").header().unwrap_err();
        assert!(matches!(error, Error::Key));
        assert!(!error.to_string().contains("sec"), "{error}");
        assert!(!format!("{:?}", ApiKey::new("secret").header().unwrap()).contains("secret"));
    }
}
