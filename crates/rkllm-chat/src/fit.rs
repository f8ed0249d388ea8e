//! Conversations that outgrow the context.

use crate::{Message, Role};

/// A conversation that was made to fit, or that cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// The messages that fit.
    Fits {
        /// What is left of the conversation.
        messages: Vec<Message>,
        /// How many messages were dropped.
        dropped: usize,
        /// What the messages left take, in tokens.
        tokens: usize,
    },
    /// Not even the last turn fits.
    TooLong {
        /// What the whole conversation takes, in tokens.
        tokens: usize,
        /// What is left when everything that may be dropped is, in tokens.
        least: usize,
    },
}

/// Drops the oldest turns of a conversation until it takes no more than `budget` tokens.
///
/// A turn is a message of the user with all that follows until the next one, so a call of a function
/// and its result stay together. System messages stay, and so does the last turn. `count` renders
/// messages and counts their tokens; it is called once if nothing needs to be dropped, and otherwise
/// about as often as the number of turns has binary digits.
///
/// # Errors
///
/// Those of `count`.
///
/// ```
/// use rkllm_chat::{Fit, Message, Role, fit};
///
/// let messages = [
///     Message::new(Role::System, "Be brief."),
///     Message::new(Role::User, "What is the capital of France?"),
///     Message::new(Role::Assistant, "Paris."),
///     Message::new(Role::User, "And of Spain?"),
/// ];
/// let count = |messages: &[Message]| {
///     Ok::<_, rkllm_chat::Error>(messages.iter().map(|message| message.content.len()).sum())
/// };
/// let Fit::Fits { messages, dropped, tokens } = fit(&messages, 30, count)? else {
///     panic!("the last question is short");
/// };
/// assert_eq!((messages.len(), dropped, tokens), (2, 2, 22));
/// # Ok::<(), rkllm_chat::Error>(())
/// ```
pub fn fit<E>(
    messages: &[Message],
    budget: usize,
    mut count: impl FnMut(&[Message]) -> Result<usize, E>,
) -> Result<Fit, E> {
    let whole = count(messages)?;
    if whole <= budget {
        return Ok(Fit::Fits { messages: messages.to_vec(), dropped: 0, tokens: whole });
    }
    let starts = turn_starts(messages);
    let mut try_turns = |dropped: usize| -> Result<_, E> {
        let kept = without_turns(messages, &starts, dropped);
        let tokens = count(&kept)?;
        Ok((kept, tokens))
    };
    let last = starts.len().saturating_sub(1);
    if last == 0 {
        return Ok(Fit::TooLong { tokens: whole, least: whole });
    }
    let mut best = try_turns(last)?;
    if best.1 > budget {
        return Ok(Fit::TooLong { tokens: whole, least: best.1 });
    }
    // With `too_few` turns dropped it does not fit, with `enough` it does.
    let (mut too_few, mut enough) = (0, last);
    while enough - too_few > 1 {
        let middle = too_few.midpoint(enough);
        let tried = try_turns(middle)?;
        if tried.1 <= budget {
            (enough, best) = (middle, tried);
        } else {
            too_few = middle;
        }
    }
    let (kept, tokens) = best;
    Ok(Fit::Fits { dropped: messages.len() - kept.len(), messages: kept, tokens })
}

/// Where turns begin. What the model said before the first question belongs to a turn of its own.
fn turn_starts(messages: &[Message]) -> Vec<usize> {
    let first = messages.iter().position(|message| message.role != Role::System);
    let users = messages.iter().enumerate().filter(|(_, message)| message.role == Role::User);
    let mut starts: Vec<usize> = first.into_iter().chain(users.map(|(index, _)| index)).collect();
    starts.dedup();
    starts
}

/// The messages without those of the first `dropped` turns.
fn without_turns(messages: &[Message], starts: &[usize], dropped: usize) -> Vec<Message> {
    let (before, after) = messages.split_at(starts[dropped]);
    let system = before.iter().filter(|message| message.role == Role::System);
    system.chain(after).cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use Role::{Assistant, System, Tool, User};

    fn messages(texts: &[(Role, &str)]) -> Vec<Message> {
        texts.iter().map(|(role, text)| Message::new(*role, *text)).collect()
    }

    fn length(messages: &[Message]) -> usize {
        messages.iter().map(|message| 1 + message.content.len()).sum()
    }

    fn fitted(messages: &[Message], budget: usize) -> Fit {
        fit(messages, budget, |messages| Ok::<_, Infallible>(length(messages))).unwrap()
    }

    #[test]
    fn calls_and_results_go_with_their_question() {
        let conversation = messages(&[
            (System, "s"),
            (User, "aa"),
            (Assistant, "call"),
            (Tool, "result"),
            (System, "t"),
            (User, "b"),
            (Assistant, "call"),
            (Tool, "result"),
        ]);
        let kept: Vec<Message> = [&conversation[..1], &conversation[4..]].concat();
        let tokens = length(&kept);
        for budget in [tokens, length(&conversation) - 1] {
            let expected = Fit::Fits { messages: kept.clone(), dropped: 3, tokens };
            assert_eq!(fitted(&conversation, budget), expected);
        }
        assert_eq!(
            fitted(&conversation, tokens - 1),
            Fit::TooLong { tokens: length(&conversation), least: tokens }
        );
    }

    #[test]
    fn a_greeting_is_the_oldest_turn() {
        let conversation = messages(&[(Assistant, "hi"), (User, "a"), (Assistant, "b")]);
        let expected = Fit::Fits { messages: conversation[1..].to_vec(), dropped: 1, tokens: 4 };
        assert_eq!(fitted(&conversation, 6), expected);
    }

    #[test]
    fn a_single_turn_is_not_cut() {
        let conversation = messages(&[(System, "s"), (User, "a"), (Assistant, "b")]);
        assert_eq!(fitted(&conversation, 5), Fit::TooLong { tokens: 6, least: 6 });
        assert_eq!(fitted(&conversation[..1], 1), Fit::TooLong { tokens: 2, least: 2 });
    }

    #[test]
    fn an_error_of_counting_ends_it() {
        let conversation = messages(&[(User, "a"), (User, "b")]);
        let count = |messages: &[Message]| if messages.len() == 2 { Ok(9) } else { Err("no") };
        assert_eq!(fit(&conversation, 5, count), Err("no"));
    }

    fn conversation() -> impl Strategy<Value = Vec<Message>> {
        let role = prop_oneof![
            1 => Just(System), 3 => Just(User), 3 => Just(Assistant), 1 => Just(Tool)
        ];
        let message = (role, "[a-z]{0,20}").prop_map(|(role, text)| Message::new(role, text));
        vec(message, 0..40)
    }

    proptest! {
        #[test]
        fn as_much_is_kept_as_fits(conversation in conversation(), budget in 0usize..400) {
            let mut calls = 0;
            let result = fit(&conversation, budget, |messages| {
                calls += 1;
                Ok::<_, Infallible>(length(messages))
            });
            // Two for all and nothing, and one per binary digit of forty turns.
            prop_assert!(calls <= 2 + 6, "{calls}");
            let users: Vec<usize> =
                (0..conversation.len()).filter(|&at| conversation[at].role == User).collect();
            match result.unwrap() {
                Fit::Fits { messages, dropped, tokens } => {
                    prop_assert_eq!(tokens, length(&messages));
                    prop_assert!(tokens <= budget);
                    prop_assert_eq!(messages.len() + dropped, conversation.len());
                    let is_system = |message: &&Message| message.role == System;
                    let systems: Vec<&Message> = messages.iter().filter(is_system).collect();
                    let before: Vec<&Message> = conversation.iter().filter(is_system).collect();
                    prop_assert_eq!(systems, before);
                    if let Some(&last) = users.last() {
                        prop_assert!(messages.ends_with(&conversation[last..]));
                    }
                    if dropped > 0 {
                        // What is kept begins with a question, and one more turn would not fit.
                        let rest = messages.iter().find(|message| message.role != System);
                        prop_assert_eq!(rest.map(|message| message.role), Some(User));
                        let dropped_texts: usize =
                            length(&conversation) - length(&messages);
                        prop_assert!(tokens + dropped_texts > budget);
                    }
                }
                Fit::TooLong { tokens, least } => {
                    prop_assert_eq!(tokens, length(&conversation));
                    prop_assert!(least > budget && least <= tokens);
                    let last = users.last().map_or(conversation.as_slice(), |&at| &conversation[at..]);
                    let system = conversation[..conversation.len() - last.len()].iter();
                    let system = system.filter(|message| message.role == System).cloned();
                    let minimum: Vec<Message> = system.chain(last.iter().cloned()).collect();
                    prop_assert_eq!(least, length(&minimum));
                }
            }
        }
    }
}
