//! Functions that the model may call, and what they returned.

use rkllm_chat::{Message, Role};
use serde_json::Value;

use crate::error::Error;

/// What `rkllm_set_function_tools` is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tools {
    /// Takes the place of the template's own system prompt; empty leaves that in place.
    pub(crate) system: String,
    /// A JSON array of functions.
    pub(crate) functions: Value,
    /// Name of the tag around results, where the template has no turn for them.
    pub(crate) tag: String,
}

impl Tools {
    /// Reads the functions.
    pub(crate) fn new(system: &str, functions: &str, tag: &str) -> Result<Self, Error> {
        let functions: Value = serde_json::from_str(functions)
            .map_err(|error| Error::Tools(format!("tools is no JSON: {error}")))?;
        if !functions.as_array().is_some_and(|list| list.iter().all(Value::is_object)) {
            return Err(Error::Tools("tools must be a JSON array of objects".to_owned()));
        }
        Ok(Self { system: system.to_owned(), functions, tag: tag.to_owned() })
    }

    /// What every conversation begins with.
    pub(crate) fn opening(&self) -> Vec<Message> {
        let system = (!self.system.is_empty()).then(|| Message::new(Role::System, &self.system));
        system.into_iter().collect()
    }

    /// The messages by which results are told: one for each element if they are a JSON array.
    ///
    /// A template without a turn for results gets them as a user's text, within the tag.
    pub(crate) fn results(&self, text: &str, template_shows_them: bool) -> Vec<Message> {
        let results = match serde_json::from_str(text) {
            Ok(Value::Array(list)) => list.into_iter().map(as_text).collect(),
            _ => vec![text.to_owned()],
        };
        if template_shows_them {
            return results.into_iter().map(|text| Message::new(Role::Tool, text)).collect();
        }
        let tag = &self.tag;
        let tagged: Vec<String> =
            results.iter().map(|text| format!("<{tag}>\n{text}\n</{tag}>")).collect();
        vec![Message::new(Role::User, tagged.join("\n"))]
    }
}

fn as_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools() -> Tools {
        Tools::new("Be brief.", r#"[{"type":"function"}]"#, "tool_response").expect("valid")
    }

    #[test]
    fn each_result_is_a_message() {
        let results = tools().results(r#"["21 °C", {"wind": 3}]"#, true);
        let texts: Vec<&str> = results.iter().map(|message| message.content.as_str()).collect();
        assert_eq!(texts, ["21 °C", r#"{"wind":3}"#]);
        assert!(results.iter().all(|message| message.role == Role::Tool));
        assert_eq!(tools().results("sunny", true), [Message::new(Role::Tool, "sunny")]);
    }

    #[test]
    fn results_are_tagged_where_the_template_has_no_turn_for_them() {
        let results = tools().results(r#"["a", "b"]"#, false);
        let text = "<tool_response>\na\n</tool_response>\n<tool_response>\nb\n</tool_response>";
        assert_eq!(results, [Message::new(Role::User, text)]);
    }

    #[test]
    fn functions_are_an_array_of_objects() {
        for text in ["", "{}", "[1]", "[{}"] {
            assert!(matches!(Tools::new("", text, ""), Err(Error::Tools(_))), "{text}");
        }
    }
}
