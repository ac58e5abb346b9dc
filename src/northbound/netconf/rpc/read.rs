//! get and get-config (RFC 6241 sections 7.1 and 7.7).

use crate::control::error::ControlError;
use crate::datastore::{self, PrintOptions, Tree, write_xml};
use crate::northbound::netconf::service::Request;
use crate::northbound::netconf::{filter, monitoring};
use crate::proto::netconf::{DatastoreName, Filter, RpcReply, WithDefaults};
use crate::xml::Writer;

/// Configuration and state.
pub async fn get(
    request: &Request<'_>,
    filter: Option<Filter>,
    with_defaults: Option<WithDefaults>,
) -> RpcReply {
    let tree = match whole(request) {
        Ok(tree) => tree,
        Err(error) => return request.failed(&error),
    };
    print(request, tree, filter, with_defaults, true).await
}

fn whole(request: &Request<'_>) -> Result<Tree, ControlError> {
    let (config, opdata) = request.control().snapshot()?;
    let server = monitoring::tree(request.service)?;
    Ok(config.overlay(&opdata).overlay(&server))
}

/// Configuration of one datastore.
pub async fn get_config(
    request: &Request<'_>,
    source: DatastoreName,
    filter: Option<Filter>,
    with_defaults: Option<WithDefaults>,
) -> RpcReply {
    let tree = match source {
        DatastoreName::Running => request.control().running(),
        DatastoreName::Candidate => request.control().candidate(),
    };
    print(request, tree, filter, with_defaults, false).await
}

/// Selects and prints off the I/O threads: both cost what the tree and the filter are worth.
async fn print(
    request: &Request<'_>,
    tree: Tree,
    filter: Option<Filter>,
    with_defaults: Option<WithDefaults>,
    state: bool,
) -> RpcReply {
    let options = PrintOptions {
        with_defaults: mode(with_defaults),
        state,
    };
    let printed = tokio::task::spawn_blocking(move || {
        let selection = filter::select(&tree, filter.as_ref())?;
        let mut out = Writer::new();
        write_xml(&tree, &selection, options, &mut out);
        Ok(RpcReply::Data(out.finish()))
    });
    match printed.await {
        Ok(Ok(reply)) => reply,
        Ok(Err(error)) => RpcReply::Errors(vec![error]),
        Err(error) => request.failed(&ControlError::Internal(format!("reading: {error}"))),
    }
}

fn mode(mode: Option<WithDefaults>) -> datastore::WithDefaults {
    match mode {
        None | Some(WithDefaults::Explicit) => datastore::WithDefaults::Explicit,
        Some(WithDefaults::ReportAll) => datastore::WithDefaults::ReportAll,
        Some(WithDefaults::ReportAllTagged) => datastore::WithDefaults::ReportAllTagged,
        Some(WithDefaults::Trim) => datastore::WithDefaults::Trim,
    }
}
