//! The document: all operations, and the schemas that they refer to.

use serde_json::{Map, Value, json, to_value};
use utoipa::openapi::path::{PathItem, Paths};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Components, InfoBuilder, OpenApiBuilder};

use super::{admin, native, openai};

/// The document as JSON.
pub(super) fn document() -> Value {
    let mut paths = Paths::new();
    let operations = native::operations().into_iter().chain(admin::operations());
    for operation in operations.chain(openai::operations()) {
        let path = operation.path;
        let (method, described) = operation.into_operation();
        let item = PathItem::new(method, described);
        match paths.paths.get_mut(path) {
            Some(known) => known.merge_operations(item),
            None => drop(paths.paths.insert(path.to_owned(), item)),
        }
    }
    let mut components = Components::new();
    for (name, schema) in native::schemas().into_iter().chain(admin::schemas()) {
        components.schemas.insert(name, schema);
    }
    let key = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    let key = key.description(Some("A key of the server, if it was started with some."));
    components.add_security_scheme("key", SecurityScheme::Http(key.build()));
    let info = InfoBuilder::new()
        .title("rkllm-server")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Language models on Rockchip boards."));
    let tags = [
        ("native", "The server's own API."),
        ("openai", "What programs made for OpenAI's API use."),
        (
            "admin",
            "Which models there are, loading and unloading them, and how the server is doing.",
        ),
        ("health", "For whatever watches over the server. Open, also where others need a key."),
    ];
    let tags = tags.map(|(name, description)| {
        TagBuilder::new().name(name).description(Some(description)).build()
    });
    let document = OpenApiBuilder::new()
        .info(info.build())
        .paths(paths)
        .components(Some(components))
        .tags(Some(tags));
    let mut document = to_value(document.build()).expect("the document is JSON");
    schemas(&mut document).extend(openai::schemas());
    document
}

/// The schemas of a document.
fn schemas(document: &mut Value) -> &mut Map<String, Value> {
    let schemas = document["components"].as_object_mut().expect("the document has components");
    let schemas = schemas.entry("schemas").or_insert_with(|| json!({}));
    schemas.as_object_mut().expect("schemas have names")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls `found` with every reference in a document.
    fn references(value: &Value, found: &mut impl FnMut(&str)) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    found(reference);
                }
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_schema_is_used() {
        let document = document();
        let mut used = std::collections::BTreeSet::new();
        references(&document, &mut |reference| {
            let place = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(place).is_some(), "{reference}");
            used.insert(reference.rsplit('/').next().unwrap().to_owned());
        });
        let known = document["components"]["schemas"].as_object().unwrap();
        let unused: Vec<_> = known.keys().filter(|name| !used.contains(*name)).collect();
        assert!(unused.is_empty(), "{unused:?}");
    }

    #[test]
    fn no_two_schemas_have_one_name() {
        let native = native::schemas().into_iter().chain(admin::schemas());
        let native: std::collections::BTreeSet<_> = native.map(|(name, _)| name).collect();
        let twice: Vec<_> =
            openai::schemas().into_iter().filter(|(name, _)| native.contains(name)).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }

    #[test]
    fn all_operations_have_their_own_id() {
        let document = document();
        let mut lines = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let id = operation["operationId"].as_str().unwrap();
                let answers: Vec<_> = operation["responses"].as_object().unwrap().keys().collect();
                lines.push(format!("{id}: {method} {path} {answers:?}"));
            }
        }
        let mut ids: Vec<_> = lines.iter().map(|line| line.split(':').next().unwrap()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), lines.len());
        insta::assert_snapshot!(lines.join("\n"));
    }
}
