//! Conversations changed so that a template can show them.

use std::borrow::Cow;

use crate::calls::{rename_calls, split_calls};
use crate::neighbours::join_neighbours;
use crate::probe::SystemFate;
use crate::system::{merge_system, move_inner_system};
use crate::tool_text::{calls_as_text, describe_tools, results_as_text};
use crate::{Adaptation, ChatTemplate, Message, RenderOptions, Role};

/// A conversation in which everything has a place in the template, but for what it refuses.
pub(crate) struct Draft<'m> {
    pub(crate) messages: Cow<'m, [Message]>,
    pub(crate) options: Cow<'m, RenderOptions>,
    adapted: Vec<Adaptation>,
}

impl ChatTemplate {
    /// The conversation with its tools, calls and results as texts, as far as the template shows
    /// them in no other way.
    pub(crate) fn draft<'m>(
        &self,
        messages: &'m [Message],
        options: &'m RenderOptions,
    ) -> Draft<'m> {
        let mut draft = Draft {
            messages: Cow::Borrowed(messages),
            options: Cow::Borrowed(options),
            adapted: Vec::new(),
        };
        let described = options.has_tools() && !self.shows_tools();
        let calls = messages.iter().any(|message| !message.tool_calls.is_empty());
        let results = messages.iter().any(|message| message.role == Role::Tool);
        // A conversation follows one format throughout.
        if calls && (described || self.call_shape().is_none()) {
            draft.change(Adaptation::ToolCallsAsText, calls_as_text);
        } else if messages.iter().any(|message| message.tool_calls.len() > 1)
            && self.loses_second_calls()
        {
            draft.change(Adaptation::ToolCallsSplit, split_calls);
        }
        if results && (described || !self.shows_results_after(calls)) {
            draft.change(Adaptation::ToolResultsAsText, results_as_text);
        }
        if let Some(tools) = options.tools.as_ref().filter(|_| described) {
            draft.change(Adaptation::ToolsDescribed, |messages| {
                Some(describe_tools(messages, tools))
            });
            draft.options.to_mut().tools = None;
        }
        draft
    }
}

impl Draft<'_> {
    fn change(
        &mut self,
        adaptation: Adaptation,
        change: impl FnOnce(&[Message]) -> Option<Vec<Message>>,
    ) {
        if let Some(changed) = change(&self.messages) {
            self.messages = Cow::Owned(changed);
            self.adapted.push(adaptation);
        }
    }

    /// Whether it is not the conversation that was given.
    pub(crate) fn is_changed(&self) -> bool {
        !self.adapted.is_empty()
    }

    /// The messages after these steps; `None` when one of them would change nothing.
    pub(crate) fn after(&self, steps: &[Step]) -> Option<Cow<'_, [Message]>> {
        let start = Cow::Borrowed(&*self.messages);
        steps.iter().try_fold(start, |messages, step| step.apply(&messages).map(Cow::Owned))
    }

    /// What was changed in all.
    pub(crate) fn adapted_with(&self, steps: &[Step]) -> Vec<Adaptation> {
        let steps = steps.iter().map(|step| step.adaptation());
        self.adapted.iter().copied().chain(steps).collect()
    }
}

/// A change that a template may ask for by refusing the conversation without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    MoveInnerSystem,
    MergeSystem,
    SplitCalls,
    RenameCalls,
    JoinNeighbours,
}

impl Step {
    fn apply(self, messages: &[Message]) -> Option<Vec<Message>> {
        match self {
            Self::MoveInnerSystem => move_inner_system(messages),
            Self::MergeSystem => merge_system(messages),
            Self::SplitCalls => split_calls(messages),
            Self::RenameCalls => rename_calls(messages),
            Self::JoinNeighbours => join_neighbours(messages),
        }
    }

    fn adaptation(self) -> Adaptation {
        match self {
            Self::MoveInnerSystem | Self::MergeSystem => Adaptation::SystemMerged,
            Self::SplitCalls => Adaptation::ToolCallsSplit,
            Self::RenameCalls => Adaptation::ToolCallsRenamed,
            Self::JoinNeighbours => Adaptation::TurnsJoined,
        }
    }
}

/// The steps to try, one list after the other, until the template takes the conversation: those
/// that change least come first.
pub(crate) fn attempts(system: SystemFate) -> impl Iterator<Item = Vec<Step>> {
    const SYSTEM: [&[Step]; 3] = [&[], &[Step::MoveInnerSystem], &[Step::MergeSystem]];
    const CALLS: [&[Step]; 4] =
        [&[], &[Step::RenameCalls], &[Step::SplitCalls], &[Step::SplitCalls, Step::RenameCalls]];
    const JOIN: [&[Step]; 2] = [&[], &[Step::JoinNeighbours]];
    let system = match system {
        SystemFate::Shown => &SYSTEM[..],
        SystemFate::InnerLost => &SYSTEM[1..],
        SystemFate::Lost => &SYSTEM[2..],
    };
    let calls = move |join| CALLS.iter().map(move |calls| (join, *calls));
    JOIN.into_iter().flat_map(calls).flat_map(move |(join, calls): (&[Step], &[Step])| {
        system.iter().map(move |system| [*system, calls, join].concat())
    })
}
