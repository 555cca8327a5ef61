//! What functions are made of that change a session and tell those who are in it.

use std::sync::Arc;

use auth::Callers;
use config::{FromRuntime, Runtime, SettingError};
use domain::ports::{Families, Held, Holding, Keys, Members, Ports, RoomNames, Rosters, Throttles, Users};
use domain::standing::{JoinedCache, Standing};
use domain::{Caller, Context, Result, SessionId, accounts, sessions};
use lambda_http::Request;
use protocol::signaling::JsonEncoder;

use crate::Surroundings;
use crate::rest::RestRequest;

/// The table, the clients' connections and the delay queue, whatever stands for them.
pub struct Tools<S, C, D> {
    /// Clock, identifiers, policy and frame limiter.
    pub surroundings: Surroundings,
    /// The table.
    pub store: S,
    /// The clients' connections.
    pub push: C,
    /// The delay queue.
    pub delay: D,
}

impl<S: FromRuntime, C: FromRuntime, D: FromRuntime> Tools<S, C, D> {
    /// From configuration.
    ///
    /// # Errors
    /// The setting that is missing or wrong.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { surroundings: runtime.get()?, store: runtime.get()?, push: runtime.get()?, delay: runtime.get()? })
    }
}

impl<S, C, D> Tools<S, C, D> {
    /// What a rule is given that speaks to clients.
    pub fn ports<'a>(&'a self, context: Context<'a>) -> Ports<'a, S, C, D> {
        Ports { store: &self.store, sockets: &self.push, delays: &self.delay, encoder: &JsonEncoder, context }
    }
}

/// The same for a function of the WebSocket API that asks whether a connection has joined.
pub struct JoinedTools<S, C, D> {
    /// What every such function is made of.
    pub tools: Tools<S, C, D>,
    /// Which connections are known to have joined.
    pub joined: Arc<JoinedCache>,
}

impl<S: FromRuntime, C: FromRuntime, D: FromRuntime> JoinedTools<S, C, D> {
    /// From configuration.
    ///
    /// # Errors
    /// The setting that is missing or wrong.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { tools: Tools::new(runtime)?, joined: runtime.get()? })
    }
}

impl<S, C, D> JoinedTools<S, C, D> {
    /// What a rule is given that speaks to clients.
    pub fn ports<'a>(&'a self, context: Context<'a>) -> Ports<'a, S, C, D> {
        self.tools.ports(context)
    }
}

impl<S: Holding + Members + Sync, C, D> JoinedTools<S, C, D> {
    /// Where a connection sits and what it may do, if it has joined.
    ///
    /// # Errors
    /// As [`JoinedCache::check`].
    pub async fn check(&self, context: Context<'_>, held: &Held) -> Result<Standing> {
        self.joined.check(&self.tools.store, context, held).await
    }
}

/// What a function of the HTTP API is made of that reads alone.
pub struct ReadTools<S> {
    /// Clock, identifiers and policy.
    pub surroundings: Surroundings,
    /// The table.
    pub store: S,
    /// Tells who calls.
    pub callers: Callers,
}

impl<S: FromRuntime> ReadTools<S> {
    /// From configuration.
    ///
    /// # Errors
    /// The setting that is missing or wrong.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { surroundings: runtime.get()?, store: runtime.get()?, callers: runtime.get()? })
    }
}

/// What a function of the HTTP API is made of that tells clients, and has to find out who calls.
pub struct RestTools<S, C, D> {
    /// What every such function is made of.
    pub tools: Tools<S, C, D>,
    /// Tells who calls.
    pub callers: Callers,
}

impl<S: FromRuntime, C: FromRuntime, D: FromRuntime> RestTools<S, C, D> {
    /// From configuration.
    ///
    /// # Errors
    /// The setting that is missing or wrong.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { tools: Tools::new(runtime)?, callers: runtime.get()? })
    }
}

impl<S, C, D> RestTools<S, C, D> {
    /// Begins to answer; `route` names the function in the log.
    pub fn request<'a>(&'a self, route: &'static str, request: &'a Request) -> RestRequest<'a> {
        RestRequest::new(&self.tools.surroundings, route, request)
    }

    /// What a rule is given that speaks to clients.
    pub fn ports<'a>(&'a self, request: &RestRequest<'a>) -> Ports<'a, S, C, D> {
        self.tools.ports(request.context())
    }
}

impl<S: Families + Keys + RoomNames + Rosters + Throttles + Users + Sync, C, D> RestTools<S, C, D> {
    /// Who asks, whose access still counts. A seat serves as well as a token that has not ended.
    ///
    /// # Errors
    /// Why the token or the key is refused.
    pub async fn caller(&self, request: &RestRequest<'_>) -> Result<Caller> {
        let store = &self.tools.store;
        let caller = request.seated_caller(&self.callers, store).await?;
        accounts::require_live(store, request.context(), &caller).await?;
        Ok(caller)
    }

    /// Who asks, about which session of the path.
    ///
    /// # Errors
    /// The same, and as [`sessions::find`].
    pub async fn asked(&self, request: &RestRequest<'_>) -> Result<(Caller, SessionId)> {
        let (caller, room) = (self.caller(request).await?, request.session_in_path()?);
        let session = sessions::find(&self.tools.store, request.context(), &caller, &room).await?;
        Ok((caller, session))
    }
}
