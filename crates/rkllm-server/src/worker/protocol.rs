//! What the server and the child of one model say to each other: frames over a socket pair, each a
//! length in 4 bytes, little-endian, and that many bytes of MessagePack.

use bytes::{Buf, BytesMut};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::spec::{Facts, ModelSpec};
use super::work::{Output, Work};
use crate::error::Error;
use crate::generate::Event;

/// Changes with every change of the messages. Both sides are the same program, unless its file was
/// replaced while it ran.
pub(super) const PROTOCOL: u32 = 1;

/// Largest frame in bytes: the largest request body twice.
const MAX_FRAME: usize = 128 << 20;

/// Names a request between the two sides.
pub(super) type Id = u64;

/// From the server to the child.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ToChild {
    /// Load a model. Comes first, once.
    Load(Box<ModelSpec>),
    /// Check a request against the model and keep it. Answered with `Prepared` or `Refused`, also
    /// while another one runs. What owners have in common is not reused among them.
    Prepare { id: Id, owner: Option<u64>, work: Box<Work> },
    /// Run what was prepared. Answered with events or an output.
    Run { id: Id },
    /// Forget what was prepared; end it if it runs.
    Forget { id: Id },
    /// Answered with `Pong`.
    Ping,
    /// Unload the model and end.
    Stop,
}

/// From the child to the server.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum FromChild {
    /// Comes first, once.
    Hello {
        protocol: u32,
    },
    /// The model is in memory.
    Loaded(Box<Facts>),
    /// It cannot be loaded, for this reason.
    LoadFailed(String),
    /// A request fits the model.
    Prepared {
        id: Id,
        prepared: Prepared,
    },
    /// It does not.
    Refused {
        id: Id,
        error: Error,
    },
    /// Something happened to the request that runs. Its last event is `Done` or `Failed`.
    Event {
        id: Id,
        event: Event,
    },
    /// The request that runs has got a token, of which nothing was delivered yet.
    Alive {
        id: Id,
    },
    /// The result of a request that has no events.
    Output {
        id: Id,
        output: Output,
    },
    /// Something worth a line in the log.
    Note(String),
    Pong,
}

/// What is known of a request before it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Prepared {
    /// Tokens of the prompt, where they are known.
    pub(crate) tokens: Option<u32>,
    /// What the request says without effect.
    pub(crate) ignored: Vec<String>,
}

/// A frame that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    #[error("a frame of {0} bytes, more than any message has")]
    TooLarge(usize),
    #[error("a frame that is no message: {0}")]
    Unreadable(#[from] rmp_serde::decode::Error),
}

/// Appends a message as a frame.
pub(super) fn encode(message: &impl Serialize, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    // Structs as maps: some fields are left out when they are empty.
    let mut serializer = rmp_serde::Serializer::new(&mut *out).with_struct_map();
    message.serialize(&mut serializer).expect("messages serialise and memory takes all");
    let length = u32::try_from(out.len() - start - 4).expect("requests are far below 4 GiB");
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// Takes the first complete frame out of a buffer.
pub(super) fn decode<T: DeserializeOwned>(buffer: &mut BytesMut) -> Result<Option<T>, FrameError> {
    let Some(length) = buffer.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_le_bytes(*length) as usize;
    if length > MAX_FRAME {
        return Err(FrameError::TooLarge(length));
    }
    let Some(body) = buffer.get(4..4 + length) else {
        buffer.reserve(4 + length - buffer.len());
        return Ok(None);
    };
    let message = rmp_serde::from_slice(body)?;
    buffer.advance(4 + length);
    Ok(Some(message))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::Code;
    use crate::generate::{Done, Finish, Format, Request, Timings, Usage};

    fn messages() -> Vec<FromChild> {
        let usage = Usage { prompt: 3, cached: 1, completion: 2, thoughts: 0 };
        let done = Done { finish: Finish::Length, stop: None, usage, timings: Timings::default() };
        vec![
            FromChild::Hello { protocol: PROTOCOL },
            FromChild::Event { id: 7, event: Event::Started },
            FromChild::Event { id: 7, event: Event::Text("é\n".into()) },
            FromChild::Event { id: 7, event: Event::Done(done) },
            FromChild::Refused { id: 8, error: Error::new(Code::Busy, "later") },
            FromChild::Pong,
        ]
    }

    #[test]
    fn a_request_with_free_json_comes_back_whole() {
        let schema = serde_json::json!({"type": "object", "x": [1, null, 2.5, {"é": "\u{0}"}]});
        let format = Format::JsonSchema { schema, strict: true };
        let request = Request { format, ..Request::default() };
        let mut bytes = Vec::new();
        encode(
            &ToChild::Prepare { id: 1, owner: None, work: Box::new(Work::Answer(request.clone())) },
            &mut bytes,
        );
        let mut buffer = BytesMut::from(bytes.as_slice());
        let Some(ToChild::Prepare { id: 1, work, .. }) = decode(&mut buffer).unwrap() else {
            panic!("another message");
        };
        assert_eq!(*work, Work::Answer(request));
        assert!(buffer.is_empty());
    }

    #[test]
    fn nonsense_is_an_error() {
        let mut huge = BytesMut::from(&u32::MAX.to_le_bytes()[..]);
        assert!(matches!(decode::<FromChild>(&mut huge), Err(FrameError::TooLarge(_))));
        let mut wrong = BytesMut::from(&[1, 0, 0, 0, 0xc1][..]);
        assert!(matches!(decode::<FromChild>(&mut wrong), Err(FrameError::Unreadable(_))));
    }

    proptest! {
        #[test]
        fn frames_arrive_however_they_are_cut(cuts in proptest::collection::vec(1usize..40, 0..40)) {
            let mut bytes = Vec::new();
            messages().iter().for_each(|message| encode(message, &mut bytes));
            let mut rest = bytes.as_slice();
            let mut buffer = BytesMut::new();
            let mut arrived = String::new();
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let (piece, later) = rest.split_at(cut.min(rest.len()));
                buffer.extend_from_slice(piece);
                rest = later;
                while let Some(message) = decode::<FromChild>(&mut buffer).unwrap() {
                    arrived += &format!("{message:?}\n");
                }
            }
            let sent: String = messages().iter().map(|message| format!("{message:?}\n")).collect();
            prop_assert_eq!(arrived, sent);
        }
    }
}
