//! The answers to one body: one, or several one after the other.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::dialect::stream::Source;
use crate::dialect::{Collected, collect};
use crate::error::{Code, Error};
use crate::generate::{Event, Request};
use crate::registry::{Accepted, Registry, Target};
use crate::worker::Answer;

/// How long a failure may still be told by the HTTP status. Clients give up on a server that says
/// nothing at all after half a minute.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause before a body that has been answered in part asks for its next place in line.
const PAUSE: Duration = Duration::from_millis(100);

/// The requests of one body. Each prompt is answered `n` times, with seeds that count up.
pub(super) struct Series {
    prompts: Vec<Request>,
    n: u32,
    next: usize,
}

impl Series {
    pub(super) fn new(prompts: Vec<Request>, n: u32) -> Self {
        Self { prompts, n, next: 0 }
    }

    /// Answers to each prompt.
    pub(super) fn n(&self) -> u32 {
        self.n
    }

    /// Answers to all prompts.
    pub(super) fn total(&self) -> usize {
        self.prompts.len() * self.n as usize
    }
}

impl Iterator for Series {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        let n = self.n as usize;
        let (prompt, number) = (self.next / n, self.next % n);
        let request = self.prompts.get_mut(prompt)?;
        let mut request = if number + 1 == n { std::mem::take(request) } else { request.clone() };
        self.next += 1;
        if let Some(seed) = &mut request.tuning.seed {
            *seed = seed.wrapping_add(number as i64);
        }
        Some(request)
    }
}

/// The events of all answers in order.
pub(super) struct Answers {
    registry: Registry,
    target: Target,
    series: Series,
    /// An event that was awaited before anybody read.
    first: Option<Event>,
    stage: Stage,
}

enum Stage {
    Running(Answer),
    /// On the way to the next answer.
    Between(Pin<Box<dyn Future<Output = Result<Answer, Error>>>>),
    Over,
}

/// What the first request was accepted with.
pub(super) struct Opened {
    pub(super) answers: Answers,
    /// What has no effect, by the names of [`Request`]'s fields.
    pub(super) ignored: Vec<String>,
}

impl Answers {
    /// Sends the first request; the others follow as their predecessors are answered.
    pub(super) async fn open(
        registry: Registry,
        target: Target,
        mut series: Series,
    ) -> Result<Opened, Error> {
        let first = series.next().expect("every body has a prompt");
        let Accepted { answer, ignored, .. } = registry.answer(&target, first).await?;
        let stage = Stage::Running(answer);
        let answers = Self { registry, target, series, first: None, stage };
        Ok(Opened { answers, ignored })
    }

    /// Waits for the first event, so that a failure in line can be told by the HTTP status.
    pub(super) async fn begin(&mut self) -> Result<(), Error> {
        match timeout(PATIENCE, poll_fn(|context| self.poll_next(context))).await {
            Ok(Some(Event::Failed(error))) => Err(error),
            Ok(event) => {
                self.first = event;
                Ok(())
            }
            Err(_) => Ok(()),
        }
    }

    /// Waits for all answers.
    pub(super) async fn collect(mut self) -> Result<Vec<Collected>, Error> {
        let mut collected = Vec::new();
        loop {
            match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Running(answer) => {
                    collected.push(collect(answer).await?);
                    self.stage = self.following();
                }
                Stage::Between(answer) => self.stage = Stage::Running(answer.await?),
                Stage::Over => return Ok(collected),
            }
        }
    }

    /// What comes after an answer that is complete.
    fn following(&mut self) -> Stage {
        let Some(request) = self.series.next() else {
            return Stage::Over;
        };
        let (registry, target) = (self.registry.clone(), self.target.clone());
        Stage::Between(Box::pin(async move {
            loop {
                match registry.answer(&target, request.clone()).await {
                    // A body that has been let in is not turned away halfway.
                    Err(error) if error.code == Code::Busy => sleep(PAUSE).await,
                    accepted => return accepted.map(|accepted| accepted.answer),
                }
            }
        }))
    }
}

impl Source for Answers {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if let Some(event) = self.first.take() {
            return Poll::Ready(Some(event));
        }
        loop {
            match &mut self.stage {
                Stage::Running(answer) => {
                    let event = std::task::ready!(answer.poll_next(context));
                    match &event {
                        Some(Event::Done(_)) => self.stage = self.following(),
                        Some(Event::Failed(_)) | None => self.stage = Stage::Over,
                        Some(_) => {}
                    }
                    return Poll::Ready(event);
                }
                Stage::Between(answer) => match std::task::ready!(answer.as_mut().poll(context)) {
                    Ok(answer) => self.stage = Stage::Running(answer),
                    Err(error) => {
                        self.stage = Stage::Over;
                        return Poll::Ready(Some(Event::Failed(error)));
                    }
                },
                Stage::Over => return Poll::Ready(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Input, Tuning};

    fn prompt(text: &str, seed: Option<i64>) -> Request {
        let input = Input::Text { prompt: text.to_owned(), suffix: None };
        Request { input, tuning: Tuning { seed, ..Tuning::default() }, ..Request::default() }
    }

    #[test]
    fn each_prompt_is_answered_n_times_with_seeds_that_differ() {
        let prompts = vec![prompt("a", Some(i64::MAX)), prompt("b", None)];
        let requests: Vec<_> = Series::new(prompts, 2).collect();
        let expected = [
            prompt("a", Some(i64::MAX)),
            prompt("a", Some(i64::MIN)),
            prompt("b", None),
            prompt("b", None),
        ];
        assert_eq!(requests, expected);
    }
}
