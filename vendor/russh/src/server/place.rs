//! Added by the Lifeline project (not in the published crate): which messages may come when.
//!
//! A message out of its place ends the connection with SSH_MSG_DISCONNECT; one that nobody knows is
//! answered with SSH_MSG_UNIMPLEMENTED.

use std::num::Wrapping;

use auth::{AuthRequest, CurrentRequest};
use ssh_encoding::Encode;

use super::kex::ServerKex;
use super::*;

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Right,
    Wrong,
    Unknown,
}

impl Session {
    /// Whether a message may come now (RFC 4252 sections 5.1 and 6, RFC 4253 sections 7.1 and 11.4,
    /// RFC 8308 section 2.4). IGNORE, UNIMPLEMENTED, DEBUG and DISCONNECT are not asked about.
    pub(crate) fn place(&self, message: Option<u8>) -> Place {
        let Some(message) = message else {
            return Place::Wrong; // a packet without a payload
        };
        let place = |right: bool| if right { Place::Right } else { Place::Wrong };
        let kex = match &self.kex {
            SessionKexState::InProgress(kex) => Some(kex),
            _ => None,
        };
        if is_kex_msg(message) {
            return place(kex.is_some());
        }
        let state = self.common.encrypted.as_ref().map(|enc| &enc.state);
        match message {
            msg::SERVICE_REQUEST => place(state.is_some()),
            msg::EXT_INFO => place(matches!(
                state,
                Some(EncryptedState::WaitingAuthServiceRequest { .. })
            )),
            // After the login it is ignored.
            msg::USERAUTH_REQUEST => place(matches!(
                state,
                Some(
                    EncryptedState::WaitingAuthRequest(_)
                        | EncryptedState::InitCompression
                        | EncryptedState::Authenticated
                )
            )),
            msg::USERAUTH_INFO_RESPONSE => place(matches!(
                state,
                Some(EncryptedState::WaitingAuthRequest(AuthRequest {
                    current: Some(CurrentRequest::KeyboardInteractive { .. }),
                    ..
                }))
            )),
            // Of the server, or of methods that are not under way.
            msg::SERVICE_ACCEPT | msg::USERAUTH_FAILURE..=msg::USERAUTH_BANNER | 60..=79 => {
                Place::Wrong
            }
            msg::GLOBAL_REQUEST..=127 if !self.logged_in() => Place::Wrong,
            msg::GLOBAL_REQUEST..=msg::REQUEST_FAILURE
            | msg::CHANNEL_OPEN..=msg::CHANNEL_FAILURE => Place::Right,
            // Nothing but the key exchange belongs between KEXINIT and NEWKEYS.
            _ if kex.is_some_and(ServerKex::peer_kexinit_received) => Place::Wrong,
            _ => Place::Unknown,
        }
    }

    /// Whether USERAUTH_SUCCESS has been said.
    pub(crate) fn logged_in(&self) -> bool {
        let state = self.common.encrypted.as_ref().map(|enc| &enc.state);
        matches!(
            state,
            Some(EncryptedState::InitCompression | EncryptedState::Authenticated)
        )
    }

    /// A message for a channel that is not open: what crossed our CLOSE is ignored, what is for one that
    /// never was, or that both sides have closed, is an error.
    pub(crate) fn not_open(&self, channel: ChannelId) -> Result<(), Error> {
        let closing = self.common.encrypted.as_ref().map(|enc| &enc.closing);
        match closing {
            Some(closing) if closing.contains(&channel) => Ok(()),
            _ => Err(Error::WrongChannel),
        }
    }

    /// Answers a message that nobody knows.
    pub(crate) fn unimplemented(&mut self, seqn: Wrapping<u32>) -> Result<(), Error> {
        let packet = |buffer: &mut Vec<u8>| -> Result<(), Error> {
            msg::UNIMPLEMENTED.encode(buffer)?;
            seqn.0.encode(buffer)?;
            Ok(())
        };
        match self.common.encrypted.as_mut() {
            Some(enc) => push_packet!(enc.write, packet(&mut enc.write)),
            None => self.common.packet_writer.write_packet(packet),
        }
    }

    /// Refuses a service (RFC 4253 section 10).
    pub(crate) fn no_such_service(&mut self) -> Result<(), Error> {
        self.farewell(Disconnect::ServiceNotAvailable, "no such service")
    }

    /// Says why the connection ends.
    pub(crate) fn farewell(&mut self, reason: Disconnect, text: &str) -> Result<(), Error> {
        // What follows our NEWKEYS is sent with the new keys, whether or not the client's has come.
        if let SessionKexState::InProgress(kex) = self.kex.take()
            && let Some(cipher) = kex.into_sealing_key()
        {
            self.common.packet_writer.set_cipher(cipher);
        }
        self.common.disconnect(reason, text, "")
    }
}
