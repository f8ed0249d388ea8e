//! What the fields of a [`Request`](crate::generate::Request) are called in a body.

use crate::error::Error;

/// The names of fields that a body calls something else.
#[derive(Debug, Default)]
pub(super) struct Names(Vec<(&'static str, String)>);

impl Names {
    /// Notes that `field` came as `wire`; the latest word counts.
    pub(super) fn say(&mut self, field: &'static str, wire: impl Into<String>) {
        self.0.retain(|(known, _)| *known != field);
        self.0.push((field, wire.into()));
    }

    /// The name in the body.
    pub(super) fn wire<'a>(&'a self, field: &'a str) -> &'a str {
        self.0.iter().find(|(known, _)| *known == field).map_or(field, |(_, wire)| wire)
    }

    /// An error whose message begins with the name of a field, in the body's words.
    pub(super) fn translate(&self, error: Error) -> Error {
        let (field, rest) = error.message.split_once(' ').unwrap_or((&error.message, ""));
        let wire = self.wire(field);
        Error { message: format!("{wire} {rest}"), param: Some(wire.to_owned()), ..error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_name_counts() {
        let mut names = Names::default();
        assert_eq!(names.wire("seed"), "seed");
        names.say("max_new_tokens", "max_tokens");
        names.say("max_new_tokens", "max_completion_tokens");
        assert_eq!(names.wire("max_new_tokens"), "max_completion_tokens");
        let error = names.translate(Error::invalid("max_new_tokens is 0; send more"));
        assert_eq!(error.message, "max_completion_tokens is 0; send more");
        assert_eq!(error.param.as_deref(), Some("max_completion_tokens"));
        let error = names.translate(Error::invalid("stop[0] has 2000 bytes"));
        assert_eq!(error.message, "stop[0] has 2000 bytes");
        assert_eq!(error.param.as_deref(), Some("stop[0]"));
    }
}
