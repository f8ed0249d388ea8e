//! Conversations for templates that take only one call at a time, or only some ids.

use std::collections::{HashMap, VecDeque};

use crate::{Message, Role};

/// The conversation with calls that were made together one after the other, each followed by its
/// result; `None` when no message makes more than one.
pub(crate) fn split_calls(messages: &[Message]) -> Option<Vec<Message>> {
    messages.iter().any(|message| message.tool_calls.len() > 1).then_some(())?;
    let mut split = Vec::with_capacity(messages.len());
    let mut rest = messages;
    while let Some((message, after)) = rest.split_first() {
        if message.tool_calls.len() < 2 {
            split.push(message.clone());
            rest = after;
            continue;
        }
        let count = after.iter().take_while(|result| result.role == Role::Tool).count();
        let (results, after) = after.split_at(count);
        split_one(message, results, &mut split);
        rest = after;
    }
    Some(split)
}

fn split_one(message: &Message, results: &[Message], split: &mut Vec<Message>) {
    let mut results: VecDeque<&Message> = results.iter().collect();
    for (index, call) in message.tool_calls.iter().enumerate() {
        let calls = vec![call.clone()];
        split.push(match index {
            0 => Message { tool_calls: calls, ..message.clone() },
            _ => Message { role: message.role, tool_calls: calls, ..Message::default() },
        });
        let named = |result: &&Message| call.id.is_some() && result.tool_call_id == call.id;
        let at = results.iter().position(named);
        let free = || results.iter().position(|result| result.tool_call_id.is_none());
        split.extend(at.or_else(free).and_then(|at| results.remove(at)).cloned());
    }
    split.extend(results.into_iter().cloned());
}

/// The conversation with ids of nine letters and digits, which is all that some templates take, for
/// its calls and their results; `None` when it has neither. A result without an id belongs to the
/// first call that has none yet.
pub(crate) fn rename_calls(messages: &[Message]) -> Option<Vec<Message>> {
    let of_tools = |message: &Message| message.role == Role::Tool || !message.tool_calls.is_empty();
    messages.iter().any(of_tools).then_some(())?;
    let mut renamed = messages.to_vec();
    let mut names: HashMap<String, String> = HashMap::new();
    let mut open: VecDeque<String> = VecDeque::new();
    let mut count = 0;
    for message in &mut renamed {
        for call in &mut message.tool_calls {
            let name = format!("call{count:05}");
            count += 1;
            if let Some(given) = call.id.replace(name.clone()) {
                names.insert(given, name.clone());
            }
            open.push_back(name);
        }
        if message.role == Role::Tool {
            let given = message.tool_call_id.take();
            let name = given.and_then(|id| names.get(&id).cloned()).or_else(|| open.pop_front());
            open.retain(|other| Some(other) != name.as_ref());
            message.tool_call_id = name;
        }
    }
    Some(renamed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ToolCall;

    fn calling(ids: &[Option<&str>]) -> Message {
        let call = |id: &Option<&str>| ToolCall {
            id: id.map(str::to_owned),
            name: "f".to_owned(),
            ..ToolCall::default()
        };
        Message { tool_calls: ids.iter().map(call).collect(), ..Message::new(Role::Assistant, "") }
    }

    fn result(id: Option<&str>, text: &str) -> Message {
        Message { tool_call_id: id.map(str::to_owned), ..Message::new(Role::Tool, text) }
    }

    #[test]
    fn each_call_stands_before_its_result() {
        let said = Message { content: "Both:".to_owned(), ..calling(&[Some("a"), Some("b")]) };
        let end = Message::new(Role::User, "Thanks");
        let results = [result(Some("b"), "2"), result(Some("a"), "1"), result(Some("x"), "3")];
        let messages = [vec![said], results.to_vec(), vec![end.clone()]].concat();
        assert_eq!(
            split_calls(&messages).unwrap(),
            [
                Message { content: "Both:".to_owned(), ..calling(&[Some("a")]) },
                result(Some("a"), "1"),
                calling(&[Some("b")]),
                result(Some("b"), "2"),
                result(Some("x"), "3"),
                end,
            ]
        );
        let unnamed = [calling(&[None, None]), result(None, "1"), result(None, "2")];
        let texts = |messages: Vec<Message>| -> String {
            messages.into_iter().map(|message| message.content + ",").collect()
        };
        assert_eq!(texts(split_calls(&unnamed).unwrap()), ",1,,2,");
        assert_eq!(split_calls(&[calling(&[None]), result(None, "1")]), None);
    }

    #[test]
    fn ids_are_short_and_still_belong_together() {
        let long = Some("call_Zm9vYmFyYmF6");
        let messages = [
            calling(&[long, None, Some("c")]),
            result(Some("c"), "3"),
            result(None, "1"),
            result(Some("?"), "2"),
            result(None, "4"),
        ];
        assert_eq!(
            rename_calls(&messages).unwrap(),
            [
                calling(&[Some("call00000"), Some("call00001"), Some("call00002")]),
                result(Some("call00002"), "3"),
                result(Some("call00000"), "1"),
                result(Some("call00001"), "2"),
                result(None, "4"),
            ]
        );
        assert_eq!(rename_calls(&[Message::new(Role::User, "Hi")]), None);
    }
}
