//! Pulls from a hub on this machine, and what they leave behind.

use std::fs;
use std::path::Path;

use super::fake::{Fake, digest, pull};
use super::{Hub, Progress, Settings};
use crate::error::Code;
use crate::hub::settings::Token;

const NAME: &str = "hf.co/me/tiny:Q8_0";
const FILE: &str = "tiny-Q8_0.gguf";
const FOLDER: &str = "hf.co/me/tiny-Q8_0";

fn content() -> Vec<u8> {
    (0..300_000_u32).flat_map(u32::to_le_bytes).collect()
}

fn failed(progress: Progress) -> String {
    match progress {
        Progress::Failed(error) => error.message,
        other => panic!("{other:?} is no failure"),
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|item| item.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn part(models: &Path, content: &[u8]) -> std::path::PathBuf {
    models.join(".blobs").join(format!("sha256-{}.part", digest(content)))
}

#[actix_web::test]
async fn a_model_arrives_with_its_name_and_its_digest() {
    let models = tempfile::tempdir().unwrap();
    let fake = Fake::start(&[("README.md", b"x"), (FILE, &content()), ("tiny-Q4_0.gguf", b"y")]);
    fake.behaviour.lock().redirects = true;
    assert_eq!(pull(&fake.hub(models.path()), NAME).await, Progress::Done);
    let folder = models.path().join(FOLDER);
    assert_eq!(names(&folder), ["model.toml", FILE, "tiny-Q8_0.gguf.sha256"]);
    assert_eq!(fs::read(folder.join(FILE)).unwrap(), content());
    assert_eq!(
        fs::read_to_string(folder.join("model.toml")).unwrap(),
        "aliases = [\"hf.co/me/tiny:Q8_0\"]\n"
    );
    let checksum = fs::read_to_string(folder.join("tiny-Q8_0.gguf.sha256")).unwrap();
    assert_eq!(checksum, format!("{}  {FILE}\n", digest(&content())));
    assert!(names(&models.path().join(".blobs")).is_empty());
    fake.stop().await;
}

#[actix_web::test]
async fn the_same_file_by_another_name_is_not_fetched_again() {
    let models = tempfile::tempdir().unwrap();
    let fake = Fake::start(&[(FILE, b"GGUF")]);
    let hub = fake.hub(models.path());
    assert_eq!(pull(&hub, NAME).await, Progress::Done);
    assert_eq!(pull(&hub, "hf.co/me/tiny").await, Progress::Done);
    assert_eq!(fake.behaviour.lock().asked.len(), 1);
    let settings = fs::read_to_string(models.path().join(FOLDER).join("model.toml")).unwrap();
    assert_eq!(settings, "aliases = [\"hf.co/me/tiny:Q8_0\", \"hf.co/me/tiny\"]\n");
    fake.stop().await;
}

#[actix_web::test]
async fn a_new_version_keeps_the_settings() {
    let models = tempfile::tempdir().unwrap();
    let fake = Fake::start(&[(FILE, b"GGUF one")]);
    let hub = fake.hub(models.path());
    assert_eq!(pull(&hub, NAME).await, Progress::Done);
    let settings = models.path().join(FOLDER).join("model.toml");
    let mine = format!("# mine\n{}pinned = true\n", fs::read_to_string(&settings).unwrap());
    fs::write(&settings, &mine).unwrap();
    fake.behaviour.lock().files.insert(FILE.into(), b"GGUF two".to_vec());
    assert_eq!(pull(&hub, NAME).await, Progress::Done);
    assert_eq!(fs::read(models.path().join(FOLDER).join(FILE)).unwrap(), b"GGUF two");
    assert_eq!(fs::read_to_string(&settings).unwrap(), mine);
    fake.stop().await;
}

#[actix_web::test]
async fn a_folder_of_another_model_is_left_alone() {
    let models = tempfile::tempdir().unwrap();
    let folder = models.path().join(FOLDER);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(FILE), "mine").unwrap();
    let fake = Fake::start(&[(FILE, b"GGUF")]);
    let said = failed(pull(&fake.hub(models.path()), NAME).await);
    assert!(said.contains("is another model already"), "{said}");
    assert_eq!(fs::read(folder.join(FILE)).unwrap(), b"mine");
    fake.stop().await;
}

#[actix_web::test]
async fn a_pull_goes_on_where_the_last_one_stopped() {
    let models = tempfile::tempdir().unwrap();
    let fake = Fake::start(&[(FILE, &content())]);
    let part = part(models.path(), &content());
    fs::create_dir_all(part.parent().unwrap()).unwrap();
    fs::write(&part, &content()[..1000]).unwrap();
    assert_eq!(pull(&fake.hub(models.path()), NAME).await, Progress::Done);
    let asked = fake.behaviour.lock().asked.clone();
    assert_eq!(asked, [(FILE.to_owned(), Some("bytes=1000-".to_owned()))]);
    assert_eq!(fs::read(models.path().join(FOLDER).join(FILE)).unwrap(), content());
    fake.stop().await;
}

#[actix_web::test]
async fn a_hub_without_ranges_sends_it_all_again() {
    let models = tempfile::tempdir().unwrap();
    let fake = Fake::start(&[(FILE, &content())]);
    fake.behaviour.lock().rangeless = true;
    let part = part(models.path(), &content());
    fs::create_dir_all(part.parent().unwrap()).unwrap();
    fs::write(&part, &content()[..1000]).unwrap();
    assert_eq!(pull(&fake.hub(models.path()), NAME).await, Progress::Done);
    assert_eq!(fs::read(models.path().join(FOLDER).join(FILE)).unwrap(), content());
    fake.stop().await;
}

#[actix_web::test]
async fn a_connection_that_breaks_is_taken_up_again() {
    let models = tempfile::tempdir().unwrap();
    let fake = Fake::start(&[(FILE, &content())]);
    fake.behaviour.lock().cut = Some(500_000);
    assert_eq!(pull(&fake.hub(models.path()), NAME).await, Progress::Done);
    let ranges: Vec<_> =
        fake.behaviour.lock().asked.iter().map(|(_, range)| range.clone()).collect();
    assert!(ranges.len() > 2 && ranges[1..].iter().all(Option::is_some), "{ranges:?}");
    fake.stop().await;
}

#[actix_web::test]
async fn a_connection_that_brings_nothing_more_is_an_error_and_the_part_stays() {
    let models = tempfile::tempdir().unwrap();
    let fake = Fake::start(&[(FILE, &content())]);
    let part = part(models.path(), &content());
    fs::create_dir_all(part.parent().unwrap()).unwrap();
    fs::write(&part, &content()[..1000]).unwrap();
    fake.behaviour.lock().cut = Some(0);
    let said = failed(pull(&fake.hub(models.path()), NAME).await);
    assert!(said.contains("what has arrived is kept"), "{said}");
    assert_eq!(fs::read(&part).unwrap(), content()[..1000]);
    fake.behaviour.lock().cut = None;
    assert_eq!(pull(&fake.hub(models.path()), NAME).await, Progress::Done);
    fake.stop().await;
}

#[actix_web::test]
async fn another_content_than_promised_is_deleted() {
    let models = tempfile::tempdir().unwrap();
    let fake = Fake::start(&[(FILE, b"GGUF")]);
    fake.behaviour.lock().lie = Some("ab".repeat(32));
    let said = failed(pull(&fake.hub(models.path()), NAME).await);
    assert!(said.starts_with("the sha256 of tiny-Q8_0.gguf is b836"), "{said}");
    assert_eq!(names(models.path()), [".blobs"]);
    assert!(names(&models.path().join(".blobs")).is_empty());
    fake.stop().await;
}

#[actix_web::test]
async fn two_who_want_the_same_wait_for_one_download() {
    let models = tempfile::tempdir().unwrap();
    let fake = Fake::start(&[(FILE, b"GGUF")]);
    let hub = fake.hub(models.path());
    let (one, two) = tokio::join!(pull(&hub, NAME), pull(&hub, NAME));
    assert_eq!((one, two), (Progress::Done, Progress::Done));
    assert_eq!(fake.behaviour.lock().asked.len(), 1);
    fake.stop().await;
}

#[actix_web::test]
async fn a_pull_that_nobody_waits_for_ends_and_one_that_somebody_joined_goes_on() {
    let models = tempfile::tempdir().unwrap();
    let fake = Fake::start(&[(FILE, b"GGUF")]);
    let all = fake.permits.forget_permits(usize::MAX >> 3);
    let hub = fake.hub(models.path());
    let wait_for_download = async || {
        let mut pulling = hub.pull(NAME).await.unwrap();
        while !matches!(pulling.next().await, Progress::Downloading { .. }) {}
        pulling
    };
    let first = wait_for_download().await;
    let second = hub.pull(NAME).await.unwrap();
    drop(first);
    assert_eq!(hub.inner.pulls.count(), 1);
    drop(second);
    while hub.inner.pulls.count() > 0 {
        tokio::task::yield_now().await;
    }
    fake.permits.add_permits(all.min(100));
    assert_eq!(pull(&hub, NAME).await, Progress::Done);
    fake.stop().await;
}

#[actix_web::test]
async fn tokenizer_files_come_with_a_model_that_has_none() {
    let models = tempfile::tempdir().unwrap();
    let fake = Fake::start(&[
        ("tiny.rkllm", b"model"),
        ("tokenizer.json", b"{}"),
        ("other/tokenizer.json", b"{}"),
        ("README.md", b"x"),
    ]);
    assert_eq!(pull(&fake.hub(models.path()), "hf.co/me/tiny").await, Progress::Done);
    let names = names(&models.path().join("hf.co/me/tiny"));
    let expected = ["model.toml", "tiny.rkllm", "tiny.rkllm.sha256", "tokenizer.json"];
    assert_eq!(names, [&expected[..], &["tokenizer.json.sha256"]].concat());
    fake.stop().await;
}

#[actix_web::test]
async fn what_the_hub_refuses_is_said() {
    let models = tempfile::tempdir().unwrap();
    let fake = Fake::start(&[(FILE, b"GGUF")]);
    fake.behaviour.lock().token = Some("hf_right".into());
    let said = failed(pull(&fake.hub(models.path()), NAME).await);
    assert!(said.starts_with("pull model manifest: file does not exist"), "{said}");
    assert!(said.contains("HF_TOKEN"), "{said}");
    let with = |token: &str| {
        let token = Some(Token(token.to_owned()));
        Hub::new(Settings { token, ..fake.settings(models.path()) })
    };
    failed(pull(&with("hf_wrong"), NAME).await);
    assert_eq!(pull(&with("hf_right"), NAME).await, Progress::Done);
    let said = failed(pull(&with("hf_right"), "hf.co/no/such").await);
    assert!(said.starts_with("pull model manifest: file does not exist: the hub has no no/such"));
    fake.stop().await;
}

#[actix_web::test]
async fn a_hub_that_is_not_there_is_said_without_its_address() {
    let models = tempfile::tempdir().unwrap();
    let fake = Fake::start(&[]);
    let hub = fake.hub(models.path());
    fake.stop().await;
    let said = failed(pull(&hub, NAME).await);
    assert!(said.starts_with("the connection to the hub failed"), "{said}");
}

#[tokio::test]
async fn without_a_models_directory_the_flag_is_named() {
    let settings = Settings { models: None, ..Settings::from_env(None) };
    let error = Hub::new(settings).pull(NAME).await.unwrap_err();
    assert_eq!(error.code, Code::Unsupported);
    assert!(error.message.contains("--models-dir"), "{error}");
}
