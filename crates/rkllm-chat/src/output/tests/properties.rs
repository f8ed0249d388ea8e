//! What holds for any output.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// What outputs are made of, besides the marks of the format.
const SCRAPS: [&str; 49] = [
    "<think>",
    "</think>",
    "\n",
    " ",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    ":",
    ",",
    ";",
    "(",
    ")",
    "=",
    "\\",
    "\\u12",
    "\\ud83d",
    "name",
    "\"name\": \"f\"",
    "\"name\": \"g\"",
    "arguments",
    "\"arguments\": ",
    "\"parameters\": {",
    "\"function\": {",
    "{\"name\": \"f\", \"arguments\": {",
    "\"a\": 1",
    "\"b\": \"x",
    "f",
    "call:f",
    "```",
    "json\n",
    "tool_code\n",
    "True",
    "word",
    "é€",
    ">",
    "city>Oslo",
    "12",
    "f\n",
    "\"f\">",
    "\"b\" string=\"true\">",
    "<![CDATA[",
    "a long value of several words",
    "python\n",
    "f(a=1",
    "assistant",
    "commentary to=functions.f ",
];

fn output_in(format: ToolFormat) -> impl Strategy<Value = String> {
    let of = |format| mark::of(format).iter().map(|(text, _)| *text).collect::<Vec<_>>();
    let marks = of(format);
    let scrap = prop_oneof![
        3 => select(SCRAPS.as_slice()).prop_map(str::to_owned),
        2 => select(marks.clone()).prop_map(str::to_owned),
        1 => select(of(ToolFormat::Harmony)).prop_map(str::to_owned),
        1 => (select(marks), 1..9_usize).prop_map(|(mark, keep)| mark.chars().take(keep).collect()),
    ];
    vec(scrap, 0..24).prop_map(|scraps| scraps.concat())
}

fn any_output() -> impl Strategy<Value = (ToolFormat, String)> {
    select(ToolFormat::ALL.as_slice()).prop_flat_map(|format| (Just(format), output_in(format)))
}

/// A function of which some parameters are strings.
fn function() -> KnownFunction {
    KnownFunction { name: "f".to_owned(), strings: vec!["b".to_owned(), "city".to_owned()] }
}

fn split(text: &str, sizes: &[usize]) -> Vec<String> {
    let mut chars = text.chars();
    let mut pieces: Vec<String> =
        sizes.iter().map(|size| chars.by_ref().take(*size).collect()).collect();
    pieces.push(chars.collect());
    pieces
}

/// Outputs without fault, with words that occur once and must never be lost.
const VALID: [(ToolFormat, &str); 24] = [
    (
        ToolFormat::Hermes,
        "<think>\nwone\n</think>\nwtwo\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"wthree\": \
         \"wfour wfive\", \"wsix\": [\"wseven\", {\"weight\": \"wnine\"}]}}\n</tool_call>\nwten",
    ),
    (
        ToolFormat::Hermes,
        "<tool_call>{\"arguments\": {\"wone\": \"wtwo\"}, \"name\": \"f\"}</tool_call>\n\
         <tool_call>{\"name\": \"f\", \"arguments\": {\"wthree\": \"wfour\"}}</tool_call>",
    ),
    (
        ToolFormat::Hermes,
        "wone<tool_call>{\"name\": \"f\", \"arguments\": \"{\\\"wtwo\\\": \\\"wthree\\\"}\"}\
         </tool_call>wfour",
    ),
    (
        ToolFormat::QwenXml,
        "wone\n<tool_call>\n<function=f>\n<parameter=wtwo>\nwthree\n</parameter>\n<parameter=wfour>\
         \n[\"wfive\"]\n</parameter>\n</function>\n</tool_call>\nwsix",
    ),
    (
        ToolFormat::Llama,
        "<function=f>{\"wone\": \"wtwo\", \"wthree\": [1, \"wfour\"]}</function>wfive",
    ),
    (
        ToolFormat::Llama,
        "{\"name\": \"f\", \"parameters\": {\"wone\": \"wtwo\"}}; {\"name\": \"f\", \"parameters\": \
         {\"wthree\": \"wfour\"}}\nwfive",
    ),
    (
        ToolFormat::Llama,
        "wone<|python_tag|>{\"name\": \"f\", \"parameters\": {\"wtwo\": \"wthree\"}}",
    ),
    (
        ToolFormat::Mistral,
        "wone[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {\"wtwo\": \"wthree\"}}, {\"name\": \"f\", \
         \"arguments\": {\"wfour\": \"wfive\"}}]",
    ),
    (
        ToolFormat::Mistral,
        "[TOOL_CALLS]f[ARGS]{\"wone\": \"wtwo\"}[TOOL_CALLS]f[ARGS]{\"wthree\": {\"wfour\": 1}}",
    ),
    (
        ToolFormat::Gemma,
        "wone<start_function_call>call:f{wtwo:<escape>wthree<escape>,wfour:[1,{wfive:true}]}\
         <end_function_call>",
    ),
    (
        ToolFormat::Gemma,
        "wone\n```tool_code\nf(wtwo=\"wthree\", wfour=['wfive', {\"wsix\": 1}])\n```\nwseven",
    ),
    (
        ToolFormat::Deepseek,
        "wone<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"wtwo\": \
         \"wthree\"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>wfour",
    ),
    (
        ToolFormat::Deepseek,
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"wone\": \"wtwo\"}\
         <｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    ),
    (
        ToolFormat::Deepseek,
        "wone\n\n<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter \
         name=\"wtwo\" string=\"true\">wthree</｜DSML｜parameter>\n<｜DSML｜parameter \
         name=\"wfour\" string=\"false\">[\"wfive\"]</｜DSML｜parameter>\n</｜DSML｜invoke>\n\
         </｜DSML｜function_calls>",
    ),
    (
        ToolFormat::Hermes,
        "wone<|action_start|><|plugin|>\n{\"name\": \"f\", \"parameters\": {\"wtwo\": \
         \"wthree\"}}<|action_end|>wfour",
    ),
    (
        ToolFormat::QwenXml,
        "wone<function name=\"f\"><param name=\"wtwo\"><![CDATA[wthree < wfour]]></param>\
         <param name='wfive'>wsix</param></function>",
    ),
    (
        ToolFormat::Glm,
        "wone\n<tool_call>f\n<arg_key>wtwo</arg_key>\n<arg_value>wthree</arg_value>\n\
         <arg_key>wfour</arg_key>\n<arg_value>[\"wfive\"]</arg_value>\n</tool_call>\n\
         <tool_call>f<arg_key>wsix</arg_key><arg_value>wseven</arg_value></tool_call>",
    ),
    (ToolFormat::Glm, "f\n{\"wone\": \"wtwo\"}<|assistant|>f\n{\"wthree\": \"wfour\"}"),
    (
        ToolFormat::Python,
        "wone<|tool_call_start|>[f(wtwo=\"wthree\"), f(wfour=['wfive'])]<|tool_call_end|>wsix",
    ),
    (
        ToolFormat::Python,
        "<|tool_call_start|>\n```python\nf(wone=\"wtwo\")\nf(wthree={\"wfour\": 1})\n```\n\
         <|tool_call_end|>\nwfive",
    ),
    (
        ToolFormat::Harmony,
        "<|channel|>commentary to=functions.f <|constrain|>json<|message|>{\"wone\": \"wtwo\", \
         \"wthree\": [\"wfour\"]}<|call|>",
    ),
    (
        ToolFormat::Harmony,
        "<|channel|>analysis<|message|>wone<|end|><|start|>assistant<|channel|>commentary\
         <|message|>wtwo<|end|><|start|>assistant to=functions.f<|channel|>commentary \
         json<|message|>{\"wthree\": \"wfour\"}<|call|>",
    ),
    (
        ToolFormat::Harmony,
        " to=functions.f<|channel|>commentary<|message|>{\"wone\": \"wtwo\"}<|end|><|start|>\
         assistant<|channel|>final<|message|>wthree",
    ),
    (
        ToolFormat::Json,
        "wone\n```json\n[{\"name\": \"f\", \"arguments\": {\"wtwo\": \"wthree\"}}]\n```\nwfour",
    ),
];

/// The words of an output, from its `w` to what is no letter.
fn words(output: &str) -> Vec<&str> {
    let words = output.split(|c: char| !c.is_ascii_lowercase());
    words.filter(|word| word.starts_with('w') && word.len() > 3).collect()
}

#[test]
fn valid_outputs_lose_no_word() {
    for (format, output) in VALID {
        let seen = see(&options(format, &["f"]), [output]);
        assert!(seen.summary.tool_calls > 0 && seen.summary.malformed == 0, "{output}");
        for word in words(output) {
            assert!(seen.everything().contains(word), "{word} of {output}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_split_gives_the_same(
        (format, output) in any_output(),
        sizes in vec(0usize..6, 0..48),
        functions in select(vec![vec![function()], vec![]]),
        stops in select(vec![&[][..], &["Oslo", "\n", "</"], &["}"]]),
        (in_thought, other_tags) in any::<(bool, bool)>(),
    ) {
        let stops = stops.iter().map(|stop| stop.to_string()).collect();
        let reasoning = tags((format == ToolFormat::Harmony) != other_tags);
        let tools = Some(format);
        let options = OutputOptions { stops, reasoning, in_thought, tools, functions };
        let whole = see(&options, [&output]);
        prop_assert_eq!(&see(&options, split(&output, &sizes)), &whole);
        prop_assert_eq!(&see(&options, output.chars().map(String::from)), &whole);
    }

    #[test]
    fn output_without_calls_is_given_as_it_is((format, output) in any_output()) {
        let options = OutputOptions { reasoning: None, ..options(format, &["f"]) };
        let seen = see(&options, [&output]);
        if seen.calls.is_empty() {
            prop_assert_eq!(&seen.text, &output);
        }
    }

    #[test]
    fn faulty_outputs_lose_no_word(
        (format, output) in select(VALID.as_slice()),
        faults in vec((any::<prop::sample::Index>(), 0usize..9, "[{}\\[\\]\"':,<>\n()x]?"), 1..4),
    ) {
        let mut faulty: Vec<char> = output.chars().collect();
        // Several can make a member of a call that should not be there, which is left out.
        let is_one = faults.len() == 1;
        for (at, length, inserted) in faults {
            let at = at.index(faulty.len() + 1);
            let end = (at + length).min(faulty.len());
            faulty.splice(at..end, inserted.chars());
        }
        let faulty: String = faulty.into_iter().collect();
        let everything = see(&options(format, &["f"]), [&faulty]).everything();
        for word in words(&faulty).into_iter().filter(|_| is_one) {
            prop_assert!(everything.contains(word), "{} of {:?} in {:?}", word, faulty, everything);
        }
    }
}
