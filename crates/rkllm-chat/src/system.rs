//! Conversations for templates that know no system role.

use crate::{Message, Role};

/// The conversation with its leading system messages at the beginning of the first user message,
/// separated by an empty line; `None` when it has no such messages.
pub(crate) fn merge_system(messages: &[Message]) -> Option<Vec<Message>> {
    let leading = messages.iter().take_while(|message| message.role == Role::System).count();
    let (system, rest) = messages.split_at(leading);
    let first_user = rest.iter().position(|message| message.role == Role::User)?;
    if system.is_empty() {
        return None;
    }
    let mut merged = rest.to_vec();
    let texts: Vec<&str> =
        system.iter().chain([&rest[first_user]]).map(|message| message.content.as_str()).collect();
    merged[first_user].content = texts.join("\n\n");
    Some(merged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Role::{Assistant, System, User};

    fn conversation(messages: &[(Role, &str)]) -> Vec<Message> {
        messages.iter().map(|(role, content)| Message::new(*role, *content)).collect()
    }

    #[test]
    fn system_texts_move_in_front_of_the_first_question() {
        let messages = conversation(&[
            (System, "Be brief."),
            (System, "Be kind."),
            (Assistant, "Hello."),
            (User, "Hi"),
            (User, "Bye"),
        ]);
        assert_eq!(
            merge_system(&messages).unwrap(),
            conversation(&[
                (Assistant, "Hello."),
                (User, "Be brief.\n\nBe kind.\n\nHi"),
                (User, "Bye"),
            ])
        );
    }

    #[test]
    fn nothing_is_merged_without_a_system_or_a_user_message() {
        assert_eq!(merge_system(&conversation(&[(User, "Hi"), (System, "Be brief.")])), None);
        assert_eq!(merge_system(&conversation(&[(System, "Be brief.")])), None);
        assert_eq!(
            merge_system(&conversation(&[(System, "Be brief."), (Assistant, "Hello.")])),
            None
        );
    }
}
