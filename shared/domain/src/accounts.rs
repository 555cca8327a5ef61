//! Accounts: registration, login, and the rotation of refresh tokens.

use std::time::Duration;

use futures_util::future::try_join;

use crate::ports::{Counted, Families, PasswordHasher, PresentedRefresh, RefreshMint, Rotation, Throttles, Users};
use crate::{Caller, Context, Email, Error, FamilyId, Password, Person, Result, Timestamp, User, UserId, Username};

/// A login: the account and the newest refresh token of its family.
pub struct Grant {
    /// Who logged in.
    pub user: User,
    /// The login.
    pub family: FamilyId,
    /// The refresh token, for the client alone.
    pub refresh_token: String,
    /// When it runs out.
    pub refresh_expires_at: Timestamp,
}

/// A request to open an account.
pub struct Registration {
    /// The wanted name.
    pub username: Username,
    /// The address.
    pub email: Email,
    /// The password in clear.
    pub password: Password,
    /// The network address that asks.
    pub address: String,
}

/// Opens an account and logs it in.
pub async fn register(
    store: &(impl Users + Families + Throttles + Sync),
    hasher: &impl PasswordHasher,
    mint: &impl RefreshMint,
    context: Context<'_>,
    registration: Registration,
) -> Result<Grant> {
    let counted = Counted::RegistrationsOfAddress(registration.address);
    store.hit(&counted, context.policy.registrations_per_address, context.now).await?;
    let user = User {
        id: UserId::new(context.ids, context.now),
        username: registration.username,
        email: registration.email,
        password: hasher.hash(&registration.password).await?,
        created_at: context.now,
        last_login_at: Some(context.now),
    };
    store.create(&user).await?;
    grant(store, mint, context, user).await?.ok_or(Error::InvalidCredentials)
}

/// So often a login looks again when the password's hash changed while it was checked.
const LOGIN_TRIES: usize = 3;

/// So long the refresh token that was just replaced is taken again, for the same successor: an answer may be lost, and two
/// tabs may share one token. Thieves gain no more than that: an older one still ends the family (RFC 9700, section 4.14).
pub const REFRESH_GRACE: Duration = Duration::from_secs(10);

/// Logs in. Every try is counted before the password is looked at, so that parallel guesses cannot slip
/// past the limit, and taken back when it succeeds.
pub async fn login(
    store: &(impl Users + Families + Throttles + Sync),
    hasher: &impl PasswordHasher,
    mint: &impl RefreshMint,
    context: Context<'_>,
    email: &Email,
    password: &Password,
    address: &str,
) -> Result<Grant> {
    let account = Counted::FailedLoginsOfAccount(email.key());
    let network = Counted::FailedLoginsOfAddress(address.to_owned());
    let (policy, now) = (context.policy, context.now);
    try_join(
        store.hit(&account, policy.failed_logins_per_account, now),
        store.hit(&network, policy.failed_logins_per_address, now),
    )
    .await?;
    for _ in 0..LOGIN_TRIES {
        let user = store.by_email(email).await?;
        let fits = hasher.verify(password, user.as_ref().map(|u| &u.password)).await?;
        let user = user.filter(|_| fits).ok_or(Error::InvalidCredentials)?;
        if let Some(grant) = grant(store, mint, context, user).await? {
            try_join(store.refund(&account, now), store.refund(&network, now)).await?;
            return welcome(store, hasher, context, grant, password).await;
        }
    }
    Err(Error::InvalidCredentials)
}

/// What is noted of a login that has succeeded.
async fn welcome(
    store: &(impl Users + Sync),
    hasher: &impl PasswordHasher,
    context: Context<'_>,
    mut grant: Grant,
    password: &Password,
) -> Result<Grant> {
    let user = &mut grant.user;
    store.record_login(user.id, context.now).await?;
    user.last_login_at = Some(context.now);
    if !hasher.is_current(&user.password) || password.reveal_raw().is_some() {
        let hash = hasher.hash(password).await?;
        // Refused when somebody has changed it meanwhile: theirs counts.
        let _replaced = store.replace_password(user.id, &user.password, &hash).await?;
    }
    Ok(grant)
}

/// Exchanges a refresh token for the next one. A token that was used before the last one revokes its family.
pub async fn refresh(
    store: &(impl Users + Families + Sync),
    mint: &impl RefreshMint,
    context: Context<'_>,
    presented: &PresentedRefresh,
) -> Result<Grant> {
    let next = mint.successor(presented);
    let lifetime = context.now + context.policy.refresh_token;
    let refresh_expires_at = match store.rotate(presented, &next.hash, lifetime, context.now).await? {
        Rotation::Rotated => lifetime,
        Rotation::Repeated(end) => end,
        Rotation::Reused => {
            store.revoke(presented.user, presented.family, context.now).await?;
            return Err(Error::InvalidRefreshToken);
        }
        Rotation::Unknown => return Err(Error::InvalidRefreshToken),
    };
    let user = store.by_id(presented.user).await?.ok_or(Error::InvalidRefreshToken)?;
    Ok(Grant { user, family: presented.family, refresh_token: next.token, refresh_expires_at })
}

/// Ends a login: its refresh tokens are good for nothing any more. Only the newest one, or one used before, proves
/// that the login is the caller's. May be repeated, for whoever was interrupted before the login's connections were closed.
pub async fn logout(store: &(impl Families + Sync), context: Context<'_>, presented: &PresentedRefresh) -> Result<()> {
    store.end(presented, context.now).await?.then_some(()).ok_or(Error::InvalidRefreshToken)
}

/// Changes the password and ends every login but the caller's, which gets a new refresh token.
///
/// Other logins end before the change and again after it: the first for those that are there, the second for those
/// that began meanwhile, with the old password. Later ones find the new hash and end themselves, see [`grant`]. Whoever was
/// interrupted asks again; that the new password is already the right one then proves as much as the old one did.
pub async fn change_password(
    store: &(impl Users + Families + Throttles + Sync),
    hasher: &impl PasswordHasher,
    mint: &impl RefreshMint,
    context: Context<'_>,
    caller: &Person,
    current: &Password,
    new: &Password,
) -> Result<Grant> {
    let mut user = prove(store, hasher, context, caller.user_id, &[current, new]).await?;
    if hasher.verify(current, Some(&user.password)).await? {
        let hash = hasher.hash(new).await?;
        store.revoke_all(user.id, Some(caller.family), context.now).await?;
        if !store.replace_password(user.id, &user.password, &hash).await? {
            return Err(Error::InvalidCredentials);
        }
        user.password = hash;
    }
    let grant = match reissue(store, mint, context, user.clone(), caller.family).await? {
        Some(grant) => grant,
        None => grant(store, mint, context, user).await?.ok_or(Error::InvalidCredentials)?,
    };
    store.revoke_all(grant.user.id, Some(grant.family), context.now).await?;
    Ok(grant)
}

/// The caller's account, once the password proved that it is theirs. Wrong ones are counted.
pub async fn prove_password(
    store: &(impl Users + Throttles + Sync),
    hasher: &impl PasswordHasher,
    context: Context<'_>,
    user: UserId,
    password: &Password,
) -> Result<User> {
    prove(store, hasher, context, user, &[password]).await
}

/// The same with one of several passwords.
async fn prove(
    store: &(impl Users + Throttles + Sync),
    hasher: &impl PasswordHasher,
    context: Context<'_>,
    user: UserId,
    passwords: &[&Password],
) -> Result<User> {
    let user = store.by_id(user).await?.ok_or(Error::Unauthorized)?;
    let counted = Counted::WrongPasswordsOf(user.id);
    store.hit(&counted, context.policy.failed_logins_per_account, context.now).await?;
    for password in passwords {
        if hasher.verify(password, Some(&user.password)).await? {
            store.refund(&counted, context.now).await?;
            return Ok(user);
        }
    }
    Err(Error::InvalidCredentials)
}

/// Refuses a caller whose account is gone, or going.
pub async fn require_account(store: &(impl Users + Sync), caller: &Person) -> Result<()> {
    store.password_of(caller.user_id).await?.map(drop).ok_or(Error::Unauthorized)
}

/// Refuses a caller whose account is gone, or whose token was taken back. A key was looked at when it was verified.
pub async fn require_live(store: &(impl Users + Families + Sync), context: Context<'_>, caller: &Caller) -> Result<()> {
    match caller {
        Caller::Account(person) => require_account(store, person).await,
        Caller::Participant(person) => {
            let live = store.is_live(person.user_id, person.family, context.now).await?;
            live.then_some(()).ok_or_else(|| person.gone())
        }
        Caller::Backend(_) => Ok(()),
    }
}

/// Starts a family for an account whose password was proven; `None` when that is not its password any more.
///
/// Whoever changes the password, or removes the account, does that first and looks for families then; here the family comes
/// first and the look at the password then. So one of the two sees the other, in whatever order they run.
async fn grant(
    store: &(impl Users + Families + Sync),
    mint: &impl RefreshMint,
    context: Context<'_>,
    user: User,
) -> Result<Option<Grant>> {
    let family = FamilyId::new(context.ids, context.now);
    let minted = mint.mint(user.id, family);
    let refresh_expires_at = context.now + context.policy.refresh_token;
    store.start(user.id, family, &minted.hash, refresh_expires_at).await?;
    if store.password_of(user.id).await?.as_ref() != Some(&user.password) {
        store.revoke(user.id, family, context.now).await?;
        return Ok(None);
    }
    Ok(Some(Grant { user, family, refresh_token: minted.token, refresh_expires_at }))
}

/// A new refresh token in a family that goes on; `None` when the family is over.
async fn reissue(
    store: &(impl Families + Sync),
    mint: &impl RefreshMint,
    context: Context<'_>,
    user: User,
    family: FamilyId,
) -> Result<Option<Grant>> {
    let minted = mint.mint(user.id, family);
    let refresh_expires_at = context.now + context.policy.refresh_token;
    let reissued = store.reissue(user.id, family, &minted.hash, refresh_expires_at, context.now).await?;
    Ok(reissued.then_some(Grant { user, family, refresh_token: minted.token, refresh_expires_at }))
}
