//! What templates compute, expression by expression.

use rkllm_chat::{ChatTemplate, Error, Message, RenderOptions, Role};

use super::conversations::Conversation;
use super::models::Model;
use super::reference::{Answer, Request, answers};

/// One template a line, in which `\n` between the tags is a line break.
const EXPRESSIONS: &str = include_str!("../../corpus/expressions.txt");

fn conversation() -> Conversation {
    let messages = vec![Message::new(Role::User, "Hi"), Message::new(Role::Assistant, "Hello")];
    let now = Some(rkllm_chat::DateTime::constant(2025, 3, 9, 14, 5, 7, 0));
    Conversation { messages, options: RenderOptions { now, ..RenderOptions::default() } }
}

fn source(line: &str) -> String {
    if line.starts_with("{%- if true %}\\n") { line.replace("\\n", "\n") } else { line.to_owned() }
}

/// Parsing and rendering, by words that can be compared.
fn render(model: &Model, conversation: &Conversation) -> Answer {
    let template = ChatTemplate::parse(&model.source, model.special());
    let rendered = template
        .and_then(|template| template.render(&conversation.messages, &conversation.options));
    match rendered {
        Ok(prompt) => Answer::Text(prompt.text()),
        Err(Error::Raised { message }) => Answer::Raised(message),
        Err(error) => Answer::Failed(error.to_string()),
    }
}

#[test]
fn expressions_have_the_values_that_python_gives_them() {
    let conversation = conversation();
    let lines = EXPRESSIONS.lines().enumerate();
    let models: Vec<Model> = lines
        .map(|(index, line)| Model { name: format!("line {}", index + 1), source: source(line) })
        .collect();
    let mut request = Request::default();
    models.iter().for_each(|model| request.add(model, &conversation));
    let answers = answers(&request);
    let wrong: Vec<String> = models
        .iter()
        .zip(&answers)
        .map(|(model, answer)| (model, render(model, &conversation), answer))
        .filter(|(_, ours, answer)| match (ours, answer) {
            (Answer::Failed(_), Answer::Failed(_)) => false,
            (ours, answer) => ours != *answer,
        })
        .map(|(model, ours, answer)| {
            format!("{}: {}\n  {ours:?}\n  Python: {answer:?}\n", model.name, model.source)
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), models.len(), wrong.concat());
}
