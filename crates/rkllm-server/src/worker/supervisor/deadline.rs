//! What must have happened by when, and what follows if it has not.

use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::{Child, Death, Supervisor, heard, shutting_down};
use crate::error::{Code, Error};
use crate::worker::line::Entry;
use crate::worker::protocol::ToChild;

/// Time for rendering and tokenizing a prompt.
const PREPARE: Duration = Duration::from_secs(30);
/// Time that a token of a prompt may take, beside the time for the first token of the answer: a
/// tenth of what the slowest board needs.
const PER_PROMPT_TOKEN: Duration = Duration::from_millis(100);
/// Time that an abort has to land once tokens have come.
const ABORT: Duration = Duration::from_secs(5);
/// A silence after which a child is asked for a sign of life, and the time that it has to give one.
const SILENCE: Duration = Duration::from_secs(10);
const PONG: Duration = Duration::from_secs(20);
/// Bytes of a request that are no part of its prompt, at most, and those that a token has, at least,
/// where only the runtime knows the tokens.
const BESIDE_PROMPT: usize = 1024;
const BYTES_PER_TOKEN: usize = 3;
/// No deadline is later than this.
const FAR: Duration = Duration::from_secs(3600);

impl Supervisor {
    /// When something is due next.
    pub(super) fn deadline(&self) -> Instant {
        let far = Instant::now() + FAR;
        let child = match &self.child {
            Child::Held | Child::Absent => far,
            Child::Due(due) => *due,
            Child::Loading(_) => self.load.0 + self.limits.load_timeout,
            Child::Ready(_) => {
                let life = self.pinged.map_or(self.heard + SILENCE, |pinged| pinged + PONG);
                self.line.iter().map(|entry| self.limit_of(entry)).fold(life, Instant::min)
            }
            Child::Stopping(_, kill) => *kill,
        };
        let waiting = self.line.iter().filter(|entry| entry.waits());
        let queue = waiting.map(|entry| entry.entered + self.limits.queue_timeout).min();
        let closing = self.closing.as_ref().filter(|_| !self.line.is_empty());
        let closing = closing.map(|closing| closing.deadline);
        [Some(far), queue, closing].into_iter().flatten().fold(child, Instant::min)
    }

    /// When the child must have said something about this request.
    fn limit_of(&self, entry: &Entry) -> Instant {
        let never = Instant::now() + FAR;
        match (entry.run, &entry.prepared, entry.asked) {
            (Some(run), prepared, _) if !run.begun => {
                // Aborting has no effect while the prompt is evaluated.
                let tokens = prepared.as_ref().and_then(|prepared| prepared.tokens);
                let tokens = tokens.unwrap_or_else(|| estimate(&entry.frame));
                run.since + self.limits.token_timeout + PER_PROMPT_TOKEN * tokens
            }
            (Some(run), ..) => match run.aborted {
                Some(aborted) => aborted + ABORT.min(self.limits.token_timeout),
                None => run.last + self.limits.token_timeout,
            },
            // They are prepared one after the other.
            (None, None, Some(asked)) => asked.max(self.prepared) + PREPARE,
            (None, ..) => never,
        }
    }

    /// Does what is due.
    pub(super) async fn expire(&mut self) {
        // What the child has said counts, should this process have been kept from reading it. That there
        // is something to read is known only once the system was asked.
        yield_now().await;
        match heard(&mut self.child).now_or_never() {
            Some(Ok(1..)) => self.listen().await,
            Some(Ok(0) | Err(_)) => return self.bury(Death::Ended).await,
            None => {}
        }
        let now = Instant::now();
        if self.closing.as_ref().is_some_and(|closing| closing.deadline <= now) {
            self.cut(now);
        }
        let queue_timeout = self.limits.queue_timeout;
        if let Some(earliest) = now.checked_sub(queue_timeout) {
            for entry in self.line.overdue(earliest) {
                if let (Child::Ready(process), true) = (&self.child, entry.asked.is_some()) {
                    process.send(&ToChild::Forget { id: entry.id });
                }
                let seconds = queue_timeout.as_secs();
                let message = format!("the request waited for its turn for {seconds} s; try again");
                let retry_after = Some(self.service.seconds_for(self.line.len() + 1));
                entry.fail(Error { retry_after, ..Error::new(Code::QueueTimeout, message) });
            }
        }
        match &self.child {
            Child::Loading(_) if self.load.0 + self.limits.load_timeout <= now => {
                let seconds = self.limits.load_timeout.as_secs();
                let what = format!("the model was not loaded after {seconds} s (--load-timeout)");
                self.bury(Death::Hung(what)).await;
            }
            Child::Stopping(_, kill) if *kill <= now => {
                self.bury(Death::Hung(String::new())).await;
            }
            Child::Ready(process) => {
                match self.pinged {
                    None if self.heard + SILENCE <= now => {
                        process.send(&ToChild::Ping);
                        self.pinged = Some(now);
                    }
                    Some(pinged) if pinged + PONG <= now => {
                        let what = format!("no sign of life for {} s", PONG.as_secs());
                        return self.bury(Death::Hung(what)).await;
                    }
                    _ => {}
                }
                let late = self.line.iter().find(|entry| self.limit_of(entry) <= now);
                if let Some(what) = late.map(|entry| self.lateness(entry)) {
                    self.bury(Death::Hung(what)).await;
                }
            }
            _ => {}
        }
    }

    /// What a request has waited for in vain.
    fn lateness(&self, entry: &Entry) -> String {
        let seconds = self.limits.token_timeout.as_secs();
        match entry.run {
            Some(run) if run.begun && run.aborted.is_some() => {
                "it did not end when it was told to".to_owned()
            }
            Some(run) if run.begun => format!("no token for {seconds} s (--token-timeout)"),
            Some(run) => {
                let seconds = run.since.elapsed().as_secs();
                format!(
                    "no first token after {seconds} s (--token-timeout and 0.1 s per token of the prompt)"
                )
            }
            None => format!("a prompt was not prepared after {} s", PREPARE.as_secs()),
        }
    }

    /// Ends what could not end by itself before the model has to go.
    fn cut(&mut self, now: Instant) {
        self.stop(now);
        self.fail_all(&shutting_down());
    }
}

/// Tokens that the prompt of a request has at most.
fn estimate(frame: &[u8]) -> u32 {
    let bytes = frame.len().saturating_sub(BESIDE_PROMPT);
    u32::try_from(bytes / BYTES_PER_TOKEN).unwrap_or(u32::MAX)
}
