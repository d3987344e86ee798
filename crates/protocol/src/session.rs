//! A session as a value: what each party does from the manifest to the card, without a line, a clock
//! or a thread.
//!
//! A party's session takes one [`Event`] after the other and says what is to be done: send a message,
//! do some [`Work`], store what must outlive a crash, reveal a result. It is consumed by every event,
//! so after an error there is none left to misuse. Whoever carries out the actions is its driver:
//! [`local`](crate::local) is one, for three parties in one thread; the services are another.
//!
//! # What a driver does
//!
//! * It carries out actions in their order: whatever stands behind an [`Action::Store`] waits until
//!   that is stored. So nothing is acknowledged that a crash could undo.
//! * Work is pure. It may be done anywhere, any number of times and in any order; its output is handed
//!   back under the same ticket.
//! * Messages may be lost, repeated, late and out of order where the line is [`Line::Lossy`]. After a
//!   while without news, or when a line is opened again, [`Event::Silence`] has sent again whatever may
//!   have been lost.
//! * Time is the driver's: a session that takes too long is dropped.
//!
//! # What is stored
//!
//! A [`Checkpoint`] is all that was stored: what was received for good, the session's secret, and where the streams
//! stand. With it and the party's own input a session goes on as if nothing had happened: everything
//! random follows from the secret, so what is sent again is the same, byte by byte. The input must be
//! the same as well, which is checked before anything is sent.
//!
//! # Source
//!
//! `spec/protocol.md`, §5.

pub(crate) mod event;
pub(crate) mod input;
mod kept;
pub(crate) mod keyholder;
mod machine;
pub(crate) mod message;
pub(crate) mod provider;
pub(crate) mod querier;
mod stored;
mod streams;
pub(crate) mod work;

pub use event::{Action, Event, Outcome, Own, Pace, Session};
pub use input::{Question, Selected};
pub use keyholder::KeyHolderSession;
pub use message::{Line, Message};
pub use provider::ProviderSession;
pub use querier::QuerierSession;
pub use stored::{Checkpoint, Stored};

pub use work::Work;

pub use crate::stream::{Account, StreamKind};
