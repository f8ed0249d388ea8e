//! `POST /v1/rerank`, as Jina and Cohere have it.

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use serde::{Deserialize, Serialize};

use super::content::no_nul;
use super::either::TextOrObject;
use super::error::{about, invalid};
use super::reply::response;
use super::wire::PromptUsage;
use crate::app::State;
use crate::dialect::id::id;
use crate::dialect::json;
use crate::error::Error;
use crate::registry::Target;

#[derive(Debug, Deserialize)]
struct Body {
    model: Option<String>,
    query: String,
    documents: Vec<TextOrObject<Document>>,
    top_n: Option<i64>,
    return_documents: Option<bool>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Document {
    text: String,
}

/// A body in no dialect's words.
struct Parsed {
    model: Option<String>,
    query: String,
    documents: Vec<String>,
    shown: Shown,
    ignored: Vec<String>,
}

/// What of the documents is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shown {
    /// How many, best first.
    count: usize,
    /// Whether with their texts.
    texts: bool,
}

#[derive(Serialize)]
struct Ranking {
    id: String,
    model: Option<String>,
    results: Vec<Ranked>,
    usage: PromptUsage,
}

#[derive(Serialize)]
struct Ranked {
    index: usize,
    relevance_score: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<Document>,
}

pub(super) async fn answer(state: &State, body: Bytes) -> Result<HttpResponse, Error> {
    let Parsed { model, query, documents, shown, ignored } = parse(&body)?;
    let target = Target { model: model.clone(), ..Target::default() };
    let texts = if shown.texts { documents.clone() } else { Vec::new() };
    let rated = state.registry.rerank(&target, query, documents).await;
    let (scores, tokens) = rated.map_err(about("documents"))?;
    let results = rank(&scores, texts, shown.count);
    let usage = PromptUsage::from(tokens);
    Ok(response(&ignored).json(Ranking { id: id("rerank-"), model, results, usage }))
}

fn parse(body: &[u8]) -> Result<Parsed, Error> {
    let example = r#"{"model": "…", "query": "cats", "documents": ["I purr.", "I bark."]}"#;
    let (body, ignored) = json::parse::<Body>(body, example)?;
    if body.query.is_empty() {
        return Err(invalid("query", "query is empty; send a text"));
    }
    no_nul("query", &body.query)?;
    if body.documents.is_empty() {
        return Err(invalid("documents", "documents is empty; send a list of texts"));
    }
    let mut documents = Vec::with_capacity(body.documents.len());
    for (index, document) in body.documents.into_iter().enumerate() {
        let (TextOrObject::Text(text) | TextOrObject::Object(Document { text })) = document;
        no_nul(&format!("documents[{index}]"), &text)?;
        documents.push(text);
    }
    let count = match body.top_n {
        None => documents.len(),
        Some(count @ 1..) => usize::try_from(count).unwrap_or(usize::MAX),
        Some(count) => {
            return Err(invalid("top_n", format!("top_n is {count}; send an integer from 1")));
        }
    };
    let shown = Shown { count, texts: body.return_documents.unwrap_or_default() };
    Ok(Parsed { model: body.model, query: body.query, documents, shown, ignored })
}

/// The best documents first; equals in their order.
fn rank(scores: &[f32], texts: Vec<String>, count: usize) -> Vec<Ranked> {
    let mut texts: Vec<_> = texts.into_iter().map(Some).collect();
    let mut order: Vec<_> = (0..scores.len()).collect();
    order.sort_by(|one, other| scores[*other].total_cmp(&scores[*one]));
    let ranked = order.into_iter().take(count).map(|index| {
        let text = texts.get_mut(index).and_then(Option::take);
        let document = text.map(|text| Document { text });
        Ranked { index, relevance_score: scores[index], document }
    });
    ranked.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_texts_or_objects() {
        let parsed = parse(
            br#"{"model": "m", "query": "q", "documents": ["a", {"text": "b"}], "top_n": 1,
                "return_documents": true, "truncation": true}"#,
        )
        .unwrap();
        assert_eq!(parsed.documents, ["a", "b"]);
        assert_eq!(parsed.shown, Shown { count: 1, texts: true });
        assert_eq!(parsed.ignored, ["truncation"]);
        let plain = parse(br#"{"query": "q", "documents": ["a", "b"]}"#).unwrap();
        assert_eq!(plain.shown, Shown { count: 2, texts: false });
        assert_eq!(plain.model, None);
    }

    #[test]
    fn what_cannot_be_ranked_is_refused() {
        let mut said = Vec::new();
        for body in [
            r#"{"documents": ["a"]}"#,
            r#"{"query": "", "documents": ["a"]}"#,
            r#"{"query": "q", "documents": []}"#,
            r#"{"query": "q", "documents": [5]}"#,
            r#"{"query": "q", "documents": [{"title": "a"}]}"#,
            r#"{"query": "q", "documents": ["a"], "top_n": 0}"#,
        ] {
            let Err(error) = parse(body.as_bytes()) else { panic!("{body} is accepted") };
            said.push(format!("{}: {error}", error.param.as_deref().unwrap()));
        }
        insta::assert_snapshot!(said.join("\n"), @r#"
        query: missing field `query` at line 1 column 20; send for example {"model": "…", "query": "cats", "documents": ["I purr.", "I bark."]}
        query: query is empty; send a text
        documents: documents is empty; send a list of texts
        documents[0]: documents[0]: invalid type: integer `5`, expected a string or an object at line 1 column 30; send for example {"model": "…", "query": "cats", "documents": ["I purr.", "I bark."]}
        documents[0].text: documents[0]: missing field `text` at line 1 column 43; send for example {"model": "…", "query": "cats", "documents": ["I purr.", "I bark."]}
        top_n: top_n is 0; send an integer from 1
        "#);
    }

    #[test]
    fn the_best_comes_first() {
        let texts = ["a", "b", "c"].map(str::to_owned).to_vec();
        let ranked =
            |texts, count| serde_json::to_string(&rank(&[0.25, 0.75, 0.5], texts, count)).unwrap();
        insta::assert_snapshot!(ranked(texts, 2), @r#"[{"index":1,"relevance_score":0.75,"document":{"text":"b"}},{"index":2,"relevance_score":0.5,"document":{"text":"c"}}]"#);
        insta::assert_snapshot!(ranked(Vec::new(), 9), @r#"[{"index":1,"relevance_score":0.75},{"index":2,"relevance_score":0.5},{"index":0,"relevance_score":0.25}]"#);
    }
}
