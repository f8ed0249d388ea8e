//! Prompts for models whose tokens nobody knows here: text for the runtime's own template.

use rkllm::{Capability, Content, Input as RuntimeInput};
use rkllm_chat::{Message, Role};

use super::load::Loaded;
use super::prompt::Written;
use crate::error::{Code, Error};
use crate::generate::{Input, Request};
use crate::worker::ROLE;

/// A prompt as text for the runtime's own template, which knows one message at a time.
pub(super) fn plain(
    loaded: &Loaded,
    request: &Request,
    ignored: &mut Vec<String>,
) -> Result<Written, Error> {
    let roles = loaded.runtime.supports(Capability::Roles);
    let unsupported = |param: &str, what: &str| Error {
        param: Some(param.to_owned()),
        ..Error::new(
            Code::Unsupported,
            format!("{what} need the model's tokenizer; put its tokenizer.json beside the model"),
        )
    };
    if !request.tools.is_empty() {
        return Err(unsupported("tools", "tools"));
    }
    let (text, last, remembered) = match &request.input {
        Input::Chat { messages, .. } => {
            let last = messages.last().map_or(Role::User, |message| message.role);
            let remembers = loaded.runtime.supports(Capability::History);
            (flatten(messages), last, remembers.then(|| messages.clone()))
        }
        Input::Text { prompt, suffix: None } => (prompt.clone(), Role::User, None),
        Input::Text { suffix: Some(_), .. } => {
            return Err(unsupported("suffix", "texts with a gap"));
        }
        Input::Tokens(_) => return Err(unsupported("prompt", "prompts of tokens")),
    };
    let role = match last {
        Role::User => rkllm::Role::User,
        Role::Tool if roles => rkllm::Role::Tool,
        _ => {
            ignored.push(ROLE.to_owned());
            rkllm::Role::User
        }
    };
    if request.enable_thinking.is_some() && !roles {
        ignored.push("enable_thinking".to_owned());
    }
    let input = RuntimeInput {
        content: Content::Prompt(text),
        role,
        // Older runtimes have no switch: their template decides.
        enable_thinking: roles && request.enable_thinking.unwrap_or(true),
    };
    Ok(Written::text(input, remembered))
}

/// The conversation as plain text, for models and runtimes that take no conversation.
pub(super) fn flatten(messages: &[Message]) -> String {
    match messages {
        [only] => only.content.clone(),
        [earlier @ .., last] => {
            let mut text = String::new();
            for message in earlier {
                let name = match message.role {
                    Role::System => "System",
                    Role::User => "User",
                    Role::Assistant => "Assistant",
                    Role::Tool => "Tool",
                };
                text.push_str(&format!("{name}: {}\n\n", message.content));
            }
            text + &last.content
        }
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_is_its_text_and_more_are_a_transcript() {
        let one = [Message::new(Role::User, "hi")];
        assert_eq!(flatten(&one), "hi");
        let two = [Message::new(Role::System, "be brief"), Message::new(Role::User, "hi")];
        assert_eq!(flatten(&two), "System: be brief\n\nhi");
    }
}
