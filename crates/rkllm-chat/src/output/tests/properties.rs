//! What holds for any output.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const FORMATS: [ToolFormat; 7] = [
    ToolFormat::Hermes,
    ToolFormat::QwenXml,
    ToolFormat::Llama,
    ToolFormat::Mistral,
    ToolFormat::Gemma,
    ToolFormat::Deepseek,
    ToolFormat::Json,
];

/// What outputs are made of, besides the marks of the format.
const SCRAPS: [&str; 40] = [
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
];

fn output_in(format: ToolFormat) -> impl Strategy<Value = String> {
    let marks: Vec<&str> = mark::of(format).iter().map(|(text, _)| *text).collect();
    let scrap = prop_oneof![
        3 => select(SCRAPS.as_slice()).prop_map(str::to_owned),
        2 => select(marks.clone()).prop_map(str::to_owned),
        1 => (select(marks), 1..9_usize).prop_map(|(mark, keep)| mark.chars().take(keep).collect()),
    ];
    vec(scrap, 0..24).prop_map(|scraps| scraps.concat())
}

fn any_output() -> impl Strategy<Value = (ToolFormat, String)> {
    select(FORMATS.as_slice()).prop_flat_map(|format| (Just(format), output_in(format)))
}

fn split(text: &str, sizes: &[usize]) -> Vec<String> {
    let mut chars = text.chars();
    let mut pieces: Vec<String> =
        sizes.iter().map(|size| chars.by_ref().take(*size).collect()).collect();
    pieces.push(chars.collect());
    pieces
}

/// Outputs without fault, with words that occur once and must never be lost.
const VALID: [(ToolFormat, &str); 14] = [
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
        functions in select(vec![&["f"][..], &[]]),
        stops in select(vec![&[][..], &["Oslo", "\n", "</"], &["}"]]),
        in_thought in any::<bool>(),
    ) {
        let stops = stops.iter().map(|stop| stop.to_string()).collect();
        let options = OutputOptions { stops, in_thought, ..options(format, functions) };
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
