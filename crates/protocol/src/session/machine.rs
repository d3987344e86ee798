//! What the three machines have in common.

use super::kept::Kept;
use super::work::Yield;
use crate::error::Error;
use crate::role::Role;
use crate::session::event::{Action, Event, Session};
use crate::session::message::Message;
use crate::session::work::Ticket;
use crate::stream::kind::StreamKind;

/// What the three machines have in common. A machine is consumed by an error, so its state need not
/// be put back then.
pub(super) trait Machine: Sized {
    /// Where the session stands.
    type State;
    /// Where nothing is left to do.
    const OVER: Self::State;

    fn state(&mut self) -> &mut Self::State;

    fn kept(&self) -> &Kept;

    fn message(
        &mut self,
        from: Role,
        message: &Message,
        actions: &mut Vec<Action>,
    ) -> Result<(), Error>;

    /// Takes what came of work; of work that was done more than once, nothing.
    fn done(
        &mut self,
        state: Self::State,
        ticket: Ticket,
        output: Yield,
        actions: &mut Vec<Action>,
    ) -> Result<Self::State, Error>;

    /// Notes what the receiver of a stream has for good.
    fn accepted(&mut self, stream: StreamKind, next: u64, actions: &mut Vec<Action>);

    /// Sends again what may have been lost.
    fn repeat(&mut self, actions: &mut Vec<Action>) -> Result<(), Error>;

    /// Goes a step further if what is known allows it, and says whether another may follow.
    fn step(
        &mut self,
        state: Self::State,
        actions: &mut Vec<Action>,
    ) -> Result<(Self::State, bool), Error>;

    fn take_state(&mut self) -> Self::State {
        std::mem::replace(self.state(), Self::OVER)
    }

    /// Goes as far as what is known allows.
    fn advance(mut self, actions: &mut Vec<Action>) -> Result<Self, Error> {
        loop {
            let state = self.take_state();
            let (state, went_on) = self.step(state, actions)?;
            *self.state() = state;
            if !went_on {
                return Ok(self);
            }
        }
    }
}

impl<M: Machine> Session for M {
    fn handle(mut self, event: Event, actions: &mut Vec<Action>) -> Result<Self, Error> {
        match event {
            Event::Message { from, message } => self.message(from, &message, actions)?,
            Event::Done(ticket, output) => {
                let state = self.take_state();
                *self.state() = self.done(state, ticket, output?.0, actions)?;
            }
            Event::Accepted { stream, next } => self.accepted(stream, next, actions),
            Event::Silence => self.repeat(actions)?,
        }
        self.advance(actions)
    }

    fn is_over(&self) -> bool {
        self.kept().over
    }
}
