//! Conversations that a template cannot show, beside those that they become.

use Adaptation::{
    SystemMerged, ToolCallsAsText, ToolCallsRenamed, ToolCallsSplit, ToolResultsAsText,
    ToolsDescribed, TurnsJoined,
};
use rkllm_chat::{Adaptation, Message, RenderOptions, Role, ToolCall};
use serde_json::json;

use super::conversations::Conversation;
use super::models::model;
use super::reference::{Answer, Request, answers};

fn system(text: &str) -> Message {
    Message::new(Role::System, text)
}

fn user(text: &str) -> Message {
    Message::new(Role::User, text)
}

fn assistant(text: &str) -> Message {
    Message::new(Role::Assistant, text)
}

fn calling(ids: &[&str]) -> Message {
    let call = |id: &&str| ToolCall {
        id: Some(id.to_string()),
        name: "now".to_owned(),
        arguments: json!({ "zone": "UTC" }),
    };
    Message { tool_calls: ids.iter().map(call).collect(), ..assistant("") }
}

fn result(id: &str, text: &str) -> Message {
    Message { tool_call_id: Some(id.to_owned()), ..Message::new(Role::Tool, text) }
}

const CALL: &str =
    "<tool_call>\n{\"name\": \"now\", \"arguments\": {\"zone\": \"UTC\"}}\n</tool_call>";
const RESULT: &str = "<tool_response>\nnoon\n</tool_response>";

/// What is given to a template, what it becomes, and why.
type Case = (&'static str, Vec<Message>, Vec<Message>, &'static [Adaptation]);

fn systems() -> Vec<Case> {
    let brief = || vec![system("Be brief."), user("Hi")];
    let merged = || vec![user("Be brief.\n\nHi")];
    let later = || vec![system("A"), user("Hi"), assistant("Yes?"), system("B"), user("Go")];
    vec![
        ("gemma2", brief(), merged(), &[SystemMerged]),
        ("mixtral", brief(), merged(), &[SystemMerged]),
        ("olmo", brief(), merged(), &[SystemMerged]),
        (
            "mistral_nemo",
            later(),
            vec![system("A"), user("Hi"), assistant("Yes?"), user("B\n\nGo")],
            &[SystemMerged, TurnsJoined],
        ),
        (
            "smollm3",
            later(),
            vec![system("A"), user("Hi"), assistant("Yes?"), user("B"), user("Go")],
            &[SystemMerged],
        ),
        (
            "gemma2",
            later(),
            vec![user("A\n\nHi"), assistant("Yes?"), user("B\n\nGo")],
            &[SystemMerged, TurnsJoined],
        ),
    ]
}

fn turns() -> Vec<Case> {
    let twice = || vec![user("One"), user("Two"), assistant("a"), assistant("b"), user("Three")];
    let joined = || vec![user("One\n\nTwo"), assistant("a\n\nb"), user("Three")];
    ["gemma2", "gemma3", "llama2", "mixtral", "mistral_v03", "command_r"]
        .map(|name| (name, twice(), joined(), &[TurnsJoined][..]))
        .to_vec()
}

fn one_by_one() -> Vec<Message> {
    let (first, second) = (result("a", "noon"), result("b", "noon"));
    vec![user("Time?"), calling(&["a"]), first, calling(&["b"]), second]
}

fn calls() -> Vec<Case> {
    let exchange = |ids: &[&str]| {
        let results = ids.iter().map(|id| result(id, "noon"));
        [user("Time?")].into_iter().chain([calling(ids)]).chain(results).collect::<Vec<_>>()
    };
    let text = vec![user("Time?"), assistant(CALL), user(RESULT)];
    vec![
        ("phi3", exchange(&["a"]), text.clone(), &[ToolCallsAsText, ToolResultsAsText]),
        ("gemma2", exchange(&["a"]), text.clone(), &[ToolCallsAsText, ToolResultsAsText]),
        ("zephyr", exchange(&["a"]), text, &[ToolCallsAsText, ToolResultsAsText]),
        (
            "internlm2",
            exchange(&["a"]),
            vec![user("Time?"), assistant(CALL), result("a", "noon")],
            &[ToolCallsAsText],
        ),
        ("mistral_nemo", exchange(&["call_1"]), exchange(&["call00000"]), &[ToolCallsRenamed]),
        ("llama3_1", exchange(&["a", "b"]), one_by_one(), &[ToolCallsSplit]),
        ("gpt_oss", exchange(&["a", "b"]), one_by_one(), &[ToolCallsSplit]),
    ]
}

fn without_tools(messages: Vec<Message>) -> Conversation {
    let now = Some(rkllm_chat::DateTime::constant(2025, 3, 9, 14, 5, 7, 0));
    Conversation { messages, options: RenderOptions { now, ..RenderOptions::default() } }
}

#[test]
fn what_a_template_cannot_show_becomes_what_it_can() {
    let cases = [systems(), turns(), calls()].concat();
    let mut request = Request::default();
    for (name, _, shown, _) in &cases {
        request.add(&model(name), &without_tools(shown.clone()));
    }
    for ((name, given, shown, why), answer) in cases.iter().zip(answers(&request)) {
        let options = without_tools(Vec::new()).options;
        let prompt = model(name).template().render(given, &options);
        let prompt = prompt.unwrap_or_else(|error| panic!("{name}: {error}\n{given:#?}"));
        assert_eq!(answer, Answer::Text(prompt.text()), "{name}: {shown:#?}");
        assert_eq!(prompt.adapted, *why, "{name}");
    }
}

#[test]
fn tools_are_described_where_the_template_shows_none() {
    let tools = json!([{ "type": "function", "function": { "name": "now" } }]);
    for name in ["phi4", "gemma2", "deepseek_r1", "internlm2", "tinyllama"] {
        let template = model(name).template();
        assert!(!template.supports_tools(), "{name}");
        let options = RenderOptions { tools: Some(tools.clone()), ..RenderOptions::default() };
        let messages = [user("Time?"), calling(&["a"]), result("a", "noon")];
        let prompt = template.render(&messages, &options).unwrap();
        let text = prompt.text();
        let described =
            "<tools>\n{\"type\": \"function\", \"function\": {\"name\": \"now\"}}\n</tools>";
        assert!([described, CALL, RESULT].iter().all(|part| text.contains(part)), "{name}: {text}");
        assert!(
            prompt.adapted.starts_with(&[ToolCallsAsText, ToolResultsAsText, ToolsDescribed]),
            "{name}: {:?}",
            prompt.adapted
        );
    }
}

#[test]
fn a_refusal_is_about_the_conversation_that_was_given() {
    let tools = Some(json!([{ "type": "function", "function": { "name": "now" } }]));
    let options = RenderOptions { tools, ..RenderOptions::default() };
    let template = model("gemma2").template();
    let error = template.render(&[assistant("Hi"), user("Hi")], &options).unwrap_err();
    assert!(error.to_string().ends_with("Roles must alternate: assistant at 1"), "{error}");
}

#[test]
fn abilities_are_seen_from_the_outside() {
    let names = |able: fn(&rkllm_chat::ChatTemplate) -> bool| -> Vec<String> {
        let able_ones = super::models::models().into_iter().filter(|one| able(&one.template()));
        able_ones.map(|model| model.name).collect()
    };
    assert_eq!(
        names(rkllm_chat::ChatTemplate::supports_tools),
        [
            "functiongemma",
            "glm4",
            "glm4_6",
            "gpt_oss",
            "granite",
            "granite4",
            "hermes",
            "internlm3",
            "lfm2",
            "llama3_1",
            "llama3_2",
            "minicpm5",
            "mistral_nemo",
            "mistral_v03",
            "phi4_mini",
            "qwen2_5",
            "qwen3",
            "qwen3_coder",
            "smollm3",
        ]
    );
    assert_eq!(
        names(rkllm_chat::ChatTemplate::supports_thinking),
        ["deepseek_r1", "glm4_6", "minicpm5", "qwen3", "qwq", "smollm3"]
    );
    assert_eq!(names(|template| !template.supports_system()), ["gemma2", "mixtral", "olmo"]);
}
