//! Renderings of many models' kinds of templates, byte for byte as Python's `jinja2` has them.

mod adapted;
mod conversations;
mod expressions;
mod models;
mod reference;

use std::collections::BTreeMap;

use rkllm_chat::{Adaptation, Error, Prompt};

use conversations::{Conversation, Random};
use models::{Model, models};
use reference::{Answer, Request, answers};

/// Conversations per template.
const COUNT: usize = 100;

/// What became of the renderings.
#[derive(Debug, Default)]
struct Tally {
    equal: usize,
    refused: usize,
    adapted: usize,
}

#[test]
fn templates_are_rendered_as_python_renders_them() {
    let mut request = Request::default();
    let mut ours = Vec::new();
    for model in models() {
        let template = model.template();
        let mut random = Random::new(&model.name);
        for _ in 0..COUNT {
            let conversation = Conversation::random(&mut random);
            request.add(&model, &conversation);
            let rendered = template.render(&conversation.messages, &conversation.options);
            ours.push((model.name.clone(), conversation, rendered));
        }
    }
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut wrong: BTreeMap<&str, String> = BTreeMap::new();
    for ((name, conversation, rendered), answer) in ours.iter().zip(answers(&request)) {
        let tally = tallies.entry(name.clone()).or_default();
        if let Err(what) = compare(rendered, &answer, conversation, tally) {
            let report = || format!("{what}\n{conversation:#?}\nPython: {answer:#?}");
            wrong.entry(name).or_insert_with(report);
        }
    }
    if let Some((name, report)) = wrong.first_key_value() {
        panic!("{:?} differ; first {name}: {report}", wrong.keys());
    }
    let sum = |part: fn(&Tally) -> usize| tallies.values().map(part).sum::<usize>();
    println!(
        "{} templates, {} renderings compared: {} equal, {} refused in the same words, \
         {} adapted where Python's is refused or incomplete",
        tallies.len(),
        ours.len(),
        sum(|tally| tally.equal),
        sum(|tally| tally.refused),
        sum(|tally| tally.adapted),
    );
    assert!(tallies.len() >= 40, "{}", tallies.len());
    for (name, tally) in tallies {
        assert!(tally.equal > COUNT / 10, "{name} is hardly compared: {tally:?}");
    }
}

fn compare(
    rendered: &Result<Prompt, Error>,
    answer: &Answer,
    conversation: &Conversation,
    tally: &mut Tally,
) -> Result<(), String> {
    match (rendered, answer) {
        (Ok(prompt), Answer::Text(text)) if prompt.adapted.is_empty() => {
            tally.equal += 1;
            let ours = prompt.text();
            (ours == *text).then_some(()).ok_or_else(|| format!("rendered otherwise: {ours:?}"))
        }
        (Ok(prompt), Answer::Raised(_) | Answer::Failed(_)) if !prompt.adapted.is_empty() => {
            tally.adapted += 1;
            Ok(())
        }
        (Ok(prompt), Answer::Text(text)) => {
            tally.adapted += 1;
            let tools = prompt.adapted.contains(&Adaptation::ToolsDescribed);
            (tools || conversation.is_lost_in(text)).then_some(()).ok_or_else(|| {
                format!("adapted without need: {:?} {:?}", prompt.adapted, prompt.text())
            })
        }
        (Err(Error::Raised { message }), Answer::Raised(words)) if message == words => {
            tally.refused += 1;
            Ok(())
        }
        (Err(Error::Render(_)), Answer::Failed(_))
        | (Err(Error::NotContinued | Error::NothingToContinue), Answer::Failed(_)) => {
            tally.refused += 1;
            Ok(())
        }
        (Ok(prompt), _) => Err(format!("rendered: {:?}", prompt.text())),
        (Err(error), _) => Err(format!("refused: {error}")),
    }
}
