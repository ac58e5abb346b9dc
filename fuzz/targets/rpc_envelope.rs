//! The envelope of a request, its operation, and the errors that answer it.

use lifeline::proto::netconf::{Base, Operation, REPLY_END, Rejection, ReplyTag, Rpc, RpcReply};
use lifeline::xml::{Limits, parse_str};

pub fn run(data: &[u8]) {
    for base in [Base::V1_0, Base::V1_1] {
        match Rpc::decode(data, base, &Limits::default()) {
            Ok(rpc) => {
                let tag = rpc.reply_tag.clone();
                if let Err(error) = Operation::decode(rpc.operation) {
                    reply(&tag, &RpcReply::from(error), base);
                }
                reply(&tag, &RpcReply::Ok, base);
            }
            Err(Rejection::Answer { tag, error }) => reply(&tag, &RpcReply::from(*error), base),
            Err(Rejection::End(_)) => {}
        }
    }
}

/// Whatever was asked, the answer is XML.
fn reply(tag: &ReplyTag, reply: &RpcReply, base: Base) {
    let text = format!("{}{}{REPLY_END}", tag.as_str(), reply.body(base));
    if let Err(error) = parse_str(&text) {
        // What the client sent may just pass a limit that its echo with our own parts does not.
        let at_limit = matches!(error, lifeline::xml::XmlError::TooBig { .. });
        assert!(at_limit, "{error}: {text}");
    }
}
