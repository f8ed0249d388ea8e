//! Conversations for templates in which roles must take turns.

use crate::{Message, Role};

/// The conversation with neighbours of one role as one message, their texts separated by an empty
/// line; `None` when no two are neighbours. Results of functions stay apart.
pub(crate) fn join_neighbours(messages: &[Message]) -> Option<Vec<Message>> {
    let mut joined: Vec<Message> = Vec::with_capacity(messages.len());
    for message in messages {
        let last = joined.last_mut().filter(|last| goes_on(last, message));
        match last {
            Some(last) => join(last, message),
            None => joined.push(message.clone()),
        }
    }
    (joined.len() < messages.len()).then_some(joined)
}

/// Whether one message can be read as the continuation of another.
fn goes_on(last: &Message, next: &Message) -> bool {
    let same = last.role == next.role && last.name == next.name;
    // After its calls an assistant waits for results, so a text that follows is another turn.
    same && last.role != Role::Tool && last.tool_calls.is_empty()
}

fn join(last: &mut Message, next: &Message) {
    last.content = joined_text(&last.content, &next.content);
    last.reasoning = match (last.reasoning.take(), &next.reasoning) {
        (Some(first), Some(second)) => Some(joined_text(&first, second)),
        (first, second) => first.or_else(|| second.clone()),
    };
    last.tool_calls.extend(next.tool_calls.iter().cloned());
}

/// Two texts with an empty line between them, unless one is blank.
pub(crate) fn joined_text(first: &str, second: &str) -> String {
    match (first.trim().is_empty(), second.trim().is_empty()) {
        (true, _) => second.to_owned(),
        (_, true) => first.to_owned(),
        (false, false) => format!("{first}\n\n{second}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ToolCall;

    fn said(role: Role, text: &str) -> Message {
        Message::new(role, text)
    }

    #[test]
    fn neighbours_become_one() {
        let thought = |text: &str| Some(text.to_owned());
        let calling = Message {
            reasoning: thought("More."),
            tool_calls: vec![ToolCall::default()],
            ..said(Role::Assistant, "")
        };
        let joined = join_neighbours(&[
            said(Role::User, "a"),
            said(Role::User, ""),
            said(Role::User, "b"),
            Message { reasoning: thought("Hm."), ..said(Role::Assistant, "c") },
            calling.clone(),
            said(Role::Tool, "1"),
            said(Role::Tool, "2"),
        ]);
        assert_eq!(
            joined.unwrap(),
            [
                said(Role::User, "a\n\nb"),
                Message { reasoning: thought("Hm.\n\nMore."), content: "c".to_owned(), ..calling },
                said(Role::Tool, "1"),
                said(Role::Tool, "2"),
            ]
        );
    }

    #[test]
    fn what_takes_turns_stays_as_it_is() {
        let turns = [said(Role::User, "a"), said(Role::Assistant, "b"), said(Role::User, "c")];
        assert_eq!(join_neighbours(&turns), None);
        let named = |name: &str| Message { name: Some(name.to_owned()), ..said(Role::User, "a") };
        assert_eq!(join_neighbours(&[named("Ann"), named("Ben")]), None);
        assert_eq!(join_neighbours(&[said(Role::Tool, "1"), said(Role::Tool, "1")]), None);
    }
}
