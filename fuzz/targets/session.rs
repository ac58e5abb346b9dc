//! A whole session without its transport: any octets, every request answered.

use lifeline::ids::SessionId;
use lifeline::proto::netconf::{RpcReply, Session, SessionEvent, SessionLimits};

pub fn run(data: &[u8]) {
    let Some((cut, octets)) = data.split_first() else {
        return;
    };
    let limits = SessionLimits {
        hello: 2048,
        message: 4096,
        read_ahead: 1024,
        output: 4096,
        ..SessionLimits::default()
    };
    let capabilities = vec![
        "urn:ietf:params:netconf:base:1.0".to_owned(),
        "urn:ietf:params:netconf:base:1.1".to_owned(),
    ];
    let mut session = Session::new(SessionId(1), capabilities, limits);
    for piece in octets.chunks(usize::from(*cut).max(1)) {
        session.receive(piece);
        turn(&mut session);
    }
    session.receive_eof();
    turn(&mut session);
    assert!(session.has_ended(), "nobody is left to talk to");
}

fn turn(session: &mut Session) {
    loop {
        drop(session.take_output(1000));
        match session.next_event() {
            Some(SessionEvent::Rpc { seq, .. }) => {
                session.reply(seq, &RpcReply::Ok).expect("it was asked");
            }
            Some(_) => {}
            None if session.pending_output() == 0 => return,
            None => {}
        }
    }
}
