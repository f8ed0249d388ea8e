//! Answers that must look like something.

use std::ffi::{CStr, CString};
use std::ptr;

use rkllm_cpu::ext_api;
use rkllm_sys::ext::{
    RKLLM_EXT_CONSTRAINT_GBNF as GBNF, RKLLM_EXT_CONSTRAINT_JSON_SCHEMA as JSON_SCHEMA,
    RKLLM_EXT_CONSTRAINT_LARK as LARK, RKLLM_EXT_CONSTRAINT_REGEX as REGEX,
};
use rkllm_sys::v1_3::{RKLLM_INFER_GET_LAST_HIDDEN_LAYER, RKLLM_INFER_GET_LOGITS};
use serde_json::{Value, json};

use crate::support::{Ask, Handle, abort, prompt, run_raw, sampling};

fn set(handle: &Handle, notation: u32, text: &str) -> i32 {
    let text = CString::new(text).expect("no NUL");
    // SAFETY: NUL-terminated.
    unsafe { (ext_api().set_constraint)(handle.raw().0, notation, text.as_ptr()) }
}

fn take_back(handle: &Handle, notation: u32) -> i32 {
    // SAFETY: null is allowed.
    unsafe { (ext_api().set_constraint)(handle.raw().0, notation, ptr::null()) }
}

/// Why a constraint cannot be used.
fn refusal(handle: &Handle, notation: u32, text: &CStr) -> String {
    let mut room = [0; 1024];
    // SAFETY: NUL-terminated text, and room as long as said.
    let length = unsafe {
        let code = (ext_api().check_constraint)(handle.raw().0, notation, text.as_ptr());
        assert_eq!(code, -1, "{text:?}");
        assert_eq!((ext_api().set_constraint)(handle.raw().0, notation, text.as_ptr()), -1);
        (ext_api().last_error)(room.as_mut_ptr().cast(), room.len())
    };
    let text = &room[..usize::try_from(length).expect("a reason")];
    String::from_utf8(text.to_vec()).expect("UTF-8")
}

/// A handle with room for answers.
fn handle() -> Handle {
    Handle::with(|param| param.max_context_len = 1024)
}

fn drawn(text: &str) -> Ask {
    prompt(text).most(400).sampled(sampling())
}

/// The answer to a drawn run within a constraint, which must end by itself.
fn answer(handle: &Handle, (notation, constraint): (u32, &str), seed: u32) -> String {
    handle.seed(seed);
    assert_eq!(set(handle, notation, constraint), 0);
    let ran = handle.run(&drawn("Tell me about an animal of your choice."));
    ran.finish();
    assert!(ran.tokens().len() < 400, "{}", ran.text());
    ran.text()
}

/// What [`ANIMAL`] asks for.
fn is_animal(animal: &Value) -> bool {
    let name = animal["name"].as_str().expect("a name");
    let tags = animal["tags"].as_array().expect("tags");
    let zip = animal["home"]["zip"].as_u64();
    name.len() <= 6
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name[1..].chars().all(|c| c.is_ascii_lowercase())
        && ["cat", "dog"].contains(&animal["kind"].as_str().expect("a kind"))
        && (1..=2).contains(&tags.len())
        && tags.iter().all(|tag| tag.as_str().is_some_and(|tag| tag.chars().count() <= 6))
        && animal["home"]["city"].is_string()
        && zip.is_some_and(|zip| zip <= 99_999)
        && (0.0..=1000.0).contains(&animal["weight"].as_f64().expect("a weight"))
        && animal["tame"].is_boolean()
}

const ANIMAL: &str = r#"{
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^[A-Z][a-z]{1,5}$"},
        "kind": {"enum": ["cat", "dog"]},
        "tags": {
            "type": "array", "items": {"type": "string", "maxLength": 6},
            "minItems": 1, "maxItems": 2
        },
        "home": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "maxLength": 8},
                "zip": {"type": "integer", "minimum": 0, "maximum": 99999}
            },
            "required": ["city", "zip"], "additionalProperties": false
        },
        "weight": {"type": "number", "minimum": 0, "maximum": 1000},
        "tame": {"type": "boolean"}
    },
    "required": ["name", "kind", "tags", "home", "weight", "tame"],
    "additionalProperties": false
}"#;

#[test]
fn a_json_schema_holds_for_every_seed() {
    let handle = handle();
    for seed in 0..20 {
        let text = answer(&handle, (JSON_SCHEMA, ANIMAL), seed);
        let animal: Value = serde_json::from_str(&text).expect("JSON");
        assert!(is_animal(&animal), "{text}");
        let keys: Vec<_> = animal.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["name", "kind", "tags", "home", "weight", "tame"], "as written");
        assert!(!text.contains('\n') && !text.contains("{ "), "bounded whitespace: {text}");
    }
    let again = |_| answer(&handle, (JSON_SCHEMA, ANIMAL), 7);
    let [first, second] = [(); 2].map(again);
    assert_eq!(first, second, "the seed holds within a constraint too");
}

#[test]
fn a_regular_expression_is_the_whole_answer() {
    let handle = handle();
    for seed in 0..5 {
        let text = answer(&handle, (REGEX, r"(Ja|Nein)/[0-9]{2} 😀{1,4}!\\"), seed);
        let rest = text.strip_prefix("Ja/").or_else(|| text.strip_prefix("Nein/")).expect("start");
        let (digits, rest) = rest.split_at(2);
        assert!(digits.bytes().all(|digit| digit.is_ascii_digit()), "{text}");
        let faces = rest.strip_prefix(' ').and_then(|rest| rest.strip_suffix("!\\")).expect("end");
        assert!(faces.starts_with('😀') && faces.chars().all(|c| c == '😀'), "{text}");
    }
}

#[test]
fn lark_forces_a_call_of_one_of_the_tools() {
    let handle = handle();
    let place = json!({
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 10}, "days": {"enum": [1, 2, 3]}},
        "required": ["city", "days"], "additionalProperties": false,
    });
    let grammar = format!(
        "start: \"<tool_call>\\n\" call \"\\n</tool_call>\"\n\
         call: weather | clock\n\
         weather: \"{{\\\"name\\\": \\\"get_weather\\\", \\\"arguments\\\": \" %json {place} \"}}\"\n\
         clock: \"{{\\\"name\\\": \\\"get_time\\\", \\\"arguments\\\": {{}}}}\"\n"
    );
    for seed in 0..6 {
        let text = answer(&handle, (LARK, &grammar), seed);
        let call = text.strip_prefix("<tool_call>\n").expect("its begin");
        let call = call.strip_suffix("\n</tool_call>").expect("its end");
        let call: Value = serde_json::from_str(call).expect("JSON");
        let arguments = &call["arguments"];
        match call["name"].as_str().expect("a name") {
            "get_time" => assert_eq!(*arguments, json!({})),
            "get_weather" => {
                assert!(arguments["city"].is_string(), "{text}");
                assert!([1, 2, 3].map(Value::from).contains(&arguments["days"]), "{text}");
            }
            other => panic!("no tool: {other}"),
        }
    }
}

#[test]
fn a_constraint_holds_for_one_run() {
    let handle = Handle::new();
    let ask = prompt("What is the capital of France?").most(10);
    let free = handle.run(&ask).text();
    let constraints = [
        (GBNF, r#"root ::= "Ja" "!"{3} | "Nein 😀""#),
        (REGEX, "Ja!{3}|Nein 😀"),
        (JSON_SCHEMA, r#"{"enum": ["Ja!!!", "Nein 😀"]}"#),
        (LARK, r#"start: "Ja" "!"{3} | "Nein 😀""#),
    ];
    for (notation, text) in constraints {
        for sampled in [ask.clone(), ask.clone().sampled(sampling())] {
            assert_eq!(set(&handle, notation, text), 0);
            let ran = handle.run(&sampled);
            ran.finish();
            let text = ran.text();
            assert!(["Ja!!!", "Nein 😀"].contains(&text.trim_matches('"')), "{text}");
            handle.clear();
            assert_eq!(handle.run(&ask).text(), free);
        }
        assert_eq!(set(&handle, notation, text), 0);
        assert_eq!(take_back(&handle, notation), 0);
        assert_eq!(handle.run(&ask).text(), free, "taken back");
    }
}

#[test]
fn the_limit_of_tokens_and_abort_end_runs_within_a_constraint() {
    let handle = handle();
    let ask = prompt("Hello.").most(5);
    let free = handle.run(&ask).text();
    assert_eq!(set(&handle, REGEX, "x{500}"), 0);
    let ran = handle.run(&ask);
    ran.finish();
    assert_eq!(ran.tokens().len(), 5);
    assert!(ran.text().bytes().all(|byte| byte == b'x'), "{}", ran.text());

    assert_eq!(set(&handle, REGEX, "x{500}"), 0);
    let raw = handle.raw();
    let ran = run_raw(raw, &prompt("Hello.").most(400), &mut |event| {
        assert!(event.text.bytes().all(|byte| byte == b'x'));
        abort(raw)
    });
    ran.finish();
    assert_eq!(ran.tokens().len(), 1);
    handle.clear();
    assert_eq!(handle.run(&ask).text(), free);
}

#[test]
fn numbers_are_no_answers() {
    let handle = Handle::new();
    for mode in [RKLLM_INFER_GET_LAST_HIDDEN_LAYER, RKLLM_INFER_GET_LOGITS] {
        let numbers = Ask { mode, ..prompt("Hello.") };
        assert_eq!(set(&handle, REGEX, "a"), 0);
        let refused = handle.run(&numbers);
        assert_eq!((refused.code, refused.events.len()), (-1, 0));
        assert_eq!(handle.run(&numbers).code, 0, "refused runs leave nothing to the next one");
    }
}

#[test]
fn what_is_no_constraint_is_refused_with_the_reason() {
    let handle = Handle::new();
    let long = CString::new(format!("root ::= \"{}\"", "a".repeat(65_536))).expect("no NUL");
    for text in [c"", c"no rule", c"other ::= \"a\"", c"root ::= root \"a\"", &long] {
        refusal(&handle, GBNF, text);
    }
    let cases = [
        (JSON_SCHEMA, c"", "it must have between 1 and 262144 bytes"),
        (JSON_SCHEMA, c"{", "EOF while parsing"),
        (JSON_SCHEMA, c"3", "schema must be an object"),
        (JSON_SCHEMA, c"false", "Unsatisfiable"),
        (JSON_SCHEMA, c"{\"not\": {\"type\": \"null\"}}", "not"),
        (JSON_SCHEMA, c"{\"type\": \"string\", \"pattern\": \"(?=a)\"}", "look-ahead"),
        (REGEX, c"(", "unclosed group"),
        (REGEX, c"a\\", "backslash"),
        (REGEX, c"(a)\\1", "backreferences are not supported"),
        (REGEX, c"[^\\s\\S]", "it allows no token of this model here"),
        (LARK, c"other: \"a\"", "no start rule found"),
        (LARK, c"start: \"a\" nothing", "nothing"),
        (LARK, c"start: <|no_such_token|>", "unknown special token"),
    ];
    for (notation, text, expected) in cases {
        let told = refusal(&handle, notation, text);
        assert!(told.contains(expected) && !told.contains('\n'), "{told}");
    }
    assert_eq!(refusal(&handle, 4, c"a"), "notation has the unknown value 4");
    assert_eq!(take_back(&handle, 4), -1);
    assert_eq!(handle.run(&prompt("Hello.").most(3)).tokens().len(), 3, "they hold for no run");
}

#[test]
fn what_costs_too_much_ends_in_an_error() {
    let handle = Handle::new();
    let text = |text: String| CString::new(text).expect("no NUL");
    let nested = text(format!("{}1{}", "{\"items\":".repeat(9000), "}".repeat(9000)));
    assert!(refusal(&handle, JSON_SCHEMA, &nested).contains("recursion limit"));
    let nested = text(format!("{}a{}", "(".repeat(7000), ")".repeat(7000)));
    assert!(refusal(&handle, REGEX, &nested).contains("nested"));
    let both: Vec<_> = (0..16)
        .map(|i| {
            json!({"anyOf": [
                {"properties": {i.to_string(): {"type": "string"}}},
                {"properties": {format!("b{i}"): {"type": "null"}}},
            ]})
        })
        .collect();
    let both = text(json!({ "allOf": both }).to_string());
    assert!(refusal(&handle, JSON_SCHEMA, &both).contains("schema too large"));
    let all: Vec<_> = (0..18).map(|i| format!("/.*{i}.*/")).collect();
    let told = refusal(&handle, LARK, &text(format!("start: R\nR: {}", all.join(" & "))));
    assert!(told.contains("it has 17 times `&`"), "{told}");

    // Too much only when the answer comes to it.
    assert_eq!(set(&handle, REGEX, "((a{1,1000}){1,1000}){1,1000}"), 0);
    handle.seed(1);
    let failed = handle.run(&drawn("Hello."));
    assert_eq!(failed.code, -1);
    assert!(failed.text().bytes().all(|byte| byte == b'a'), "{}", failed.text());
    assert_eq!(handle.run(&prompt("Hello.").most(3)).tokens().len(), 3);
}

#[test]
fn a_grammar_may_be_as_deep_as_long() {
    let handle = Handle::new();
    let (open, close) = ("(".repeat(32_000), ")".repeat(32_000));
    assert_eq!(set(&handle, GBNF, &format!("root ::= {open}\"a\"{close}")), 0);
    assert_eq!(handle.run(&prompt("Hello.")).text(), "a");

    let rules = (0..2000).map(|i| format!("r{i}: \"a\" r{}\n", i + 1)).collect::<String>();
    assert_eq!(set(&handle, LARK, &format!("start: r0\n{rules}r2000: \"b\"")), 0);
    let long =
        (1..1000).map(|i| format!("\"d{i}\":{{\"items\":{{\"$ref\":\"#/$defs/d{}\"}}}}", i - 1));
    let long = long.collect::<Vec<_>>().join(",");
    let chain = format!("{{\"$defs\":{{\"d0\":{{}},{long}}},\"$ref\":\"#/$defs/d999\"}}");
    assert_eq!(set(&handle, JSON_SCHEMA, &chain), 0);
}

#[test]
fn constraints_are_checked_while_a_run_is_under_way() {
    let handle = Handle::new();
    let raw = handle.raw();
    let mut checks = Vec::new();
    let ran = run_raw(raw, &prompt("Tell me a story."), &mut |_| {
        checks.push(std::thread::scope(|scope| {
            let check = |text: &'static CStr| {
                // SAFETY: any handle is accepted, and the text is NUL-terminated.
                scope.spawn(move || unsafe {
                    let raw = raw;
                    (ext_api().check_constraint)(raw.0, JSON_SCHEMA, text.as_ptr())
                })
            };
            let (good, bad) = (check(c"{}"), check(c"{"));
            (good.join().expect("no panic"), bad.join().expect("no panic"))
        }));
        0
    });
    ran.finish();
    assert_eq!(ran.tokens().len(), 8, "they change nothing of the run");
    assert!(checks.iter().all(|&codes| codes == (0, -1)), "{checks:?}");
}
