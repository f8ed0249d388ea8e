//! One connection: its requests under way, and the messages between them and the client.

use std::time::Duration;

use actix_web::web::Data;
use actix_ws::{
    AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, ProtocolError, Session,
};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tracing::{Instrument, Span};

use super::id::Id;
use super::inbound::{Ask, Inbound, Refused};
use super::outbound;
use crate::app::State;
use crate::dialect::native::{self, encode::Narrator};
use crate::error::{Code, Error};
use crate::generate::Event;
use crate::http::{Client, Http, Room, Taken};

/// Requests that one connection may have under way.
const IN_FLIGHT: usize = 8;
/// Messages that wait for the client to read; its requests pause meanwhile.
const BUFFER: usize = 64;
/// A client that takes no message for so long is cut off.
const SLOW: Duration = Duration::from_secs(30);
/// Time between two signs of life that the client is asked for.
const PING: Duration = Duration::from_secs(20);
/// A silence after which the client counts as gone.
const DEADLINE: Duration = Duration::from_secs(60);

/// A message on its way to the client.
struct Outgoing {
    /// The number of its request.
    number: u64,
    text: String,
    /// Whether its request is over with it.
    last: bool,
}

/// A request under way.
struct Running {
    /// Counts the requests of a connection: clients use a name again once its request is over.
    number: u64,
    id: Id,
    task: AbortHandle,
}

/// Why a connection ends.
type End = CloseReason;

/// What a connection needs of the server, and who it is with.
pub(super) struct Shared {
    pub(super) state: Data<State>,
    pub(super) http: Data<Http>,
    pub(super) client: Client,
    /// What its messages take while they arrive.
    pub(super) room: Room,
}

/// One client and its requests. Dropping it ends them all.
pub(super) struct Connection {
    shared: Shared,
    session: Session,
    running: Vec<Running>,
    tasks: JoinSet<()>,
    started: u64,
    sender: Sender<Outgoing>,
    outgoing: Receiver<Outgoing>,
    /// When the client last said anything.
    heard: Instant,
    /// Whether the server is shutting down.
    stopping: bool,
}

impl Connection {
    pub(super) fn new(shared: Shared, session: Session) -> Self {
        let (sender, outgoing) = mpsc::channel(BUFFER);
        Self {
            shared,
            session,
            running: Vec::with_capacity(IN_FLIGHT),
            tasks: JoinSet::new(),
            started: 0,
            sender,
            outgoing,
            heard: Instant::now(),
            stopping: false,
        }
    }

    /// Serves the client until it leaves or has to.
    pub(super) async fn serve(mut self, mut inbound: AggregatedMessageStream) {
        let end = self.converse(&mut inbound).await;
        tracing::debug!(?end, running = self.running.len(), "the connection ends");
        // Nobody is to get an answer any more, and closing may take a while.
        self.tasks.abort_all();
        let _ = timeout(Duration::from_secs(1), self.session.close(end)).await;
    }

    /// `None` when the client is gone.
    async fn converse(&mut self, inbound: &mut AggregatedMessageStream) -> Option<End> {
        let mut ping = interval_at(Instant::now() + PING, PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let http = Data::clone(&self.shared.http);
        let mut stopping = std::pin::pin!(http.stopping());
        loop {
            let step = tokio::select! {
                Some(outgoing) = self.outgoing.recv() => self.deliver(outgoing).await,
                message = inbound.recv() => match message {
                    Some(Ok(message)) => self.hear(message).await,
                    Some(Err(error)) => Err(Some(broken(&error))),
                    None => Err(None),
                },
                _ = ping.tick() => self.check_life().await,
                () = &mut stopping, if !self.stopping => {
                    self.stopping = true;
                    Ok(())
                }
            };
            match step {
                Err(end) => return end,
                Ok(()) if self.stopping && self.running.is_empty() => {
                    return Some(reason(CloseCode::Away, "the server is shutting down"));
                }
                Ok(()) => {}
            }
        }
    }

    /// Sends one message on, unless its request was cancelled meanwhile. A request that it ends is
    /// forgotten first, so that its name is free once the client has read it.
    async fn deliver(&mut self, outgoing: Outgoing) -> Result<(), Option<End>> {
        let Some(at) = self.running.iter().position(|one| one.number == outgoing.number) else {
            return Ok(());
        };
        if outgoing.last {
            self.running.swap_remove(at);
        }
        self.send(outgoing.text).await
    }

    async fn send(&mut self, text: String) -> Result<(), Option<End>> {
        in_time(self.session.text(text)).await
    }

    async fn check_life(&mut self) -> Result<(), Option<End>> {
        if self.heard.elapsed() > DEADLINE {
            return Err(Some(reason(CloseCode::Policy, "no sign of life for a minute")));
        }
        in_time(self.session.ping(b"")).await
    }

    async fn hear(&mut self, message: AggregatedMessage) -> Result<(), Option<End>> {
        self.heard = Instant::now();
        // It belongs to the message, and to the request that this may be.
        let taken = self.shared.room.hand_over();
        match message {
            AggregatedMessage::Text(text) => self.read(&text, taken).await,
            AggregatedMessage::Binary(_) => {
                let error = Error::invalid("the message is binary; send JSON as a text message");
                self.send(outbound::error(None, &error)).await
            }
            AggregatedMessage::Ping(bytes) => in_time(self.session.pong(&bytes)).await,
            AggregatedMessage::Pong(_) => Ok(()),
            AggregatedMessage::Close(_) => Err(Some(CloseCode::Normal.into())),
        }
    }

    async fn read(&mut self, text: &str, taken: Taken) -> Result<(), Option<End>> {
        match Inbound::parse(text) {
            Ok(Inbound::Ask(ask)) => match self.check(&ask.id) {
                Ok(()) => {
                    self.start(*ask, taken);
                    Ok(())
                }
                Err(refused) => self.refuse(&refused).await,
            },
            Ok(Inbound::Cancel(id)) => {
                let running = self.find(&id).map(|at| self.running.swap_remove(at));
                if let Some(Running { task, .. }) = &running {
                    task.abort();
                }
                self.send(outbound::cancelled(&id, running.is_some())).await
            }
            Err(refused) => self.refuse(&refused).await,
        }
    }

    fn find(&self, id: &Id) -> Option<usize> {
        self.running.iter().position(|one| one.id == *id)
    }

    async fn refuse(&mut self, refused: &Refused) -> Result<(), Option<End>> {
        self.send(outbound::error(refused.id.as_ref(), &refused.error)).await
    }

    /// Whether one more request of this name may run.
    fn check(&self, id: &Id) -> Result<(), Refused> {
        if self.find(id).is_some() {
            // An error with that name would read as the end of the other one.
            let name = id.json();
            let message = format!("a request with id {name} is under way; give each another id");
            return Err(Refused { id: None, error: Error::invalid(message) });
        }
        let refused = |error| Refused { id: Some(id.clone()), error };
        if self.stopping {
            let message = "the server is shutting down; try again later";
            return Err(refused(Error::new(Code::ShuttingDown, message)));
        }
        if self.running.len() >= IN_FLIGHT {
            let message = format!(
                "{IN_FLIGHT} requests of this connection are under way; wait for one of them"
            );
            return Err(refused(Error::new(Code::Busy, message)));
        }
        self.shared.http.count(self.shared.client).map_err(refused)
    }

    fn start(&mut self, ask: Ask, taken: Taken) {
        while self.tasks.try_join_next().is_some() {}
        self.started += 1;
        let (number, id) = (self.started, ask.id.clone());
        let teller = Teller { number, sender: self.sender.clone() };
        let state = Data::clone(&self.shared.state);
        let work = async move {
            answer(state, ask, teller).await;
            drop(taken);
        };
        let task = self.tasks.spawn_local(work.instrument(Span::current()));
        self.running.push(Running { number, id, task });
    }
}

/// Puts one request's messages on their way.
struct Teller {
    number: u64,
    sender: Sender<Outgoing>,
}

impl Teller {
    /// Waits while the client has too much to read already.
    async fn tell(&self, text: String, last: bool) {
        let outgoing = Outgoing { number: self.number, text, last };
        // Nobody listens only when the connection is ending, and this request with it.
        let _ = self.sender.send(outgoing).await;
    }
}

/// Answers one request, up to its last message.
async fn answer(state: Data<State>, ask: Ask, teller: Teller) {
    let Ask { id, parsed } = ask;
    let accepted = match native::accept(&state, parsed).await {
        Ok(accepted) => accepted,
        Err(error) => return teller.tell(outbound::error(Some(&id), &error), true).await,
    };
    if !accepted.ignored.is_empty() {
        teller.tell(outbound::ignored(&id, &accepted.ignored), false).await;
    }
    let (mut answer, mut narrator) = (accepted.answer, Narrator::default());
    while let Some(event) = answer.next().await {
        let over = matches!(event, Event::Done(_) | Event::Failed(_));
        let mut texts = outbound::event(&id, &mut narrator, event).into_iter().peekable();
        while let Some(text) = texts.next() {
            let last = over && texts.peek().is_none();
            teller.tell(text, last).await;
        }
    }
}

/// Waits for the client to take a message, but not for ever.
async fn in_time(
    sending: impl Future<Output = Result<(), actix_ws::Closed>>,
) -> Result<(), Option<End>> {
    match timeout(SLOW, sending).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(actix_ws::Closed)) => Err(None),
        Err(_) => {
            let seconds = SLOW.as_secs();
            let text = format!("no message was read for {seconds} s; read faster");
            Err(Some(reason(CloseCode::Policy, &text)))
        }
    }
}

fn reason(code: CloseCode, text: &str) -> CloseReason {
    CloseReason { code, description: Some(text.to_owned()) }
}

/// What to tell a client whose bytes are no messages.
fn broken(error: &ProtocolError) -> CloseReason {
    match error {
        ProtocolError::Io(error) if Room::is_lacking(error) => {
            reason(CloseCode::Again, "the server has no room for the message; try again in a while")
        }
        ProtocolError::Overflow | ProtocolError::Io(_) => {
            reason(CloseCode::Size, "the message is larger than this server takes")
        }
        error => reason(CloseCode::Protocol, &error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::error::PayloadError;
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_no_message_is_cut_off_with_a_reason() {
        let end = in_time(std::future::pending()).await.unwrap_err().unwrap();
        assert_eq!(end.code, CloseCode::Policy);
        assert_eq!(end.description.unwrap(), "no message was read for 30 s; read faster");
        assert!(in_time(std::future::ready(Err(actix_ws::Closed))).await.unwrap_err().is_none());
        in_time(tokio::time::sleep(SLOW / 2).map(Ok)).await.unwrap();
    }

    #[test]
    fn what_is_too_large_is_told_apart_from_what_is_broken() {
        assert_eq!(broken(&ProtocolError::Overflow).code, CloseCode::Size);
        assert_eq!(broken(&ProtocolError::UnmaskedFrame).code, CloseCode::Protocol);
        let busy = std::io::Error::other(Error::new(Code::Busy, "full"));
        let busy = std::io::Error::other(PayloadError::Io(busy));
        assert_eq!(broken(&ProtocolError::Io(busy)).code, CloseCode::Again);
    }
}
