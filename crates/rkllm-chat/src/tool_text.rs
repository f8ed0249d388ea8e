//! Functions, calls and results as plain text, in the format of the Hermes models, for templates
//! that have no place for them.

use serde_json::{Value, json};

use crate::tojson::python_json;
use crate::view::arguments;
use crate::{Message, Role};

/// The conversation with a system text that describes the functions.
pub(crate) fn describe_tools(messages: &[Message], tools: &Value) -> Vec<Message> {
    let description = description(tools);
    let mut described = messages.to_vec();
    match described.first_mut().filter(|first| first.role == Role::System) {
        Some(system) if system.content.is_empty() => system.content = description,
        Some(system) => system.content = format!("{}\n\n{description}", system.content),
        None => described.insert(0, Message::new(Role::System, description)),
    }
    described
}

fn description(tools: &Value) -> String {
    let tools = tools.as_array().map_or(std::slice::from_ref(tools), Vec::as_slice);
    let lines: String = tools.iter().map(|tool| python_json(tool) + "\n").collect();
    format!(
        "You can call functions. Each line within the tags <tools></tools> describes one:\n\
         <tools>\n{lines}</tools>\n\
         To call a function, write its name and arguments as a JSON object within the tags \
         <tool_call></tool_call>; once per call:\n\
         <tool_call>\n{{\"name\": \"function\", \"arguments\": {{\"parameter\": \"value\"}}}}\n\
         </tool_call>\n\
         The results follow within the tags <tool_response></tool_response>. Answer without a \
         call where no function helps."
    )
}

/// The conversation with its calls in the assistant's texts; `None` when there are none.
pub(crate) fn calls_as_text(messages: &[Message]) -> Option<Vec<Message>> {
    messages.iter().any(|message| !message.tool_calls.is_empty()).then_some(())?;
    let told = messages.iter().map(|message| {
        let said = Some(message.content.clone()).filter(|text| !text.is_empty());
        let calls = message.tool_calls.iter().map(|call| {
            let call = json!({ "name": call.name, "arguments": arguments(call) });
            format!("<tool_call>\n{}\n</tool_call>", python_json(&call))
        });
        let content = said.into_iter().chain(calls).collect::<Vec<_>>().join("\n");
        Message { content, tool_calls: Vec::new(), ..message.clone() }
    });
    Some(told.collect())
}

/// The conversation with its results in the user's texts, one for all that follow one another;
/// `None` when there are none.
pub(crate) fn results_as_text(messages: &[Message]) -> Option<Vec<Message>> {
    messages.iter().any(|message| message.role == Role::Tool).then_some(())?;
    let mut told: Vec<Message> = Vec::with_capacity(messages.len());
    let mut after_result = false;
    for message in messages {
        if message.role != Role::Tool {
            told.push(message.clone());
            after_result = false;
            continue;
        }
        let text = format!("<tool_response>\n{}\n</tool_response>", message.content);
        match told.last_mut().filter(|_| after_result) {
            Some(results) => results.content = format!("{}\n{text}", results.content),
            None => told.push(Message::new(Role::User, text)),
        }
        after_result = true;
    }
    Some(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ToolCall;

    fn call(name: &str) -> ToolCall {
        ToolCall { id: None, name: name.to_owned(), arguments: json!({ "city": "Köln" }) }
    }

    #[test]
    fn functions_are_described_where_the_system_speaks() {
        let tools = json!([{ "type": "function", "function": { "name": "weather" } }]);
        let line =
            "<tools>\n{\"type\": \"function\", \"function\": {\"name\": \"weather\"}}\n</tools>\n";
        let user = Message::new(Role::User, "Hi");
        let described = describe_tools(std::slice::from_ref(&user), &tools);
        assert_eq!(described.len(), 2);
        assert!(described[0].role == Role::System && described[0].content.contains(line));
        assert_eq!(described[1], user);
        let described = describe_tools(&[Message::new(Role::System, "Be brief."), user], &tools);
        assert_eq!(described.len(), 2);
        assert!(described[0].content.starts_with("Be brief.\n\nYou can call"));
        assert!(described[0].content.contains(line));
    }

    #[test]
    fn calls_stand_in_the_answer() {
        let calling = Message {
            tool_calls: vec![call("weather"), call("time")],
            ..Message::new(Role::Assistant, "Let me see.")
        };
        let told = calls_as_text(&[Message::new(Role::User, "Hi"), calling]).unwrap();
        assert_eq!(
            told[1],
            Message::new(
                Role::Assistant,
                "Let me see.\n\
                 <tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Köln\"}}\n</tool_call>\n\
                 <tool_call>\n{\"name\": \"time\", \"arguments\": {\"city\": \"Köln\"}}\n</tool_call>",
            )
        );
        assert_eq!(calls_as_text(&[Message::new(Role::User, "Hi")]), None);
    }

    #[test]
    fn results_that_come_together_are_one_message() {
        let result = |text: &str| Message::new(Role::Tool, text);
        let user = || Message::new(Role::User, "Hi");
        let told = results_as_text(&[user(), result("1"), result("2"), user(), result("3")]);
        let text = "<tool_response>\n1\n</tool_response>\n<tool_response>\n2\n</tool_response>";
        let third = "<tool_response>\n3\n</tool_response>";
        let user_says = |text: &str| Message::new(Role::User, text);
        assert_eq!(told.unwrap(), [user(), user_says(text), user(), user_says(third)]);
        assert_eq!(results_as_text(&[user()]), None);
    }
}
