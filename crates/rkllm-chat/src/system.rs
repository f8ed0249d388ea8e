//! Conversations for templates that know no system role, or know it at the beginning only.

use std::mem;

use crate::neighbours::joined_text;
use crate::{Message, Role};

/// The conversation without a system message: those at its beginning stand in front of the first
/// user message, separated by an empty line unless blank, and later ones are user messages. `None` when it does
/// not begin with a system message, or has no user message.
pub(crate) fn merge_system(messages: &[Message]) -> Option<Vec<Message>> {
    let (system, rest) = messages.split_at(leading(messages));
    let first_user = rest.iter().position(|message| message.role == Role::User)?;
    if system.is_empty() {
        return None;
    }
    let mut merged = rest.to_vec();
    let question = &mut merged[first_user].content;
    *question = system
        .iter()
        .rev()
        .fold(mem::take(question), |text, message| joined_text(&message.content, &text));
    merged.iter_mut().for_each(system_to_user);
    Some(merged)
}

/// The conversation with its system messages as user messages, but for those at its beginning;
/// `None` when there are no others.
pub(crate) fn move_inner_system(messages: &[Message]) -> Option<Vec<Message>> {
    let leading = leading(messages);
    let mut moved = messages.to_vec();
    moved[leading..].iter_mut().for_each(system_to_user);
    (moved != messages).then_some(moved)
}

/// How many system messages a conversation begins with.
fn leading(messages: &[Message]) -> usize {
    messages.iter().take_while(|message| message.role == Role::System).count()
}

fn system_to_user(message: &mut Message) {
    if message.role == Role::System {
        message.role = Role::User;
    }
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
            (System, "Be quick."),
            (User, "Bye"),
        ]);
        assert_eq!(
            merge_system(&messages).unwrap(),
            conversation(&[
                (Assistant, "Hello."),
                (User, "Be brief.\n\nBe kind.\n\nHi"),
                (User, "Be quick."),
                (User, "Bye"),
            ])
        );
        assert_eq!(
            move_inner_system(&messages).unwrap(),
            conversation(&[
                (System, "Be brief."),
                (System, "Be kind."),
                (Assistant, "Hello."),
                (User, "Hi"),
                (User, "Be quick."),
                (User, "Bye"),
            ])
        );
    }

    #[test]
    fn nothing_moves_without_a_place_to_go_to() {
        assert_eq!(merge_system(&conversation(&[(User, "Hi"), (System, "Be brief.")])), None);
        assert_eq!(merge_system(&conversation(&[(System, "Be brief.")])), None);
        assert_eq!(
            merge_system(&conversation(&[(System, "Be brief."), (Assistant, "Hello.")])),
            None
        );
        assert_eq!(move_inner_system(&conversation(&[(System, "Be brief."), (User, "Hi")])), None);
    }
}
