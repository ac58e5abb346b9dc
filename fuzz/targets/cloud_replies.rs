//! What clouds answer: the first octet says what is expected, the rest is the document. What is read is written
//! again, and read again.

use lifeline::proto::cloudstack::{self, AsyncJob, Format, VirtualMachine};
use lifeline::proto::nova::{
    self, Fault, InstanceActionDocument, InstanceActionList, ServerAction, ServerDocument,
    ServerList, TokenDocument, Versions,
};
use lifeline::proto::vcloud::{
    ApiVersion, Document, Instantiate, Org, OrgNetwork, ProductSections, Session,
    SupportedVersions, Task, TasksList, VApp, Vdc, customization_request, hardware_request,
};

macro_rules! json {
    ($document:ty, $text:expr) => {
        if let Ok(read) = nova::decode::<$document>($text) {
            let written = nova::encode(&read).expect("a document that was read");
            nova::decode::<$document>(&written).expect("a document that was written");
        }
    };
}

pub fn run(data: &[u8]) {
    let Some((kind, text)) = data.split_first() else {
        return;
    };
    match kind % 16 {
        0 => json!(ServerDocument, text),
        1 => json!(ServerList, text),
        2 => json!(InstanceActionDocument, text),
        3 => json!(InstanceActionList, text),
        4 => json!(TokenDocument, text),
        5 => json!(ServerAction, text),
        6 => {
            let _ = (Versions::decode(text), Fault::decode(text));
        }
        7 => job(text),
        8 => xml::<VApp>(text),
        9 => xml::<Task>(text),
        10 => xml::<Vdc>(text),
        11 => xml::<Org>(text),
        12 => xml::<Instantiate>(text),
        13 => xml::<Session>(text),
        14 => xml::<SupportedVersions>(text),
        _ => {
            let _ = (
                OrgNetwork::decode_any(text),
                hardware_request(text, 1),
                customization_request(text, "a", "b"),
            );
            xml::<TasksList>(text);
            xml::<ProductSections>(text);
        }
    }
}

fn xml<T: Document>(text: &[u8]) {
    if let Ok(read) = T::decode(text) {
        for version in [ApiVersion::V1_0, ApiVersion::V5_5] {
            let written = read.encode(version);
            T::decode(written.as_bytes()).expect("a document that was written");
        }
    }
}

fn job(text: &[u8]) {
    let Ok(reply) = cloudstack::Reply::decode(text) else {
        return;
    };
    let _ = (
        reply.error(),
        reply.list::<VirtualMachine>("virtualmachine"),
    );
    if let Ok(job) = AsyncJob::of_reply(&reply) {
        let again = cloudstack::Reply::new(AsyncJob::REPLY, &job).expect("a job that was read");
        let written = again.encode(Format::Json, "4");
        let again =
            cloudstack::Reply::decode(written.as_bytes()).expect("a reply that was written");
        AsyncJob::of_reply(&again).expect("a job that was written");
    }
}
