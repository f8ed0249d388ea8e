//! Stop strings: where an answer ends although the model goes on.

use crate::Error;

/// Stop strings searched for at once.
const MAX_STOPS: usize = 16;

/// Cuts a stream of text before the first stop string, wherever the pieces of text end.
///
/// The match that is complete first wins; of those that end at the same place, the longest. Text
/// that may be the beginning of a stop string is held back until that is decided, so no stop
/// string and no beginning of the one that matched is ever delivered.
///
/// ```
/// use rkllm_chat::StopStrings;
///
/// let mut stops = StopStrings::new(vec!["\nUser:".into()])?;
/// assert_eq!(stops.push("Paris.\nU").text, "Paris.");
/// assert_eq!(stops.push("nless").text, "\nUnless");
/// let last = stops.push(" so.\nUser: and");
/// assert_eq!((last.text, last.stopped), (" so.", true));
/// assert_eq!(stops.finish(), "");
/// # Ok::<(), rkllm_chat::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct StopStrings {
    stops: Vec<Stop>,
    /// The end of the text so far, as long as it is the beginning of a stop string.
    held: String,
    /// Reused for texts that begin with what was held.
    joined: String,
    /// The place in the list of the stop string that was found.
    found: Option<usize>,
}

/// What may be delivered after a piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pushed<'p> {
    /// The text that is certain not to belong to a stop string.
    pub text: &'p str,
    /// Whether a stop string was found; no text follows any more.
    pub stopped: bool,
}

impl StopStrings {
    /// A filter for up to 16 stop strings, none of them empty. Without any it passes all text.
    ///
    /// # Errors
    ///
    /// [`Error::TooManyStops`] and [`Error::EmptyStop`].
    pub fn new(stops: Vec<String>) -> Result<Self, Error> {
        if stops.len() > MAX_STOPS {
            return Err(Error::TooManyStops { count: stops.len(), limit: MAX_STOPS });
        }
        if let Some(index) = stops.iter().position(String::is_empty) {
            return Err(Error::EmptyStop { number: index + 1 });
        }
        let stops = stops.into_iter().map(Stop::new).collect();
        Ok(Self { stops, held: String::new(), joined: String::new(), found: None })
    }

    /// Takes the next piece and gives what may be delivered now, borrowed from the piece unless
    /// text was held back before it.
    ///
    /// After a stop string was found, further pieces are dropped.
    pub fn push<'p>(&'p mut self, piece: &'p str) -> Pushed<'p> {
        if self.found.is_some() {
            return Pushed { text: "", stopped: true };
        }
        let (until, found) = self.search(piece);
        self.found = found;
        let stopped = found.is_some();
        let text = if self.held.is_empty() {
            piece
        } else {
            self.joined.clear();
            self.joined.push_str(&self.held);
            self.joined.push_str(piece);
            self.held.clear();
            &self.joined
        };
        let (text, rest) = text.split_at(until);
        if !stopped {
            self.held.push_str(rest);
        }
        Pushed { text, stopped }
    }

    /// The text still held back when the model is done; nothing after a stop string was found.
    pub fn finish(self) -> String {
        self.held
    }

    /// Which stop string was found: its place in the list, counted from zero.
    pub fn found(&self) -> Option<usize> {
        self.found
    }

    /// Gives what is held back because no text follows it here, and begins anew: no stop string
    /// is found across this place.
    pub fn interrupt(&mut self) -> &str {
        for stop in &mut self.stops {
            stop.matched = 0;
        }
        self.joined.clear();
        std::mem::swap(&mut self.held, &mut self.joined);
        &self.joined
    }

    /// How many bytes of held and new text may be delivered, and which stop string follows.
    fn search(&mut self, piece: &str) -> (usize, Option<usize>) {
        let whole = self.held.len() + piece.len();
        if self.stops.is_empty() {
            return (whole, None);
        }
        for (index, byte) in piece.bytes().enumerate() {
            // Of stop strings that are the same, the first.
            let complete = self.stops.iter_mut().enumerate().rev();
            let complete = complete.filter_map(|(at, stop)| Some((stop.advance(byte)?, at)));
            if let Some((length, at)) = complete.max_by_key(|(length, _)| *length) {
                return (self.held.len() + index + 1 - length, Some(at));
            }
        }
        let begun = self.stops.iter().map(|stop| stop.matched).max().unwrap_or(0);
        (whole - begun, None)
    }
}

/// One stop string and how much of it the text so far ends with (Knuth, Morris and Pratt).
///
/// A few of these in step cost a compare per byte and stop string and tell how much to hold back,
/// which the automata of general search libraries do not.
#[derive(Debug, Clone)]
struct Stop {
    bytes: Vec<u8>,
    /// For each length of beginning, the length of the longest shorter one that it ends with.
    borders: Vec<usize>,
    matched: usize,
}

impl Stop {
    fn new(text: String) -> Self {
        let bytes = text.into_bytes();
        let mut borders = vec![0; bytes.len() + 1];
        let mut border = 0;
        for end in 1..bytes.len() {
            while border > 0 && bytes[border] != bytes[end] {
                border = borders[border];
            }
            border += usize::from(bytes[border] == bytes[end]);
            borders[end + 1] = border;
        }
        Self { bytes, borders, matched: 0 }
    }

    /// Takes one byte; the length of the stop string if it is complete with it.
    fn advance(&mut self, byte: u8) -> Option<usize> {
        while self.matched > 0 && self.bytes[self.matched] != byte {
            self.matched = self.borders[self.matched];
        }
        self.matched += usize::from(self.bytes[self.matched] == byte);
        (self.matched == self.bytes.len()).then_some(self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn stops(texts: &[&str]) -> StopStrings {
        StopStrings::new(texts.iter().map(|text| text.to_string()).collect()).unwrap()
    }

    /// All that is delivered, and whether a stop string was found.
    fn deliver(mut stops: StopStrings, pieces: &[&str]) -> (String, bool) {
        let mut text = String::new();
        let mut stopped = false;
        for piece in pieces {
            let pushed = stops.push(piece);
            text += pushed.text;
            stopped = pushed.stopped;
        }
        text += &stops.finish();
        (text, stopped)
    }

    #[test]
    fn plain_text_passes_as_the_piece_itself() {
        let mut stops = stops(&["###", "\n\n"]);
        let piece = String::from("Hello, world");
        let pushed = stops.push(&piece);
        assert_eq!(pushed.text.as_ptr(), piece.as_ptr());
        assert_eq!(pushed.text.len(), piece.len());
        assert_eq!((stops.held.capacity(), stops.joined.capacity()), (0, 0));
    }

    #[test]
    fn a_beginning_is_held_and_released_when_it_leads_nowhere() {
        let mut stops = stops(&["aab"]);
        assert_eq!(stops.push("xa").text, "x");
        assert_eq!(stops.push("a").text, "");
        assert_eq!(stops.push("a").text, "a");
        assert_eq!(stops.push("c").text, "aac");
    }

    #[test]
    fn held_text_is_released_at_the_end() {
        assert_eq!(deliver(stops(&["</s>"]), &["1 <", "/s"]), ("1 </s".into(), false));
    }

    #[test]
    fn the_first_complete_match_wins_and_the_longest_of_equals() {
        assert_eq!(deliver(stops(&["bcd", "abcdef"]), &["xabcdef"]), ("xa".into(), true));
        assert_eq!(deliver(stops(&["cd", "bcd"]), &["abc", "d", "e"]), ("a".into(), true));
    }

    #[test]
    fn the_one_that_matched_is_told() {
        let mut stops = stops(&["cd", "bcd", "x", "bcd"]);
        assert_eq!((stops.push("abc").stopped, stops.found()), (false, None));
        assert!(stops.push("d").stopped);
        assert_eq!(stops.found(), Some(1));
    }

    #[test]
    fn nothing_is_found_across_an_interruption() {
        let mut stops = stops(&["ab"]);
        assert_eq!(stops.push("xa").text, "x");
        assert_eq!(stops.interrupt(), "a");
        assert_eq!(stops.push("b"), Pushed { text: "b", stopped: false });
        assert_eq!(stops.interrupt(), "");
    }

    #[test]
    fn nothing_follows_a_stop() {
        let mut stops = stops(&["."]);
        assert!(stops.push("a.b").stopped);
        assert_eq!(stops.push("c"), Pushed { text: "", stopped: true });
        assert_eq!(stops.finish(), "");
    }

    #[test]
    fn useless_lists_are_refused() {
        let error = StopStrings::new(vec!["a".into(), String::new()]).unwrap_err();
        assert_eq!(error.to_string(), "stop string number 2 is empty: remove it or give it text");
        assert!(StopStrings::new(vec!["a".into(); 16]).is_ok());
        let error = StopStrings::new(vec!["a".into(); 17]).unwrap_err();
        assert!(matches!(error, Error::TooManyStops { count: 17, limit: 16 }));
    }

    /// Where the text is cut, found by looking at every place.
    fn expected<'t>(stops: &[String], text: &'t str) -> (&'t str, bool) {
        let ends = text.char_indices().map(|(at, char)| at + char.len_utf8());
        ends.filter_map(|end| {
            let found = stops.iter().filter(|stop| text[..end].ends_with(stop.as_str()));
            found.map(|stop| end - stop.len()).min()
        })
        .next()
        .map_or((text, false), |start| (&text[..start], true))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn any_split_delivers_the_text_up_to_the_stop(
            texts in vec("[ab€]{1,4}", 0..5),
            text in "[abé€]{0,24}",
            sizes in vec(0usize..4, 0..24),
        ) {
            let mut chars = text.chars();
            let mut pieces: Vec<String> =
                sizes.iter().map(|size| chars.by_ref().take(*size).collect()).collect();
            pieces.push(chars.collect());
            let (cut, stops_there) = expected(&texts, &text);
            let mut stops = StopStrings::new(texts).unwrap();
            let mut delivered = String::new();
            for piece in &pieces {
                delivered += stops.push(piece).text;
                prop_assert!(cut.starts_with(&delivered));
            }
            prop_assert_eq!(stops.push("").stopped, stops_there);
            delivered += &stops.finish();
            prop_assert_eq!(delivered, cut);
        }
    }
}
