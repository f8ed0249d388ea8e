//! The functions that chat templates expect beside those of Jinja.

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use minijinja::value::Value;
use minijinja::{Error, ErrorKind};

/// What a template said when it refused a conversation.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Raised(pub(crate) String);

/// `raise_exception(message)`: ends the rendering.
pub(crate) fn raise_exception(message: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, "raise_exception").with_source(Raised(message)))
}

/// `strftime_now(format)`, which writes `now`, or else the time of the call in local time.
pub(crate) fn strftime_now(now: Option<DateTime>) -> Value {
    Value::from_function(move |format: &str| {
        let now = now.unwrap_or_else(|| jiff::ZonedDateTime::now().datetime());
        strtime::format(format, now)
            .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
    })
}
