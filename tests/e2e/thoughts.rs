//! What a model thinks before it answers, over the native API of the built server.

use std::fs;

use futures_util::TryStreamExt;
use rkllm_client::api::{ChatRequest, GenerateRequest, Message};
use rkllm_fake::Script;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::Server;

/// A folder with a scripted model that thinks, which is called `thinker`.
fn thinker(script: &Script) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("thinker");
    fs::create_dir(&model).unwrap();
    fs::write(model.join("model.toml"), "reasoning = { start = \"<t>\", end = \"</t>\" }\n")
        .unwrap();
    fs::copy(script.model(), model.join("model.rkllm")).unwrap();
    folder
}

#[tokio::test]
async fn thoughts_stand_apart_from_the_text() {
    let script = Script::new();
    script.set("REPLY", "<t>Hm. Paris?</t>Paris.");
    let folder = thinker(&script);
    let server = Server::scripted_folder(folder.path(), &[]);
    let (client, model) = (server.client(), Some("thinker".to_owned()));
    let request =
        GenerateRequest { model: model.clone(), prompt: "hi".into(), ..GenerateRequest::default() };
    let whole = client.generate(&request).await.unwrap();
    assert_eq!((whole.reasoning.as_deref(), &*whole.text), (Some("Hm. Paris?"), "Paris."));

    let messages = vec![Message::user("hi")];
    let request = ChatRequest { model, messages, ..ChatRequest::default() };
    let whole = client.chat(&request).await.unwrap();
    let expected = Message { reasoning: Some("Hm. Paris?".into()), ..Message::assistant("Paris.") };
    assert_eq!(whole.choices[0].message, expected);

    let deltas: Vec<_> = client.chat_stream(&request).await.unwrap().try_collect().await.unwrap();
    let mut said = Message::assistant("");
    for delta in deltas {
        if let Some(thought) = delta.reasoning {
            assert!(said.content.is_empty() && delta.content.is_empty(), "thoughts come first");
            said.reasoning.get_or_insert_default().push_str(&thought);
        }
        said.content.push_str(&delta.content);
    }
    assert_eq!(said, expected);

    // The tag and the thought behind it; what ends the thought is not one.
    let url = format!("{}/v1/chat/completions", server.url());
    let body = json!({"model": "thinker", "messages": [{"role": "user", "content": "hi"}]});
    let response = reqwest::Client::new().post(url).body(body.to_string()).send().await.unwrap();
    let usage = response.json::<Value>().await.unwrap()["usage"].take();
    assert_eq!(usage["completion_tokens"], "<t>Hm. Paris?</t>Paris.".len());
    let thoughts = "<t>Hm. Paris?".len();
    assert_eq!(usage["completion_tokens_details"], json!({"reasoning_tokens": thoughts}));
    assert!(script.misuse().is_empty(), "{:?}", script.misuse());
}
