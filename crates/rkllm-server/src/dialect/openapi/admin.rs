//! The admin API.

use rkllm_api::{LoadRequest, Loaded, Model, ModelList, Rescanned, ServerStatus};
use utoipa::openapi::Required;

use super::native::{Named, add};
use super::operation::Operation;
use crate::error::Code;

/// What a model by its name can fail with.
const NAMED: [Code; 3] = [Code::InvalidRequest, Code::ModelNotFound, Code::ModelFailed];

pub(super) fn operations() -> Vec<Operation> {
    let admin =
        |operation: Operation, summary| operation.does("admin", summary).guarded("ErrorBody");
    vec![
        admin(Operation::get("/admin/models", "models"), "All models, loaded or not.")
            .answers("The models.", "ModelList"),
        admin(Operation::get("/admin/models/{name}", "model"), "One model.")
            .answers("The model.", "Model")
            .fails(&NAMED),
        admin(
            Operation::post("/admin/models/{name}/load", "load"),
            "Brings a model into memory; answers once it is there.",
        )
        .takes("LoadRequest", Required::False)
        .answers("It is in memory.", "Loaded")
        .fails(&NAMED)
        .fails(&[Code::ShuttingDown]),
        admin(
            Operation::post("/admin/models/{name}/unload", "unload"),
            "Takes a model out of memory once its requests are answered; answers when it is gone.",
        )
        .answers("It is gone.", "Model")
        .fails(&NAMED),
        admin(Operation::post("/admin/rescan", "rescan"), "Looks for models again.")
            .answers("What has changed.", "Rescanned")
            .fails(&[Code::StorageFailed]),
        admin(
            Operation::get("/admin/status", "status"),
            "What the server is, is doing and has done.",
        )
        .answers("The status.", "ServerStatus"),
    ]
}

pub(super) fn schemas() -> Vec<Named> {
    let mut all = Vec::new();
    add::<ModelList>(&mut all);
    add::<Model>(&mut all);
    add::<LoadRequest>(&mut all);
    add::<Loaded>(&mut all);
    add::<Rescanned>(&mut all);
    add::<ServerStatus>(&mut all);
    all
}
