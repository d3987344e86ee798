//! One party, whichever it is.

use std::sync::Arc;

use blindjoin_protocol::session::{
    Action, Checkpoint, Event, KeyHolderSession, ProviderSession, QuerierSession, Session,
};
use blindjoin_protocol::{Error, Role};

use crate::scene::{PACE, Scene, identity, people};

/// A party's session, of whichever role.
pub(crate) enum Party {
    Querier(QuerierSession),
    Provider(ProviderSession),
    KeyHolder(Box<KeyHolderSession>),
}

impl Party {
    pub(crate) fn new(scene: &Scene, role: Role, actions: &mut Vec<Action>) -> Self {
        let own = people().own(role, &scene.manifest, PACE);
        match role {
            Role::Querier => {
                Self::Querier(QuerierSession::new(&own, scene.question.clone(), actions))
            }
            Role::Provider => {
                let selected = scene.selected.clone();
                let select = Arc::new(move || Ok(selected.clone()));
                Self::Provider(ProviderSession::new(&own, select, actions))
            }
            Role::KeyHolder => {
                let key = scene.secret_key.clone();
                let session = KeyHolderSession::new(&own, key, actions).unwrap();
                Self::KeyHolder(Box::new(session))
            }
        }
    }

    /// Goes on from what was stored, as bytes.
    pub(crate) fn resume(
        scene: &Scene,
        role: Role,
        stored: &[u8],
        actions: &mut Vec<Action>,
    ) -> Result<Self, Error> {
        let checkpoint = Checkpoint::decode(stored)?;
        let identity = identity(role);
        Ok(match role {
            Role::Querier => {
                let question = scene.question.clone();
                let session =
                    QuerierSession::resume(identity, PACE, question, checkpoint, actions)?;
                Self::Querier(session)
            }
            Role::Provider => {
                let selected = scene.selected.clone();
                let select = Arc::new(move || Ok(selected.clone()));
                let session = ProviderSession::resume(identity, PACE, select, checkpoint, actions)?;
                Self::Provider(session)
            }
            Role::KeyHolder => {
                let key = scene.secret_key.clone();
                let session = KeyHolderSession::resume(identity, PACE, key, checkpoint, actions)?;
                Self::KeyHolder(Box::new(session))
            }
        })
    }

    pub(crate) fn handle(self, event: Event, actions: &mut Vec<Action>) -> Result<Self, Error> {
        Ok(match self {
            Self::Querier(session) => Self::Querier(session.handle(event, actions)?),
            Self::Provider(session) => Self::Provider(session.handle(event, actions)?),
            Self::KeyHolder(session) => Self::KeyHolder(Box::new(session.handle(event, actions)?)),
        })
    }

    /// Where it stands, in words.
    pub(crate) fn stands(&self) -> String {
        match self {
            Self::Querier(session) => format!("{session:?}"),
            Self::Provider(session) => format!("{session:?}"),
            Self::KeyHolder(session) => format!("{session:?}"),
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        match self {
            Self::Querier(session) => session.is_over(),
            Self::Provider(session) => session.is_over(),
            Self::KeyHolder(session) => session.is_over(),
        }
    }
}
