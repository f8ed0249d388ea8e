//! Calls as models write them.

use super::*;

const OSLO: &str = r#"weather({"city":"Oslo"})"#;
const ROME: &str = r#"weather({"city":"Rome"})"#;

/// Every call is one of `weather` or `time`.
#[track_caller]
fn reads(format: ToolFormat, output: &str, expected: &[&str]) {
    let summary = check(&options(format, &["weather", "time"]), output, expected);
    assert_eq!(summary.malformed, 0, "of {output:?}");
    // Known functions matter only where nothing else tells a call from text.
    let marked = ["<", "[TOOL", "```"].iter().any(|mark| output.trim().starts_with(mark));
    if marked && format != ToolFormat::Json {
        assert_eq!(check(&options(format, &[]), output, expected).malformed, 0);
    }
}

/// The output is delivered as it is, and so many calls in it are counted.
#[track_caller]
fn is_text(format: ToolFormat, output: &str, malformed: usize) {
    let summary = check(&options(format, &["weather"]), output, &[output]);
    assert_eq!(summary.malformed, malformed, "of {output:?}");
}

#[test]
fn hermes() {
    let format = ToolFormat::Hermes;
    let oslo =
        "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>";
    let rome = "<tool_call>{\"arguments\":{\"city\":\"Rome\"},\"name\":\"weather\"}</tool_call>";
    reads(format, oslo, &[OSLO]);
    reads(format, &format!("I'll look.\n\n{oslo}\n{rome}\n"), &["I'll look.", OSLO, ROME]);
    reads(format, &format!("<think>\nHm\n</think>\n\n{oslo}\nDone."), &["«Hm»", OSLO, "Done."]);
    reads(format, &format!("{oslo}<think>a</think>\n{rome}"), &[OSLO, "«a»", ROME]);
    reads(format, "<tool_call>{\"name\": \"time\"}</tool_call>", &["time({})"]);
    reads(
        format,
        "<tool_call>[{\"name\": \"time\"}, {\"name\": \"time\"}]</tool_call>",
        &["time({})"; 2],
    );
    reads(
        format,
        "<|tool_call|>[{\"name\": \"time\", \"arguments\": {}}]<|/tool_call|>",
        &["time({})"],
    );
    reads(format, "<tool_call>\n```json\n{\"name\": \"time\"}\n```\n</tool_call>", &["time({})"]);
}

#[test]
fn hermes_without_its_marks() {
    let format = ToolFormat::Hermes;
    let oslo = r#"{"name": "weather", "arguments": {"city": "Oslo"}}"#;
    reads(format, &format!("\n{oslo}\n{oslo}\n"), &[OSLO, OSLO]);
    reads(format, &format!("```json\n{oslo}\n```"), &[OSLO]);
    reads(format, &format!("{oslo}\n</tool_call>"), &[OSLO]);
    is_text(format, &format!("Like this:\n{oslo}"), 0);
    is_text(format, "{\"name\": \"Bob\", \"age\": 3}", 0);
    is_text(format, "{\"answer\": {\"name\": \"weather\", \"arguments\": {}}}", 0);
    is_text(format, "```python\nprint({})\n```\n", 0);
    let output = r#"{"name": "Bob"}"#;
    check(&options(format, &[]), output, &[output]);
}

#[test]
fn qwen_xml() {
    let format = ToolFormat::QwenXml;
    let function = |parameters: &str| format!("<function=weather>\n{parameters}</function>");
    let oslo = function("<parameter=city>\nOslo\n</parameter>\n");
    reads(format, &format!("<tool_call>\n{oslo}\n</tool_call>"), &[OSLO]);
    reads(format, &format!("{oslo}\n<tool_call>\n{oslo}\n</tool_call>\n"), &[OSLO, OSLO]);
    reads(
        format,
        "Hm.\n<tool_call>\n<function=time>\n</function>\n</tool_call>",
        &["Hm.", "time({})"],
    );
    let values = "<parameter=a>\n 3\n</parameter><parameter=b>True</parameter>\
                  <parameter=c>[1, \"x\"]</parameter><parameter=d>\n{x}\n\n\"y\"</parameter>";
    let expected = r#"weather({"a":3,"b":true,"c":[1, "x"],"d":"{x}\n\n\"y\""})"#;
    reads(format, &function(values), &[expected]);
    reads(format, &function("<parameter=city>\nOslo\n"), &[OSLO]);
    reads(format, "<function=weather>{\"city\": \"Oslo\"}</function>", &[OSLO]);
    reads(format, "<tool_call>{\"name\": \"time\"}</tool_call>", &["time({})"]);
}

#[test]
fn qwen_xml_with_known_types() {
    let parameters = serde_json::json!({"properties": {"zip": {"type": "string"}}});
    let functions = vec![KnownFunction::new("weather", &parameters)];
    let options = OutputOptions { functions, ..options(ToolFormat::QwenXml, &[]) };
    let output = "<function=weather><parameter=zip>0150</parameter><parameter=days>3</parameter>\
                  </function>";
    check(&options, output, &[r#"weather({"zip":"0150","days":3})"#]);
    let output = "<function=weather>\n<parameter=zip>\n12\n</parameter></function>";
    check(&options, output, &[r#"weather({"zip":"12"})"#]);
}

#[test]
fn llama() {
    let format = ToolFormat::Llama;
    let oslo = r#"{"name": "weather", "parameters": {"city": "Oslo"}}"#;
    let rome =
        r#"{"type": "function", "function": {"name": "weather", "parameters": {"city": "Rome"}}}"#;
    reads(format, &format!("<|python_tag|>{oslo}<|eom_id|>"), &[OSLO]);
    reads(format, &format!("{oslo}; {rome}"), &[OSLO, ROME]);
    reads(format, &format!("Sure:\n{oslo}\n{rome}\nDone"), &["Sure:", OSLO, ROME, "\n\nDone"]);
    reads(format, "{\"function\": \"time\", \"parameters\": {}}", &["time({})"]);
    reads(format, "<function=weather>{\"city\": \"Oslo\"}</function>", &[OSLO]);
    is_text(format, "<|python_tag|>print(1)", 1);
    is_text(format, &format!("Write {oslo}"), 0);
}

#[test]
fn mistral() {
    let format = ToolFormat::Mistral;
    let list = r#"[{"name": "weather", "arguments": {"city": "Oslo"}, "id": "a1b2c3d4e"}, {"name": "weather", "arguments": {"city": "Rome"}}]"#;
    reads(format, &format!("[TOOL_CALLS]{list}"), &[OSLO, ROME]);
    reads(format, &format!("[TOOL_CALLS] {list}"), &[OSLO, ROME]);
    reads(format, list, &[OSLO, ROME]);
    let named = r#"[TOOL_CALLS]weather[ARGS]{"city": "Oslo"}[TOOL_CALLS]weather[CALL_ID]a1[ARGS]{"city": "Rome"}"#;
    reads(format, &format!("Hm.{named}"), &["Hm.", OSLO, ROME]);
    reads(format, "[TOOL_CALLS]weather{\"city\": \"Oslo\"}", &[OSLO]);
    reads(format, "weather[ARGS]{\"city\": \"Oslo\"}", &[OSLO]);
    reads(format, "weather{\"city\": \"Oslo\"}", &[OSLO]);
    is_text(format, "weather is a word [1]", 0);
    is_text(format, "[1, 2]", 0);
}

#[test]
fn gemma() {
    let format = ToolFormat::Gemma;
    let oslo = "<start_function_call>call:weather{city:<escape>Oslo<escape>}<end_function_call>";
    reads(format, oslo, &[OSLO]);
    reads(format, &format!("{oslo}{oslo}<start_function_response>"), &[OSLO, OSLO]);
    let values =
        "call:weather{a:1,b:true,c:[<escape>x\"}<escape>,{d:null}],e:<escape>1\\n<escape>}";
    let expected = r#"weather({"a":1,"b":true,"c":["x\"}",{"d":null}],"e":"1\\n"})"#;
    reads(format, &format!("<start_function_call>{values}<end_function_call>"), &[expected]);
    reads(format, values, &[expected]);
    reads(format, "<|tool_call>call:weather{city:<|\"|>Oslo<|\"|>}<tool_call|>", &[OSLO]);
    reads(format, "<start_function_call>call:time{}<end_function_call>", &["time({})"]);
    is_text(format, "call: 555", 0);
}

#[test]
fn gemma_fences() {
    let format = ToolFormat::Gemma;
    reads(format, "I look:\n```tool_code\nweather(city=\"Oslo\")\n```", &["I look:", OSLO]);
    let both =
        "```tool_code\nprint(default_api.weather(city='Oslo'))\nweather(city=\"Rome\")\n```\n";
    check(&options(format, &["weather"]), both, &[OSLO, ROME]);
    reads(format, "```tool_call\n{'name': 'weather', 'arguments': {'city': 'Oslo'}}\n```", &[OSLO]);
    reads(format, "{\"name\": \"weather\", \"parameters\": {\"city\": \"Oslo\"}}", &[OSLO]);
    is_text(format, "```tool_code\nx = 1 + 2\n```", 1);
    is_text(format, "```tool_code\nweather(\"Oslo\")\n```", 1);
    is_text(format, "```tool_code\nweather(city=town())\n```", 1);
}

#[test]
fn deepseek() {
    let format = ToolFormat::Deepseek;
    let old = "<｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n```json\n{\"city\": \"Oslo\"}\n```\
               <｜tool▁call▁end｜>";
    let new = "<｜tool▁call▁begin｜>weather<｜tool▁sep｜>{\"city\": \"Rome\"}<｜tool▁call▁end｜>";
    let section = |calls: &str| format!("<｜tool▁calls▁begin｜>{calls}<｜tool▁calls▁end｜>");
    reads(format, &section(old), &[OSLO]);
    reads(format, &section(&format!("{old}\n{old}")), &[OSLO, OSLO]);
    reads(format, &format!("Hm.\n{}", section(&format!("{new}{new}"))), &["Hm.", ROME, ROME]);
    reads(format, new, &[ROME]);
    is_text(format, "```json\n{\"name\": \"weather\", \"arguments\": {}}\n```", 0);
}

#[test]
fn deepseek_markup_of_its_own() {
    let format = ToolFormat::Deepseek;
    let call = |parameters: &str| {
        format!("<｜DSML｜invoke name=\"weather\">\n{parameters}\n</｜DSML｜invoke>\n")
    };
    let oslo = call("<｜DSML｜parameter name=\"city\" string=\"true\">Oslo</｜DSML｜parameter>");
    let section = format!("<｜DSML｜function_calls>\n{oslo}{oslo}</｜DSML｜function_calls>");
    reads(format, &format!("Hm.\n\n{section}"), &["Hm.", OSLO, OSLO]);
    let values = "<｜DSML｜parameter name=\"zip\" string=\"true\">12</｜DSML｜parameter>\n\
                  <｜DSML｜parameter name=\"days\" string=\"false\">3</｜DSML｜parameter>";
    reads(format, &call(values), &[r#"weather({"zip":"12","days":3})"#]);
}

#[test]
fn internlm() {
    let format = ToolFormat::Hermes;
    let oslo = "<|action_start|><|plugin|>\n{\"name\": \"weather\", \"parameters\": {\"city\": \
                \"Oslo\"}}<|action_end|>";
    reads(format, oslo, &[OSLO]);
    reads(format, &format!("Sure.{oslo}\n{oslo}"), &["Sure.", OSLO, OSLO]);
    is_text(format, "<|action_start|><|interpreter|>\n```python\n1 + 1\n```<|action_end|>", 1);
}

#[test]
fn minicpm_xml() {
    let format = ToolFormat::QwenXml;
    let oslo = "<function name=\"weather\"><param name=\"city\">Oslo</param></function>";
    reads(format, oslo, &[OSLO]);
    reads(format, &format!("Hm.\n{oslo}{oslo}"), &["Hm.", OSLO, OSLO]);
    reads(format, "<function name='time'></function>", &["time({})"]);
    let values = "<function name=\"weather\">\n<param name=\"a\"><![CDATA[1 < 2\n]]></param>\n\
                  <param name=\"b\">\n2</param>\n</function>";
    reads(format, values, &[r#"weather({"a":"1 < 2\n","b":2})"#]);
    is_text(format, "<function name=\"cook\"><param name=\"a\">1</param></function>", 1);
}

#[test]
fn glm() {
    let format = ToolFormat::Glm;
    let oslo = "<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>Oslo</arg_value>\n\
                </tool_call>";
    let rome = "<tool_call>weather<arg_key>city</arg_key><arg_value>Rome</arg_value></tool_call>";
    reads(format, oslo, &[OSLO]);
    reads(format, &format!("Hm.\n{oslo}\n{rome}"), &["Hm.", OSLO, ROME]);
    reads(format, "<tool_call>time</tool_call>", &["time({})"]);
    reads(format, "<tool_call>time\n</tool_call>", &["time({})"]);
    let values = "<tool_call>weather\n<arg_key>a</arg_key>\n<arg_value>[1]</arg_value>\n\
                  <arg_key>b</arg_key>\n<arg_value>x\ny</arg_value>\n</tool_call>";
    reads(format, values, &[r#"weather({"a":[1],"b":"x\ny"})"#]);
    reads(format, "<tool_call>{\"name\": \"time\", \"arguments\": {}}</tool_call>", &["time({})"]);
    reads(format, "<tool_call>weather\n{\"city\": \"Oslo\"}\n</tool_call>", &[OSLO]);
    // The ends of a value and of a call are missing.
    let faulty = "<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>Oslo</arg_value>\n";
    reads(format, &format!("{faulty}{rome}"), &[OSLO, ROME]);
    is_text(format, "<tool_call>the weather in Oslo</tool_call>", 1);
    is_text(format, "<tool_call>cook\n<arg_key>a</arg_key>\n</tool_call>", 1);
}

#[test]
fn glm_without_marks() {
    let format = ToolFormat::Glm;
    reads(format, "weather\n{\"city\": \"Oslo\"}", &[OSLO]);
    reads(format, "\nweather\n{\"city\": \"Oslo\"}<|observation|>", &[OSLO]);
    let both = "weather\n{\"city\": \"Oslo\"}<|assistant|>weather\n{\"city\": \"Rome\"}";
    reads(format, both, &[OSLO, ROME]);
    is_text(format, "weather\nis what it is {}", 0);
    is_text(format, "weathering {}", 0);
}

#[test]
fn python() {
    let format = ToolFormat::Python;
    let call = |calls: &str| format!("<|tool_call_start|>{calls}<|tool_call_end|>");
    reads(format, &call("[weather(city=\"Oslo\")]"), &[OSLO]);
    reads(format, &call("[weather(city='Oslo'), weather(city=\"Rome\")]"), &[OSLO, ROME]);
    reads(format, &format!("Hm.{}Done.", call("[time()]")), &["Hm.", "time({})", "Done."]);
    reads(format, "[weather(city=\"Oslo\")]", &[OSLO]);
    reads(format, &call("[{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}]"), &[OSLO]);
    let fence = "\n```python\nweather(city=\"Oslo\")\nweather(city='Rome')\n```\n";
    let thought = "<think>Hm</think>";
    reads(format, &format!("{thought}{}\nDone.", call(fence)), &["«Hm»", OSLO, ROME, "Done."]);
    is_text(format, "[weather is fine](x)", 0);
    check(&options(format, &["weather"]), fence, &[OSLO, ROME]);
    is_text(format, "```python\nprint(1)\n```", 0);
    is_text(format, "So:\n```python\nweather(city=\"Oslo\")\n```", 0);
    is_text(format, &call("[weather(\"Oslo\")]"), 1);
}

#[test]
fn harmony() {
    let format = ToolFormat::Harmony;
    let thought = "<|channel|>analysis<|message|>Hm.<|end|>";
    let final_text = "<|start|>assistant<|channel|>final<|message|>Done.";
    let call = |city: &str| {
        format!(
            "<|channel|>commentary to=functions.weather <|constrain|>json<|message|>\
             {{\"city\": \"{city}\"}}<|call|>"
        )
    };
    let oslo = call("Oslo");
    reads(format, &format!("{thought}{final_text}"), &["«Hm.»", "Done."]);
    reads(format, &format!("{thought}{final_text}<|return|>"), &["«Hm.»", "Done."]);
    reads(format, &oslo, &[OSLO]);
    reads(format, &format!("{thought}<|start|>assistant{oslo}"), &["«Hm.»", OSLO]);
    let both = format!("{oslo}<|start|>assistant{}", call("Rome"));
    reads(format, &both, &[OSLO, ROME]);
    let preamble = "<|channel|>commentary<|message|>I look.<|end|>";
    reads(format, &format!("{preamble}<|start|>assistant{oslo}"), &["I look.", OSLO]);
    reads(format, &format!("{preamble}{final_text}"), &["I look.\n\nDone."]);
    // The recipient may stand with the role, which the prompt ends with.
    let early = " to=functions.weather<|channel|>commentary json<|message|>{\"city\": \"Oslo\"}";
    reads(format, early, &[OSLO]);
    reads(format, &format!("{thought}<|start|>assistant{early}"), &["«Hm.»", OSLO]);
    reads(format, "<|channel|>analysis to=time code<|message|>{}<|call|>", &["time({})"]);
    // Runtimes may leave out what ends a message.
    let without_end = format!("{thought}<|start|>assistant{oslo}").replace("<|end|>", "");
    reads(format, &without_end.replace("<|call|>", ""), &["«Hm.»", OSLO]);
    reads(format, "to be or not", &["to be or not"]);
}

#[test]
fn harmony_that_is_none() {
    let format = ToolFormat::Harmony;
    let cook = "<|channel|>commentary to=functions.cook <|constrain|>json<|message|>{}<|call|>";
    let summary = check(&options(format, &["weather"]), cook, &[cook.trim_end_matches("<|call|>")]);
    assert_eq!(summary.malformed, 1);
    let code = "<|channel|>commentary to=functions.weather<|message|>print(1)";
    is_text(format, code, 1);
    is_text(format, &format!("\n{code}"), 1);
    is_text(format, "<|channel|>commentary and more text <|message|>", 0);
    is_text(format, "<|start|>assistant", 0);
    let in_thought = "<|channel|>analysis<|message|>Is <|channel|>x\n a tag?";
    check(&options(format, &[]), in_thought, &["«Is <|channel|>x\n a tag?»"]);
}

#[test]
fn channels_are_told_apart_without_tools() {
    let options = OutputOptions { reasoning: tags(true), ..OutputOptions::default() };
    let output = "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final\
                  <|message|>Paris.";
    check(&options, output, &["«Hm.»", "Paris."]);
    let call = "<|channel|>commentary to=functions.f<|message|>{}";
    check(&options, call, &[call]);
    assert!(check(&options, "<|channel|>analysis<|message|>H", &["«H»"]).unclosed_thought);
    let options = OutputOptions { stops: vec!["H".into()], in_thought: true, ..options };
    let output = "Hm.<|end|><|start|>assistant<|channel|>final<|message|>Oh! Hm.";
    assert_eq!(check(&options, output, &["«Hm.»", "Oh! "]).stop, Some(0));
}

#[test]
fn plain_json() {
    let format = ToolFormat::Json;
    let oslo = r#"{"name": "weather", "arguments": {"city": "Oslo"}}"#;
    reads(format, oslo, &[OSLO]);
    reads(format, &format!("[{oslo}, {oslo}]"), &[OSLO, OSLO]);
    reads(format, &format!("So:\n```json\n{oslo}\n```\nDone."), &["So:", OSLO, "\n\nDone."]);
    reads(format, &format!("```\n[{oslo}]\n```"), &[OSLO]);
    reads(format, &format!("So:\n  {oslo}"), &["So:", OSLO]);
    is_text(format, &format!("So: {oslo}"), 0);
    is_text(format, "[a](b)\n[1]\n{x}\n```json\n{\"a\": 1}\n```\n", 0);
}

#[test]
fn faults_are_mended() {
    let call = |inside: &str| format!("<tool_call>\n{inside}\n</tool_call>");
    let format = ToolFormat::Hermes;
    let mended = [
        r#"{"name": "weather", "arguments": {"city": "Oslo"}"#,
        r#"{"name": "weather", "arguments": {"city": "Oslo""#,
        r#"{"name": "weather", "arguments": {"city": "Oslo"}}}"#,
        r#"{'name': 'weather', 'arguments': {'city': 'Oslo',},}"#,
        r#"{name: weather, arguments: {city: Oslo}}"#,
        r#"{"name": "weather", "arguments": "{\"city\": \"Oslo\"}"}"#,
        r#"{"arguments": "{'city': 'Oslo'", "name": "weather"}"#,
        r#"{"name": "weather", "note": "x", "arguments": {"city": "Oslo"}}"#,
        r#"{{"name": "weather", "arguments": {"city": "Oslo"}}}"#,
        r#"[{"name": "weather", "arguments": {"city": "Oslo"}}"#,
    ];
    for inside in mended {
        reads(format, &call(inside), &[OSLO]);
    }
    for arguments in ["null", "\"\"", "{}"] {
        reads(
            format,
            &call(&format!(r#"{{"name": "time", "arguments": {arguments}}}"#)),
            &["time({})"],
        );
    }
    reads(format, r#"<tool_call>{"name": "time"<tool_call>{"name": "time"}"#, &["time({})"; 2]);
}

#[test]
fn what_the_output_ends_in_is_closed() {
    let options = options(ToolFormat::Hermes, &[]);
    let output = r#"<tool_call>{"name": "weather", "arguments": {"city": "Oslo"#;
    assert!(check(&options, output, &[OSLO]).unclosed_call);
    let output = r#"<tool_call>{"name": "weather", "arguments": {"city": "Oslo"}"#;
    assert!(!check(&options, output, &[OSLO]).unclosed_call);
    let output = "<function=weather>\n<parameter=city>\nOs";
    assert!(check(&options, output, &[r#"weather({"city":"Os"})"#]).unclosed_call);
}

#[test]
fn what_is_no_call_is_given_back() {
    let faults = [
        "<tool_call>\nweather in Oslo\n</tool_call>",
        "<tool_call>\n{\"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>",
        "<tool_call>\n{\"name\": \"weather\", \"arguments\": [1]}\n</tool_call>",
        "<tool_call>\n{\"name\": \"weather\", \"arguments\": \"Oslo\"}\n</tool_call>",
        "<tool_call>\n{\"name\": 3, \"arguments\": {}}\n</tool_call>",
        "<tool_call>\n{\"name\": \"weather\", \"argumnts\": {\"city\": \"Oslo\"}}\n</tool_call>",
        "<tool_call>\n{\"name\": \"weather\", \"a\": {\"city\": 1}, \"arguments\": {}}\n</tool_call>",
        "<tool_call>\n{\"name\": \"cook\", \"arguments\": {\"a\": \"<tool_call>\"}}\n</tool_call>",
        "<tool_call>\n{\"name\": \"weather\", \"argum",
        "<tool_call>",
        "<function=weather\n<parameter=city>",
        "<function=cook></function>",
        "{\"name\": \"cook\", \"arguments\": {}}",
    ];
    for output in faults {
        is_text(ToolFormat::Hermes, output, 1);
    }
    is_text(ToolFormat::Mistral, "[TOOL_CALLS]nothing to call {}", 1);
    is_text(ToolFormat::Gemma, "<start_function_call>call:cook{}<end_function_call>", 1);
    is_text(ToolFormat::Deepseek, "<｜tool▁calls▁begin｜>nothing", 1);
}

#[test]
fn good_calls_are_found_beside_bad_ones() {
    let oslo = r#"{"name": "weather", "arguments": {"city": "Oslo"}}"#;
    let cook = r#"{"name": "cook", "arguments": {}}"#;
    let hermes = options(ToolFormat::Hermes, &["weather"]);
    let bad = format!("<tool_call>{cook}</tool_call>");
    let output = format!("{bad}<tool_call>{oslo}</tool_call>");
    assert_eq!(check(&hermes, &output, &[&bad, OSLO]).malformed, 1);
    let mistral = options(ToolFormat::Mistral, &["weather"]);
    let output = format!("[TOOL_CALLS][{cook}, {oslo}]");
    assert_eq!(check(&mistral, &output, &[&format!("[TOOL_CALLS][{cook}"), OSLO]).malformed, 1);
    // A bracket too many puts an argument outside: it is not lost.
    let output =
        r#"<tool_call>{"name": "weather", "arguments": {"city": "Oslo"}, "days": 3}</tool_call>"#;
    let summary = check(&hermes, output, &[OSLO, r#"}, "days": 3}</tool_call>"#]);
    assert_eq!(summary.malformed, 1);
}

#[test]
fn arguments_are_delivered_while_they_are_written() {
    let mut output = Output::new(options(ToolFormat::Hermes, &[])).unwrap();
    let mut push = |text: &str| {
        let mut pieces = Vec::new();
        output.push(text, &mut |piece| pieces.push(format!("{piece:?}")));
        pieces.join(" ")
    };
    assert_eq!(push("<tool_call>{\"name\": \"f\", \"arguments\": "), "");
    assert_eq!(
        push("{\"a\": \"b"),
        r#"ToolCall { index: 0, name: "f" } ToolArguments { index: 0, json: "{\"a\":\"b" }"#
    );
    assert_eq!(push("c"), r#"ToolArguments { index: 0, json: "c" }"#);
    assert_eq!(push("\"}"), r#"ToolArguments { index: 0, json: "\"}" } ToolEnd { index: 0 }"#);
}

#[test]
fn strings_in_tags_are_delivered_while_they_are_written() {
    let functions =
        vec![KnownFunction { name: "write".to_owned(), strings: vec!["text".to_owned()] }];
    let starts = [
        (ToolFormat::QwenXml, "<function=write>\n<parameter=text>\n"),
        (ToolFormat::Glm, "<tool_call>write\n<arg_key>text</arg_key>\n<arg_value>"),
    ];
    for (format, start) in starts {
        let options = OutputOptions { functions: functions.clone(), ..options(format, &[]) };
        let long = "a line\n".repeat(1 << 18);
        let output = format!("{start}{long}");
        let pieces = output.as_bytes().chunks(5).map(|chunk| str::from_utf8(chunk).unwrap());
        let mut reader = Output::new(options).unwrap();
        let mut length = 0;
        for piece in pieces {
            reader.push(piece, &mut |piece| match piece {
                Piece::ToolArguments { json, .. } => length += json.len(),
                Piece::ToolCall { name: "write", .. } => {}
                _ => panic!("{piece:?}"),
            });
        }
        let written = "{\"text\":\"".len() + long.len() + (1 << 18);
        assert!((written - 32..written).contains(&length), "{length} of {written}");
    }
}

#[test]
fn what_stays_undecided_for_too_long_is_text() {
    let options = options(ToolFormat::Hermes, &["weather"]);
    let long = "x".repeat(1 << 20);
    let output =
        format!("<tool_call>{{\"arguments\": {{\"a\": \"{long}\"}}, \"name\": \"weather\"}}");
    let seen = see(&options, output.as_bytes().chunks(4093).map(|c| str::from_utf8(c).unwrap()));
    assert_eq!((seen.text == output, seen.summary.malformed), (true, 1));
    let output = format!("<function=weather><parameter=a>{long}y</parameter></function>");
    let seen = see(&options, [&output]);
    assert_eq!(seen.calls[0].1.len(), long.len() + r#"{"a":""}"#.len());
    assert_eq!(seen.text, "y</parameter></function>");
}
