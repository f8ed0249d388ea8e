//! One method of one path, on its way into the document.

use std::collections::BTreeMap;

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation as Described, OperationBuilder, Parameter, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{HttpMethod, Ref, Required, ResponseBuilder};

use crate::dialect::IGNORED;
use crate::error::Code;

/// Codes of every operation that is not open.
const GUARDED: [Code; 3] = [Code::Unauthorized, Code::Forbidden, Code::RateLimited];
/// Codes of every operation that reads a body.
const BODY: [Code; 4] =
    [Code::InvalidRequest, Code::BodyIncomplete, Code::BodyTooLarge, Code::UnsupportedEncoding];

/// What stands in a path for an answer.
const ANSWER: &str = "response_id";
const NAMES_ANSWER: &str = "The id of an answer that is kept.";
const NAMES_MODEL: &str = "Name or alias of a model; slashes in it may be plain or %2F.";

/// One method of one path.
pub(super) struct Operation {
    pub(super) path: &'static str,
    method: HttpMethod,
    described: OperationBuilder,
    /// The name of the schema of errors.
    errors: &'static str,
    /// The statuses of errors, and the codes behind each.
    failures: BTreeMap<u16, Vec<&'static str>>,
    ok: ResponseBuilder,
}

impl Operation {
    /// An operation that needs a key, where there are keys.
    fn new(method: HttpMethod, path: &'static str, id: &'static str) -> Self {
        let mut described = OperationBuilder::new().operation_id(Some(id));
        if let Some((_, name)) = path.split_once('{') {
            let name = name.split('}').next().unwrap_or_default();
            described = described.parameter(in_path(name));
        }
        Self {
            path,
            method,
            described,
            errors: "ErrorBody",
            failures: BTreeMap::new(),
            ok: ResponseBuilder::new(),
        }
    }

    pub(super) fn get(path: &'static str, id: &'static str) -> Self {
        Self::new(HttpMethod::Get, path, id)
    }

    pub(super) fn post(path: &'static str, id: &'static str) -> Self {
        Self::new(HttpMethod::Post, path, id)
    }

    pub(super) fn delete(path: &'static str, id: &'static str) -> Self {
        Self::new(HttpMethod::Delete, path, id)
    }

    /// What it does, and the group that it is shown in.
    pub(super) fn does(mut self, tag: &'static str, summary: &'static str) -> Self {
        self.described = self.described.tag(tag).summary(Some(summary));
        self
    }

    /// Anyone may ask.
    pub(super) fn open(mut self) -> Self {
        // The host's name is looked at all the same.
        self.fail(&[Code::Forbidden]);
        self
    }

    /// Whoever asks shows a key, where there are keys; a failure looks like the schema `errors`.
    pub(super) fn guarded(mut self, errors: &'static str) -> Self {
        let key: [&str; 0] = [];
        let key = SecurityRequirement::new("key", key);
        self.described = self.described.securities(Some([SecurityRequirement::default(), key]));
        self.errors = errors;
        self.fail(&GUARDED);
        self
    }

    /// Reads a body of this schema.
    pub(super) fn takes(mut self, schema: &'static str, required: Required) -> Self {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema)));
        let body = RequestBodyBuilder::new()
            .content("application/json", content.build())
            .required(Some(required));
        self.described = self.described.request_body(Some(body.build()));
        let names = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("Fields of the request that had no effect."));
        self.ok = self.ok.header(IGNORED, HeaderBuilder::new().schema(Some(names)).build());
        self.fail(&BODY);
        self
    }

    /// Succeeds with an object of this schema.
    pub(super) fn answers(mut self, description: &'static str, schema: &'static str) -> Self {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema)));
        self.ok = self.ok.description(description).content("application/json", content.build());
        self
    }

    /// Succeeds with server-sent events, if the request asks for them.
    pub(super) fn streams(mut self) -> Self {
        let data = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A JSON object, or the mark of the stream's end."));
        let event = ObjectBuilder::new()
            .description(Some("One of many events, with \"stream\": true in the request."))
            .property("data", data)
            .required("data");
        let content = ContentBuilder::new().schema(Some(event.build()));
        self.ok = self.ok.content("text/event-stream", content.build());
        self
    }

    /// Fails with these codes, among others.
    pub(super) fn fails(mut self, codes: &[Code]) -> Self {
        self.fail(codes);
        self
    }

    /// Another answer than an error with the status of this code.
    pub(super) fn instead(
        mut self,
        code: Code,
        description: &'static str,
        schema: &'static str,
    ) -> Self {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema)));
        let response = ResponseBuilder::new()
            .description(description)
            .content("application/json", content.build());
        let status = code.status().as_u16().to_string();
        self.described = self.described.response(status, response.build());
        self
    }

    fn fail(&mut self, codes: &[Code]) {
        for code in codes {
            let names = self.failures.entry(code.status().as_u16()).or_default();
            if !names.contains(&code.name()) {
                names.push(code.name());
            }
        }
    }

    /// The operation in utoipa's words.
    pub(super) fn into_operation(self) -> (HttpMethod, Described) {
        let mut described = self.described.response("200", self.ok.build());
        for (status, codes) in self.failures {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(self.errors)));
            let response = ResponseBuilder::new()
                .description(codes.join(", "))
                .content("application/json", content.build());
            described = described.response(status.to_string(), response.build());
        }
        (self.method, described.build())
    }
}

/// What a part of a path names: an answer, or else a model.
fn in_path(name: &str) -> Parameter {
    let schema = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1));
    let mut parameter = Parameter::new(name);
    parameter.parameter_in = ParameterIn::Path;
    parameter.required = Required::True;
    parameter.description =
        Some(if name == ANSWER { NAMES_ANSWER } else { NAMES_MODEL }.to_owned());
    parameter.schema = Some(schema.build().into());
    parameter
}
