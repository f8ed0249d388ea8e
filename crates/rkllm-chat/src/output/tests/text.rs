//! Text, thoughts and stop strings.

use super::*;

fn thinking() -> OutputOptions {
    OutputOptions { reasoning: ReasoningTags::detect("</think>"), ..OutputOptions::default() }
}

fn in_thought() -> OutputOptions {
    OutputOptions { in_thought: true, ..thinking() }
}

#[test]
fn without_options_everything_is_text() {
    let output = " <think>\n\n</think>\n<tool_call>{\"name\": \"f\"}</tool_call>\n ";
    check(&OutputOptions::default(), output, &[output]);
}

#[test]
fn thoughts_are_told_from_the_answer() {
    let plain = thinking();
    check(
        &plain,
        "<think>\nLet me see.\n\nYes.\n</think>\n\nParis.\n",
        &["«Let me see.\n\nYes.»", "Paris.\n"],
    );
    check(&plain, "\n<think>a</think>b", &["«a»", "b"]);
    check(&plain, "  Paris. \n", &["  Paris. \n"]);
    check(&in_thought(), "Let me see.\n</think>\n\nParis.", &["«Let me see.»", "Paris."]);
    check(
        &in_thought(),
        "\n<think>\nLet me see.\n</think>\n\nParis.",
        &["«Let me see.»", "Paris."],
    );
}

#[test]
fn an_empty_thought_leaves_nothing() {
    check(&thinking(), "<think>\n\n</think>\n\nParis.", &["Paris."]);
    check(&in_thought(), "\n</think>\n\nParis.", &["Paris."]);
    check(&thinking(), "</think>\n\nParis.", &["Paris."]);
    check(&thinking(), "<think>\n\n</think>\n\n</think>\n\nParis.", &["Paris."]);
    check(&thinking(), "<think>\n</think>\n<think>\na\n</think>\nb", &["«a»", "b"]);
}

#[test]
fn a_closing_tag_alone_does_not_leak_but_talk_about_tags_is_text() {
    check(&thinking(), "I see.\n</think>\n\nParis.", &["I see.\n\n\nParis."]);
    check(
        &thinking(),
        "<think>a</think>Use `<think>` and `</think>`.",
        &["«a»", "Use `<think>` and `</think>`."],
    );
    check(&thinking(), "<think>is <think> a tag?</think>Yes", &["«is <think> a tag?»", "Yes"]);
}

#[test]
fn an_unclosed_thought_is_a_thought() {
    let summary = check(&thinking(), "<think>\nLet me see </thi", &["«Let me see </thi»"]);
    assert!(summary.unclosed_thought);
    assert!(check(&in_thought(), "", &[]).unclosed_thought);
    assert!(!check(&thinking(), "<think>a</think>", &["«a»"]).unclosed_thought);
}

#[test]
fn a_call_at_the_end_of_an_unclosed_thought_is_made() {
    let tools = options(ToolFormat::Hermes, &["f"]);
    let call = |a: u8| {
        format!("<tool_call>\n{{\"name\": \"f\", \"arguments\": {{\"a\": {a}}}}}\n</tool_call>")
    };
    let plan = format!("<think>I call\n{}\nor so.", call(1));
    let thought = format!("«I call\n{}\nor so.»", call(1));
    check(&tools, &plan, &[&thought]);
    check(&tools, &format!("{plan}</think>\n{}", call(2)), &[&thought, "f({\"a\":2})"]);
    check(&tools, &format!("<think>{}</think>", call(1)), &[&format!("«{}»", call(1))]);
    let both = format!("{}\n{}", call(2), call(3));
    let summary = check(
        &tools,
        &format!("{plan}\n{both}"),
        &[&thought.replace('»', &format!("\n{both}»")), "f({\"a\":2})", "f({\"a\":3})"],
    );
    assert!(!summary.unclosed_thought);
    let cut = "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1";
    let summary = check(&tools, &format!("<think>{cut}"), &[&format!("«{cut}»")]);
    assert!(summary.unclosed_thought);
    // What was cut off may have been a plan.
    let mut output = Output::new(tools).unwrap();
    output.push(&plan[..plan.len() - "\nor so.".len()], &mut |_| {});
    let summary = output.cut().finish(&mut |piece| panic!("{piece:?}"));
    assert_eq!((summary.tool_calls, summary.unclosed_thought), (0, true));
}

#[test]
fn any_tags_will_do() {
    let tags =
        [("[THINK]", "[/THINK]"), ("<|channel>thought", "<channel|>"), ("◁think▷", "◁/think▷")];
    for (open, close) in tags {
        let reasoning = Some(ReasoningTags { open: open.into(), close: close.into() });
        let options = OutputOptions { reasoning, ..OutputOptions::default() };
        check(&options, &format!("{open}\nHm\n{close}\nParis [/"), &["«Hm»", "Paris [/"]);
    }
}

#[test]
fn tags_that_cannot_be_told_apart_are_refused() {
    let reasoning = Some(ReasoningTags { open: "<t>".into(), close: "<t>".into() });
    let error = Output::new(OutputOptions { reasoning, ..OutputOptions::default() }).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the reasoning tags \"<t>\" and \"<t>\" cannot be told apart: give two texts that do not \
         begin alike"
    );
}

#[test]
fn stop_strings_end_the_answer_and_say_which() {
    let options = OutputOptions { stops: vec!["###".into(), "\nUser:".into()], ..thinking() };
    let summary = check(
        &options,
        "<think>a ### b\nUser:</think>Paris.\nUser: and",
        &["«a ### b\nUser:»", "Paris."],
    );
    assert_eq!(summary.stop, Some(1));
    assert_eq!(check(&options, "Paris.\nUser", &["Paris.\nUser"]).stop, None);
    // The beginning of a stop string may be the beginning of a tag.
    let options = OutputOptions { stops: vec!["<t".into(), "x>".into()], ..thinking() };
    assert_eq!(check(&options, "a<think>b", &["a"]).stop, Some(0));
    assert_eq!(check(&options, "<think>b</think>c</thinx>", &["«b»", "c</thin"]).stop, Some(1));
}

#[test]
fn stop_strings_do_not_count_in_calls() {
    let stops = vec!["}".into(), "Oslo".into(), "\n\n".into()];
    let options = OutputOptions { stops, ..options(ToolFormat::Hermes, &[]) };
    let call = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>";
    let output = format!("I look.\n\n{call}\n\nNow Oslo.");
    let summary = check(&options, &output, &["I look.", r#"f({"city":"Oslo"})"#]);
    // The space before and after the call stands between two texts.
    assert_eq!((summary.stop, summary.tool_calls), (Some(2), 1));
    let summary = check(&options, &format!("Oslo{call}"), &[]);
    assert_eq!((summary.stop, summary.tool_calls), (Some(1), 0));
}

#[test]
fn long_white_space_is_content() {
    let output = format!("a{}", "\n".repeat(5000));
    let mut output_tools = Output::new(options(ToolFormat::Hermes, &[])).unwrap();
    let mut length = 0;
    for c in output.chars() {
        output_tools.push(c.encode_utf8(&mut [0; 4]), &mut |piece| match piece {
            Piece::Text(text) => length += text.len(),
            _ => panic!("{piece:?}"),
        });
    }
    assert_eq!(length, output.len());
}
