//! get and get-config (RFC 6241 sections 7.1 and 7.7).

use super::esc;
use crate::control::commit::aside;
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
    // State that changed since somebody asked last is rendered now, all of it in the worst case.
    match aside(|| whole(request, filter.as_ref())) {
        Ok(tree) => print(request, tree, filter, with_defaults, true).await,
        Err(error) => request.failed(&error),
    }
}

/// Configuration and state, of the state at least what the filter asks for.
fn whole(request: &Request<'_>, wanted: Option<&Filter>) -> Result<Tree, ControlError> {
    let control = request.control();
    let model = match filter::may_select(wanted, esc::NS, "esc_datamodel") {
        true => {
            let (config, opdata) = control.snapshot()?;
            config.overlay(&opdata)
        }
        false => control.running(),
    };
    let server = monitoring::tree(request.service, |ns, local| {
        filter::may_select(wanted, ns, local)
    })?;
    Ok(model.overlay(&server))
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
    let limits = request.service.filter_limits();
    let clock = request.control().clock().clone();
    let access = request.access.clone();
    let printed = tokio::task::spawn_blocking(move || {
        // Filters look at what the user sees, no more: what they select must not tell of the rest.
        let tree = access.visible(&tree).masked();
        let selection = filter::select(
            &tree,
            filter.as_ref(),
            options.with_defaults,
            &limits,
            &clock,
        )?;
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
