//! One call, whichever way it is written.

use super::delivery::{Delivery, Sink};
use super::envelope::Envelope;
use super::mark::Mark;
use super::named::Named;
use super::xml::Xml;

/// What became of a call with the last character or mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It goes on.
    More,
    /// It is complete with this.
    Ended,
    /// It was complete before this, which is not part of it.
    EndedBefore,
    /// It is no call, or nothing that can be read as one.
    Refused {
        /// Whether its end is reached; else what follows is part of it still.
        is_over: bool,
    },
}

impl Progress {
    pub(super) const REFUSED: Self = Self::Refused { is_over: true };
}

/// What a call is read from and where it goes.
pub(super) struct Outlet<'o> {
    pub(super) delivery: &'o mut Delivery,
    pub(super) sink: Sink<'o>,
}

impl Outlet<'_> {
    pub(super) fn text(&mut self, text: &str) {
        self.delivery.text(text, self.sink);
    }

    pub(super) fn call(&mut self, name: &str) {
        self.delivery.call(name, self.sink);
    }

    pub(super) fn arguments(&mut self, json: &mut String) {
        self.delivery.arguments(json, self.sink);
        json.clear();
    }

    pub(super) fn end_call(&mut self) {
        self.delivery.end_call(self.sink);
    }

    /// A call of which all is known.
    pub(super) fn whole_call(&mut self, name: &str, mut arguments: String) {
        self.call(name);
        self.arguments(&mut arguments);
        self.end_call();
    }
}

/// How much of a call was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    /// Nothing; it may still turn out to be text.
    Nothing,
    /// The name, and arguments as they come.
    Begun,
    /// All that is to be delivered.
    All,
}

/// One call.
#[derive(Debug, Clone)]
pub(super) enum Body {
    Envelope(Envelope),
    Named(Named),
    Xml(Xml),
}

impl Body {
    pub(super) fn take(&mut self, c: char, outlet: &mut Outlet<'_>) -> Progress {
        match self {
            Self::Envelope(envelope) => envelope.take(c, outlet),
            Self::Named(named) => named.take(c, outlet),
            Self::Xml(xml) => xml.take(c, outlet),
        }
    }

    pub(super) fn mark(&mut self, mark: Mark, text: &str, outlet: &mut Outlet<'_>) -> Progress {
        match self {
            Self::Envelope(envelope) => envelope.mark(mark, text, outlet),
            Self::Named(named) => named.mark(mark, text, outlet),
            Self::Xml(xml) => xml.mark(mark, text, outlet),
        }
    }

    pub(super) fn given(&self) -> Given {
        match self {
            Self::Envelope(envelope) => envelope.given(),
            Self::Named(named) => named.given(),
            Self::Xml(xml) => xml.given(),
        }
    }

    /// Whether it was meant to be a call, should it be refused.
    pub(super) fn is_malformed(&self) -> bool {
        match self {
            Self::Envelope(envelope) => envelope.is_malformed(),
            Self::Named(named) => named.is_malformed(),
            Self::Xml(_) => true,
        }
    }

    /// Whether what follows a delivered call, seemingly in it, may be text after it.
    pub(super) fn has_rest(&self) -> bool {
        matches!(self, Self::Envelope(envelope) if envelope.is_in_key())
    }

    /// Delivers the arguments that have come so far.
    pub(super) fn flush(&mut self, outlet: &mut Outlet<'_>) {
        match self {
            Self::Envelope(envelope) => envelope.flush(outlet),
            Self::Named(named) => named.flush(outlet),
            Self::Xml(xml) => xml.flush(outlet),
        }
    }

    /// Closes the arguments of a call that was begun.
    pub(super) fn close(&mut self, outlet: &mut Outlet<'_>) {
        match self {
            Self::Envelope(envelope) => envelope.close(outlet),
            Self::Named(named) => named.close(outlet),
            Self::Xml(xml) => xml.close(outlet),
        }
    }
}
